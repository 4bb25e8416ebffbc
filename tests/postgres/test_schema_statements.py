"""Every statement of the package is whole, and PostgreSQL can plan it against our tables."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping
from typing import Any

import pytest

import aiocancel.postgres
from aiocancel.core.actions import ActionKind, ActionState
from tests.support.idempotency_keys import key_text
from tests.support.saas import Pool

WISH: dict[str, Any] = {
    "vendor": "prosperstack",
    "mode": "live",
    "subscription_id": "sub_1",
    "flow_session_id": "sess_1",
    "grant_nonce": "nonce",
    "kind": "apply_offer",
    "ordinal": 1,
}
PAST_THE_VENDOR = WISH | {"flow_session_id": None}
OTHER_WISHES: list[dict[str, Any]] = [
    WISH | {"vendor": "staysignal"},
    WISH | {"mode": "test"},
    WISH | {"subscription_id": "sub_2"},
    WISH | {"flow_session_id": "sess_2"},
    WISH | {"kind": "cancel_now"},
    WISH | {"ordinal": 0},
    # No part reaches into the next.
    WISH | {"subscription_id": "sub_", "flow_session_id": "1sess_1"},
    PAST_THE_VENDOR,
    PAST_THE_VENDOR | {"grant_nonce": "another"},
]

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


async def key_in_sql(pool: Pool, wish: Mapping[str, Any]) -> str:
    return str(
        await pool.fetchval("SELECT aiocancel.wish_key($1, $2, $3, $4, $5, $6, $7)", *wish.values())
    )


async def test_the_text_of_a_key_is_the_same_for_ever(pool: Pool) -> None:
    of_a_session, of_a_grant = await key_in_sql(pool, WISH), await key_in_sql(pool, PAST_THE_VENDOR)

    assert of_a_session == "aiocancel-8a163d52ed1a6fce63358dd6c508fa9e569b1d62-1-1"
    assert of_a_grant == "aiocancel-8ea6aa487af7c3992aed2fd7cbd6ab432339a430-1-1"


async def test_each_wish_has_one_key_whatever_page_it_was_opened_on(pool: Pool) -> None:
    keys = [await key_in_sql(pool, wish) for wish in (WISH, *OTHER_WISHES)]

    assert len(set(keys)) == len(keys)
    assert await key_in_sql(pool, WISH | {"grant_nonce": "another page"}) == keys[0]


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


@pytest.mark.parametrize("name", ["leasing.TAKE", "leasing.FIND_FORGOTTEN"])
async def test_whose_turn_it_is_is_put_into_the_statements_that_ask_for_it(
    pool: Pool, name: str
) -> None:
    async with pool.acquire() as connection, connection.transaction():
        # As workers have it after five times, and without their values.
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE asked AS {STATEMENTS[name]}")
        nothing = ", ".join(["NULL"] * max(map(int, re.findall(r"\$(\d+)", STATEMENTS[name]))))
        plan = await connection.fetch(f"EXPLAIN EXECUTE asked ({nothing})")
        await connection.execute("DEALLOCATE asked")

    text = "\n".join(row[0] for row in plan)
    assert "Function Scan" not in text
    assert re.search(r"on action o\b", text)


@pytest.mark.parametrize("state", list(ActionState))
@pytest.mark.parametrize("is_closed", [False, True])
async def test_a_person_is_waited_for_where_an_action_is_parked_and_not_closed(
    pool: Pool, state: ActionState, is_closed: bool
) -> None:
    waits = await pool.fetchval(
        "SELECT aiocancel.waits_for_a_person($1, CASE WHEN $2 THEN now() END)", state, is_closed
    )

    assert waits is (state is ActionState.PARKED and not is_closed)


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ("aiocancel.is_gift(kind)", {"apply_offer", "expect_offer", "run_offer_handler"}),
        ("aiocancel.has_cancelled(kind, NULL)", {"expect_cancellation"}),
        (
            "aiocancel.has_cancelled(kind, now())",
            {"expect_cancellation", "cancel_at_period_end", "cancel_now"},
        ),
    ],
)
async def test_gifts_and_ends_are_told_by_their_kind(
    pool: Pool, condition: str, kinds: set[str]
) -> None:
    query = f"SELECT kind FROM unnest($1::text[]) AS k (kind) WHERE {condition}"

    assert {row["kind"] for row in await pool.fetch(query, list(ActionKind))} == kinds


SAID_ONCE = {
    "waits_for_a_person": r"\bparked' AND (?:\w+\.)?closed_at IS NULL",
    "is_gift": r"'apply_offer', 'expect_offer', 'run_offer_handler'",
    "has_cancelled": r"'cancel_at_period_end', 'cancel_now'\) AND",
    "before_in_lane": r"\bo\.lane = a\.lane AND o\.id <> a\.id",
    # Of actions that Stripe hears of, and of hooks; others name themselves by their claim.
    "wish_key and telling_key": r"\bsha256\(|-hooks\b",
}


@pytest.mark.parametrize("function", SAID_ONCE)
def test_what_a_function_says_no_statement_says_by_itself(function: str) -> None:
    again = [name for name, text in STATEMENTS.items() if re.search(SAID_ONCE[function], text)]

    assert again == []


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("aiocancel.waits_for_a_person(state, closed_at)", "action_parked"),
        (
            "subscription_id = 'sub_1' AND aiocancel.is_gift(kind) AND state <> 'refused'",
            "action_gift",
        ),
    ],
)
async def test_a_condition_behind_a_function_is_still_found_by_its_index(
    pool: Pool, condition: str, index: str
) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.fetch(f"EXPLAIN SELECT id FROM aiocancel.action WHERE {condition}")

    assert index in "\n".join(row[0] for row in plan)
