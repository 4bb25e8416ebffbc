"""Every statement of the package is whole, and PostgreSQL can plan it against our tables."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import aiocancel.postgres
from aiocancel.core.actions import ActionKind, ActionState
from aiocancel.core.idempotency import key_text
from tests.support.saas import Pool

FOLLOW_UPS = {ActionKind.ACKNOWLEDGE: 800, ActionKind.END_PAUSE: 900, ActionKind.RUN_HOOKS: 1000}


def statements() -> dict[str, str]:
    """Every constant of the package that is a statement on our tables, by module and name."""
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(aiocancel.postgres.__path__):
        members = vars(importlib.import_module(f"aiocancel.postgres.{module.name}"))
        for name, value in members.items():
            if name.isupper() and isinstance(value, str) and " aiocancel." in value:
                found[f"{module.name}.{name}"] = value
    return found


STATEMENTS = statements()


@pytest.mark.parametrize("name", [name for name in STATEMENTS if not name.endswith("._BOOTSTRAP")])
async def test_a_statement_can_be_prepared_as_it_stands(pool: Pool, name: str) -> None:
    async with pool.acquire() as connection:
        prepared = await connection.prepare(STATEMENTS[name])

        assert await connection.fetchval(
            "SELECT count(*) FROM pg_prepared_statements WHERE name = $1", prepared.get_name()
        )


def test_the_statements_that_move_an_action_are_among_them() -> None:
    settling = {"FINISH", "PARK", "REFUSE", "WAIT", "DEFER"}

    assert {f"settling.{name}" for name in settling} <= set(STATEMENTS)
    assert {"leasing.TAKE", "leasing.RENEW", "claims.ACCEPT_WITH_ACTIONS"} <= set(STATEMENTS)


@pytest.mark.parametrize("flow_session_id", ["sess_1", "sess_ü", None])
@pytest.mark.parametrize(("kind", "ordinal"), [("cancel_now", 0), ("end_pause", 900)])
async def test_the_idempotency_key_is_the_same_text_in_sql_and_in_python(
    pool: Pool, flow_session_id: str | None, kind: str, ordinal: int
) -> None:
    wish = ("prosperstack", "test", "sub_1", flow_session_id, "nonce-1", kind, ordinal)

    key = await pool.fetchval("SELECT aiocancel.wish_key($1, $2, $3, $4, $5, $6, $7)", *wish)

    assert key == key_text(*wish)


@pytest.mark.parametrize(
    "key", ["aiocancel-12345678-9abc-def0-1234-56789abcdef0-0-1", "aiocancel-" + "0f" * 20 + "-0-1"]
)
async def test_the_next_generation_of_a_key_differs_in_nothing_else(pool: Pool, key: str) -> None:
    following = await pool.fetchval("SELECT aiocancel.key_in_generation($1, 12)", key)

    assert following == key.removesuffix("-1") + "-12"


@pytest.mark.parametrize("kind", ActionKind)
async def test_a_follow_up_has_its_own_ordinal_and_is_no_part_of_the_answer(
    pool: Pool, kind: ActionKind
) -> None:
    row = await pool.fetchrow(
        "SELECT aiocancel.follow_up_ordinal($1) AS ordinal, aiocancel.is_asked_for($1) AS asked_for",
        kind,
    )

    assert row is not None
    assert (row["ordinal"], row["asked_for"]) == (FOLLOW_UPS.get(kind), kind not in FOLLOW_UPS)


@pytest.mark.parametrize(
    "state", [state for state in ActionState if state is not ActionState.CLOSED]
)
async def test_an_action_that_a_person_has_dealt_with_is_shown_as_closed(
    pool: Pool, state: ActionState
) -> None:
    shown = "SELECT aiocancel.shown_state($1, CASE WHEN $2::boolean THEN now() END)"

    assert await pool.fetchval(shown, state, False) == state
    assert await pool.fetchval(shown, state, True) == ActionState.CLOSED


async def test_the_functions_are_put_into_the_statements_that_use_them(pool: Pool) -> None:
    asked = "EXPLAIN SELECT FROM aiocancel.action a WHERE aiocancel.is_asked_for(a.kind)"
    next_one = "EXPLAIN (VERBOSE) SELECT n.* FROM aiocancel.next_in_lane('sub_1', 7) n"

    plans = ["\n".join(row[0] for row in await pool.fetch(query)) for query in (asked, next_one)]

    assert "is_asked_for" not in plans[0]
    assert "Function Scan" not in plans[1]
    assert "action" in plans[1]
