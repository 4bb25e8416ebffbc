"""``aiocancel erase`` and ``purge``: personal data goes; keys, outcomes and unfinished work stay."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest

from aiocancel.cli.main import main
from aiocancel.core.actions import Action, ActionKind, Receipt
from aiocancel.core.by_hand import Operation
from aiocancel.core.codes import Code
from aiocancel.core.decision import Policy
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offers.terms import AcceptedOffer, CustomTerms
from aiocancel.errors import ConflictError
from aiocancel.postgres.by_hand import Operations
from aiocancel.postgres.evidence import Evidence
from aiocancel.postgres.flow_sessions import FlowSessions
from aiocancel.postgres.ledger import Ledger
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.support.claims import make_claim, make_grant, record, take_due
from tests.support.commands import with_pool
from tests.support.flow_sessions import new_session
from tests.support.saas import Pool

WORDS = "Ada Lovelace left because of Bob"
METADATA = "+44 20 7946 0018"
PERSONAL = (WORDS, METADATA, "ada@example.com", "ada-is-angry")
# What customers are shown is nobody's. All other tables are looked through, also one that a later migration adds.
TABLES_OF_PEOPLE = """
SELECT tablename FROM pg_tables WHERE schemaname = 'aiocancel'
  AND tablename NOT IN ('flow_definition', 'flow_words')
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shop(
    postgres: EmbeddedPostgres, template_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The DSN of a database in which one customer cancelled, got an offer and was dealt with by a person."""
    name = f"erase_{uuid.uuid4().hex}"
    database = asyncio.run(postgres.create_database(name, template=template_database))
    monkeypatch.setenv("AIOCANCEL_DATABASE_URL", database)
    with_pool(database, fill)
    yield database
    asyncio.run(postgres.drop_database(name))


async def fill(pool: Pool) -> None:
    ledger = Ledger(pool)
    await claim(pool, "canceled", text=WORDS)
    (taken,) = await take_due(pool, uuid.uuid4())
    await ledger.begin_write(taken)
    await ledger.finish(taken, Receipt("active", None))

    await claim(pool, "saved", session="sess_1")
    (taken,) = await take_due(pool, uuid.uuid4())
    offer = AcceptedOffer("offr_custom", CustomTerms(), {"phone": METADATA})
    handled = Action(ActionKind.RUN_OFFER_HANDLER, SubscriptionId("sub_1"), offer=offer)
    await ledger.confirm(taken, "offr_custom", [handled])
    (taken,) = await take_due(pool, uuid.uuid4())
    await ledger.park(taken, Code.NO_HANDLER_FOR_THIS_OFFER)
    async with pool.acquire() as connection:
        await Operations(connection).operate(
            Operation.CLOSE, taken.action_id, reason="ada-is-angry"
        )

    comment = {"comment": WORDS, "follow_up": METADATA}
    await FlowSessions(pool).open(
        "own_1", new_session("sub_1", customer_id="ada@example.com", comment=comment)
    )

    # The flow vendor tells of one that names nobody.
    await claim(pool, "canceled", customer="", session="sess_2", text=WORDS)
    (taken,) = await take_due(pool, uuid.uuid4())
    await ledger.finish(taken, Receipt("active", None))
    await Evidence(pool).seal()


async def claim(
    pool: Pool,
    status: str,
    *,
    customer: str = "ada@example.com",
    subscription: str = "sub_1",
    **fields: Any,
) -> None:
    grant = make_grant(subscription, customer_id=customer)
    await record(Ledger(pool), make_claim(status, **fields), grant, Policy(verifies_offers=True))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        return (main(list(arguments)), *capsys.readouterr())

    return call


def content(database: str) -> str:
    """All that the tables hold, as text."""

    async def read(pool: Pool) -> str:
        tables = [row[0] for row in await pool.fetch(TABLES_OF_PEOPLE)]
        rows = [await pool.fetch(f"SELECT t::text FROM aiocancel.{table} t") for table in tables]
        return "\n".join(str(row[0]) for table in rows for row in table)

    return with_pool(database, read)


def keys(database: str) -> list[Any]:
    return with_pool(
        database,
        lambda pool: pool.fetch(
            "SELECT c.grant_nonce, c.status, c.flow_session_id, a.idempotency_key, a.state, a.receipt_status,"
            " a.parked_code FROM aiocancel.claim c JOIN aiocancel.action a ON a.claim_id = c.id ORDER BY a.id"
        ),
    )


def test_erasing_a_customer_leaves_keys_and_outcomes_and_nothing_personal(
    shop: str, run: Run
) -> None:
    before, kept = content(shop), keys(shop)
    assert all(each in before for each in PERSONAL)

    status, out, err = run("erase", "--customer", "ada@example.com")

    assert (status, err) == (0, "")
    assert (
        out == "erased the personal data of claims: 3, with actions: 4, and of flow sessions: 1\n"
    )
    after = content(shop)
    assert [each for each in PERSONAL if each in after] == []
    assert keys(shop) == kept


def test_evidence_that_is_to_be_kept_stays_until_a_later_purge(shop: str, run: Run) -> None:
    _, out, _ = run("erase", "--customer", "ada@example.com", "--keep-evidence")

    assert "the evidence stays, of claims: 3" in out
    kept = content(shop)
    assert [each for each in PERSONAL if each not in kept] == []
    assert keys(shop) != []

    _, out, _ = run("purge", "--older-than", "400d")
    assert "evidence" not in out
    with_pool(
        shop,
        lambda pool: pool.execute(
            "UPDATE aiocancel.claim SET recorded_at = now() - interval '1101 days'"
        ),
    )
    _, out, _ = run("purge", "--older-than", "1100d", "--dry-run")
    assert "would erase the evidence of claims that were erased before: 3" in out
    assert content(shop) != ""
    _, out, _ = run("purge", "--older-than", "1100d")
    assert "erased the evidence of claims that were erased before: 3" in out
    after = content(shop)
    assert [each for each in PERSONAL if each in after] == []


def test_a_dry_run_that_would_keep_evidence_counts_it(shop: str, run: Run) -> None:
    before = content(shop)

    _, out, _ = run("erase", "--customer", "ada@example.com", "--keep-evidence", "--dry-run")

    assert "the evidence stays, of claims: 3" in out
    assert content(shop) == before


def test_a_dry_run_counts_and_erases_nothing(shop: str, run: Run) -> None:
    before = content(shop)

    status, out, _ = run("erase", "--customer", "ada@example.com", "--dry-run", "--json")

    assert status == 0
    assert json.loads(out) == {
        "claims": 3,
        "actions": 4,
        "sessions": 1,
        "evidence": 0,
        "evidence_kept": 0,
        "unfinished": [],
        "dry_run": True,
    }
    assert content(shop) == before


def test_erasing_twice_finds_nothing_more(shop: str, run: Run) -> None:
    run("erase", "--customer", "ada@example.com")
    before = content(shop)

    _, out, _ = run("erase", "--customer", "ada@example.com")

    assert "claims: 0, with actions: 0" in out
    assert content(shop) == before


def test_an_unfinished_action_is_left_alone_and_named(shop: str, run: Run) -> None:
    with_pool(shop, lambda pool: claim(pool, "canceled", text="not yet done"))

    status, out, _ = run("erase", "--customer", "ada@example.com")

    assert status == 1
    assert "(cancel_at_period_end) is waiting" in out
    assert "not yet done" in content(shop)
    assert WORDS not in content(shop)


def test_another_customers_data_stays(shop: str, run: Run) -> None:
    with_pool(
        shop,
        lambda pool: claim(
            pool, "incomplete", customer="bob", subscription="sub_2", text="Bob's words"
        ),
    )

    run("erase", "--customer", "ada@example.com")

    assert "Bob's words" in content(shop)


def test_a_claim_that_names_nobody_is_erased_by_its_subscription(shop: str, run: Run) -> None:
    status, out, _ = run("erase", "--subscription", "sub_1")

    assert (status, "claims: 1, with actions: 1" in out) == (0, True)
    assert "ada@example.com" in content(shop)


def test_purging_erases_what_is_older_and_keeps_the_rest(shop: str, run: Run) -> None:
    with_pool(
        shop,
        lambda pool: pool.execute(
            "UPDATE aiocancel.claim SET recorded_at = now() - interval '401 days' WHERE flow_session_id IS NULL"
        ),
    )

    status, out, _ = run("purge", "--older-than", "400d")

    assert (status, "claims: 1, with actions: 1" in out) == (0, True)
    after = content(shop)
    assert (METADATA in after, "ada-is-angry" in after) == (True, True)


@pytest.mark.parametrize("age", ["", "0d", "400", "-1d", "36501d", "1y"])
def test_an_age_that_makes_no_sense_is_refused(run: Run, age: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("purge", f"--older-than={age}")


def test_an_erased_customer_is_not_named_again_by_an_equal_post(shop: str, run: Run) -> None:
    run("erase", "--customer", "ada@example.com")

    with pytest.raises(ConflictError, match="erased"):
        with_pool(shop, lambda pool: claim(pool, "canceled", session="sess_2"))

    assert "ada@example.com" not in content(shop)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE aiocancel.journal SET code = 'erased' WHERE entry = 'action_closed'",
        "UPDATE aiocancel.journal SET code = 'other' WHERE entry = 'action_closed'",
        "UPDATE aiocancel.journal SET code = 'erased' WHERE entry = 'claim_recorded'",
        "UPDATE aiocancel.journal SET code = 'erased', at = now() WHERE entry = 'action_closed'",
        "DELETE FROM aiocancel.journal",
    ],
)
@pytest.mark.parametrize("is_erased", [False, True])
def test_the_journal_lets_nothing_but_an_operators_word_be_erased(
    shop: str, run: Run, statement: str, is_erased: bool
) -> None:
    if is_erased:
        run("erase", "--customer", "ada@example.com")
    is_allowed = is_erased and statement.startswith(
        "UPDATE aiocancel.journal SET code = 'erased' WHERE entry = 'action_closed'"
    )

    if is_allowed:
        with_pool(shop, lambda pool: pool.execute(statement))
        return
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        with_pool(shop, lambda pool: pool.execute(statement))


@pytest.mark.parametrize("end", ["finish", "park", "refuse"])
def test_the_link_to_an_invoice_goes_when_the_action_ends(shop: str, end: str) -> None:
    async def ended(pool: Pool) -> str:
        ledger = Ledger(pool)
        await claim(pool, "canceled", subscription="sub_2")
        await pool.execute(
            "UPDATE aiocancel.action SET payment_url = 'https://invoice.example' WHERE subscription_id = 'sub_2'"
        )
        (taken,) = await take_due(pool, uuid.uuid4())

        match end:
            case "finish":
                await ledger.finish(taken, Receipt("active", None))
            case "park":
                await ledger.park(taken, Code.CARD_DECLINED)
            case _:
                await ledger.refuse(taken, Code.PAYMENT_WAS_NOT_MADE)

        return str(
            await pool.fetchval(
                "SELECT payment_url FROM aiocancel.action WHERE id = $1", taken.action_id
            )
        )

    assert with_pool(shop, ended) == ""
