"""Facts are sealed into one chain without gap or fork, by any process, also where one dies in the middle."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from aiocancel.core.actions import Receipt
from aiocancel.core.codes import Code
from aiocancel.core.declaration import Declaration
from aiocancel.core.evidence import Head, genesis, link_hash, verify
from aiocancel.errors import UnavailableError
from aiocancel.postgres.claims import RecordedClaim
from aiocancel.postgres.erasure import Erasure
from aiocancel.postgres.evidence import BATCH, Evidence
from aiocancel.postgres.evidence_files import EvidenceFiles
from aiocancel.postgres.flow_sessions import FlowSessions
from aiocancel.postgres.ledger import Ledger
from tests.support.claims import make_claim, make_grant, record, take_due
from tests.support.flow_sessions import SHOWN, VERSION, accept, begin, own_claim
from tests.support.saas import Pool

ADA = "ada@example.com"
WORDS = "Ada Lovelace left because of Bob"


async def ask(
    pool: Pool, subscription: str = "sub_1", customer: str = ADA, **more: Any
) -> RecordedClaim:
    claim = make_claim(
        "canceled", text=WORDS, declaration=Declaration("de", "jetzt kündigen"), **more
    )
    return await record(Ledger(pool), claim, make_grant(subscription, customer_id=customer))


async def carry_out(pool: Pool, result: str = "accepted", request_id: str = "req_1") -> None:
    """Let the oldest action that waits reach Stripe and end."""
    ledger = Ledger(pool)
    taken, *_ = await take_due(pool, uuid.uuid4(), limit=1)
    await ledger.begin_write(taken)
    await ledger.end_write(taken, result, code=None, request_id=request_id)
    await ledger.finish(taken, Receipt("active", None))


async def cancelled(pool: Pool, subscription: str = "sub_1", customer: str = ADA) -> RecordedClaim:
    recorded = await ask(pool, subscription, customer)
    await carry_out(pool)
    return recorded


async def exported(pool: Pool, claim: uuid.UUID) -> dict[str, Any]:
    async with pool.acquire() as connection:
        found = await EvidenceFiles(connection).export(claim)
    assert found is not None
    assert verify(found).problems == ()
    return found


async def seal_all(pool: Pool) -> None:
    while await Evidence(pool).seal():
        pass


async def is_one_chain(pool: Pool) -> int:
    """Assert that the links of the database are one chain; returns how many there are."""
    chain = await pool.fetchval("SELECT id::text FROM aiocancel.evidence_chain")
    head: Head = genesis(chain)
    for row in await pool.fetch(
        "SELECT *, encode(sha256(convert_to(fact, 'UTF8')), 'hex') AS fact_sha256"
        " FROM aiocancel.evidence_link ORDER BY position"
    ):
        assert (row["position"] - 1, row["previous"]) == (head.position, head.hash)
        made = link_hash(chain, row["position"], row["previous"], row["fact_sha256"])
        assert row["hash"] == made
        head = Head(row["position"], made)
    return head.position


def whats(found: dict[str, Any]) -> list[str]:
    return [each["fact"]["what"] for each in found["links"]]


async def test_everything_that_happens_to_a_claim_is_a_link(pool: Pool) -> None:
    recorded = await ask(pool)
    await seal_all(pool)
    await carry_out(pool)

    found = await exported(pool, recorded.public_id)

    assert whats(found) == [
        "claim_recorded",
        "outcome_verified",
        "actions_enqueued",
        "attempt_ended",
        "action_applied",
    ]
    claim, *_, attempt, applied = found["links"]
    assert claim["content"]["declaration"]["words"] == "jetzt kündigen"
    assert claim["content"]["reason_text"] == WORDS
    assert attempt["fact"]["stripe_request"] == "req_1"
    assert attempt["fact"]["result"] == "accepted"
    assert applied["fact"]["receipt"] == {"status": "active", "ends_at": None}
    assert await is_one_chain(pool) == 5
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.evidence_due") == 0
    assert found["not_chained"] == []


async def test_a_link_names_no_person(pool: Pool) -> None:
    await cancelled(pool, "sub_of_ada")
    await seal_all(pool)

    facts = await pool.fetch("SELECT fact FROM aiocancel.evidence_link")

    assert not [row for row in facts if WORDS in row["fact"] or "sub_of_ada" in row["fact"]]


async def test_what_the_vendor_tells_later_and_whose_the_claim_is_are_links_too(pool: Pool) -> None:
    recorded = await ask(pool, session="sess_1", customer="")
    await seal_all(pool)

    await ask(pool, session="sess_1", customer=ADA)
    found = await exported(pool, recorded.public_id)

    assert whats(found)[-1] == "claim_told_more"
    assert found["links"][0]["content"]["customer"] == ""
    assert found["links"][-1]["content"]["customer"] == ADA


async def test_a_files_neighbours_are_hashes_and_nothing_else_of_another_customer(
    pool: Pool,
) -> None:
    await ask(pool, "sub_bob", "bob")
    recorded = await ask(pool)
    await ask(pool, "sub_eve", "eve")

    found = await exported(pool, recorded.public_id)

    assert [each["position"] for each in found["neighbours"]] == [3, 7]
    assert set(found["neighbours"][0]) == {"position", "previous", "fact_sha256", "hash"}
    assert "bob" not in json.dumps(found)
    assert "eve" not in json.dumps(found)


async def test_what_the_same_customer_asked_for_later_is_named(pool: Pool) -> None:
    recorded = await cancelled(pool)
    later = await ask(pool)
    await ask(pool, "sub_1", "bob")

    found = await exported(pool, recorded.public_id)

    assert [each["claim"] for each in found["other_claims"]] == [str(later.public_id)]


async def test_an_operators_word_is_content_and_no_part_of_the_link(pool: Pool) -> None:
    recorded = await ask(pool)
    (taken,) = await take_due(pool, uuid.uuid4())
    await Ledger(pool).park(taken, Code.CARD_DECLINED)
    await pool.execute(
        "INSERT INTO aiocancel.journal (claim_id, action_id, entry, code, operator)"
        " VALUES ($1, $2, 'action_closed', 'ada-is-angry', 'olga')",
        taken.claim_id,
        taken.action_id,
    )

    closed = (await exported(pool, recorded.public_id))["links"][-1]

    assert closed["content"] == {"said": "ada-is-angry", "operator": "olga"}
    assert closed["fact"]["code"] is None


async def test_what_was_stored_before_the_chain_is_said_to_be_no_part_of_it(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        # As the release before stored it.
        await connection.execute("SET LOCAL session_replication_role = replica")
        claim = await connection.fetchval(
            "INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, customer_id,"
            " subscription_id, mode, change, recovery_point) VALUES (gen_random_uuid(), 'n', true, 'own', 'canceled',"
            " $1, 'sub_1', 'test', 'cancellation', 'claim_recorded') RETURNING id",
            ADA,
        )
        await connection.execute(
            "INSERT INTO aiocancel.journal (claim_id, entry) VALUES ($1, 'claim_recorded')", claim
        )
    public_id = await pool.fetchval("SELECT public_id FROM aiocancel.claim WHERE id = $1", claim)
    await pool.execute("INSERT INTO aiocancel.journal (claim_id, entry) VALUES ($1, 'told')", claim)

    found = await exported(pool, public_id)

    assert whats(found) == ["told"]
    (old,) = found["not_chained"]
    assert old["fact"]["what"] == "claim_recorded"
    assert old["content"]["customer"] == ADA
    assert old["why"] == "it is younger than the chain, and was never sealed"

    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("UPDATE aiocancel.journal SET at = '2025-01-01'")
    (old,) = (await exported(pool, public_id))["not_chained"]
    assert old["why"] == "it is older than the chain"


async def test_a_run_of_another_customer_through_a_flow_is_no_part_of_a_claim(pool: Pool) -> None:
    """Whose subscription it was before, for instance."""
    await begin(FlowSessions(pool), customer_id="bob")
    recorded = await record(
        Ledger(pool), own_claim("canceled", "own_1"), make_grant("sub_1", customer_id=ADA)
    )
    await pool.execute(
        "UPDATE aiocancel.flow_session SET state = 'canceled', ended_at = now(), stripe = NULL"
    )

    found = await exported(pool, recorded.public_id)

    assert "session_ended" not in whats(found)
    assert "bob" not in json.dumps(found)
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.evidence_due") == 0


async def test_an_accepted_offer_is_evidence_with_the_terms_that_were_shown(pool: Pool) -> None:
    await begin(FlowSessions(pool), customer_id=ADA)
    recorded = await accept(Ledger(pool), customer_id=ADA)

    async with pool.acquire() as connection:
        found = await EvidenceFiles(connection).export(recorded.public_id)

    assert found is not None
    (session,) = [each for each in found["links"] if each["fact"]["what"] == "session_ended"]
    assert session["content"]["accepted_offer"] == "half_price"
    assert session["content"]["shown"] == [SHOWN]
    assert session["fact"]["definition"] == VERSION
    assert list(found["words"]) == ["w1"]


async def test_a_public_declaration_and_the_cancellation_that_came_of_it_name_each_other(
    pool: Pool,
) -> None:
    declaration = await declared(pool, "of Ada", ADA)
    await declared(pool, "of a stranger", "")
    grant = make_grant(customer_id=ADA, nonce=f"public:{declaration}")
    cancellation = (await record(Ledger(pool), make_claim("canceled"), grant)).public_id

    files = [await exported(pool, each) for each in (declaration, cancellation)]

    named = [[other["claim"] for other in found["other_claims"]] for found in files]
    assert named == [[str(cancellation)], [str(declaration)]]


async def test_a_claim_that_is_none_has_no_file(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await EvidenceFiles(connection).export(uuid.uuid4()) is None


# --- several that seal, and one that dies ----------------------------------------------------------------


async def test_several_workers_at_once_make_one_chain_of_all_that_many_sites_store(
    pool: Pool,
) -> None:
    async def site(number: int) -> None:
        for turn in range(5):
            await ask(pool, f"sub_{number}_{turn}", f"customer_{number}")

    async def worker(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await Evidence(pool).seal()

    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(worker(stop)) for _ in range(3)]
        sites = [group.create_task(site(number)) for number in range(8)]
        await asyncio.wait(sites)
        stop.set()
        await asyncio.wait(workers)
    await seal_all(pool)

    assert (
        await is_one_chain(pool)
        == await pool.fetchval("SELECT count(*) FROM aiocancel.journal")
        == 120
    )


async def test_a_fact_that_is_committed_late_is_sealed_late_and_not_forgotten(pool: Pool) -> None:
    recorded = await ask(pool)
    claim = await pool.fetchval("SELECT id FROM aiocancel.claim")
    async with pool.acquire() as slow, slow.transaction():
        await slow.execute(
            "INSERT INTO aiocancel.journal (claim_id, entry) VALUES ($1, 'slow')", claim
        )
        await pool.execute(
            "INSERT INTO aiocancel.journal (claim_id, entry) VALUES ($1, 'fast')", claim
        )
        await seal_all(pool)

    assert whats(await exported(pool, recorded.public_id))[-2:] == ["fast", "slow"]


_cut: ContextVar[list[int] | None] = ContextVar("cut", default=None)


@pytest.fixture
def statements_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement is cut off before it reaches the database, or after it took effect."""
    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        original = getattr(asyncpg.Connection, name)

        async def cut_off(self: Any, *given: Any, _original: Any = original, **named: Any) -> Any:
            left = _cut.get()
            if left is None:
                return await _original(self, *given, **named)
            left[0] -= 1
            if left[0] == 0:
                raise asyncpg.ConnectionDoesNotExistError("cut off before")
            result = await _original(self, *given, **named)
            left[0] -= 1
            if left[0] == 0:
                raise asyncpg.ConnectionDoesNotExistError("cut off after")
            return result

        monkeypatch.setattr(asyncpg.Connection, name, cut_off)


@contextmanager
def cut_at(moment: int) -> Iterator[list[int]]:
    token = _cut.set(left := [moment])
    try:
        yield left
    finally:
        _cut.reset(token)


@pytest.mark.usefixtures("statements_can_fail")
async def test_a_worker_that_dies_between_two_statements_leaves_neither_gap_nor_fork(
    pool: Pool,
) -> None:
    died = []
    for moment in range(1, 40):
        await ask(pool, f"sub_{moment}")
        with cut_at(moment) as left, suppress(UnavailableError):
            await Evidence(pool).seal()
        died.append(left[0] <= 0)
        await is_one_chain(pool)
    await seal_all(pool)

    assert await is_one_chain(pool) == await pool.fetchval("SELECT count(*) FROM aiocancel.journal")
    assert any(died)
    assert not all(died), "there are more statements than this test cuts off"


@asynccontextmanager
async def holding_the_chain(pool: Pool) -> AsyncIterator[None]:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", 0x61696F65)
        yield


async def test_while_another_worker_seals_nothing_waits_for_it(pool: Pool) -> None:
    async with holding_the_chain(pool):
        await cancelled(pool)
        assert await Evidence(pool).seal() == 0

    await seal_all(pool)
    assert await is_one_chain(pool) == 5


async def test_more_than_a_batch_is_sealed_in_turns(pool: Pool) -> None:
    await ask(pool)
    await pool.execute(
        "INSERT INTO aiocancel.journal (claim_id, entry)"
        " SELECT id, 'told' FROM aiocancel.claim, generate_series(1, $1)",
        BATCH,
    )

    assert [await Evidence(pool).seal() for _ in range(3)] == [BATCH, 3, 0]
    assert await is_one_chain(pool) == BATCH + 3


async def test_content_that_our_json_cannot_hold_is_sealed_as_text(pool: Pool) -> None:
    recorded = await ask(pool)
    await pool.execute("UPDATE aiocancel.claim SET flow = '{\"many\": 1e5000}'")

    found = await exported(pool, recorded.public_id)

    assert isinstance(found["links"][0]["content"], str)


async def test_content_that_is_nested_too_deep_is_sealed_as_text_and_its_neighbours_are_sealed(
    pool: Pool,
) -> None:
    deep = await ask(pool)
    beside = await ask(pool, "sub_2")
    nested = '{"a": ' * 2500 + "1" + "}" * 2500
    await pool.execute(
        "UPDATE aiocancel.action SET offer = $1::jsonb WHERE subscription_id = 'sub_1'", nested
    )

    await seal_all(pool)

    assert await pool.fetchval("SELECT count(*) FROM aiocancel.evidence_due") == 0
    assert await is_one_chain(pool) == 6
    assert whats(await exported(pool, beside.public_id))[0] == "claim_recorded"
    assert any(
        isinstance(each["content"], str) for each in (await exported(pool, deep.public_id))["links"]
    )


# --- what the database refuses ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("UPDATE aiocancel.evidence_link SET fact = '{}'", "append-only"),
        ("DELETE FROM aiocancel.evidence_link", "append-only"),
        ("TRUNCATE aiocancel.evidence_link CASCADE", "append-only"),
        ("UPDATE aiocancel.evidence_content SET content = '{}'", "append-only"),
        ("DELETE FROM aiocancel.evidence_content", "append-only"),
        ("TRUNCATE aiocancel.evidence_content", "append-only"),
        ("UPDATE aiocancel.evidence_chain SET id = gen_random_uuid()", "append-only"),
        ("DELETE FROM aiocancel.evidence_chain", "append-only"),
        ("INSERT INTO aiocancel.evidence_chain (is_only) VALUES (true)", "duplicate key"),
        (
            "INSERT INTO aiocancel.evidence_link (position, previous, hash, claim_id, source, reference, fact)"
            " SELECT position, previous, 'other', claim_id, source, reference, fact FROM aiocancel.evidence_link",
            "duplicate key",
        ),
        (
            "INSERT INTO aiocancel.evidence_link (position, previous, hash, claim_id, source, reference, fact)"
            " SELECT 100, hash, 'other', claim_id, source, reference, fact FROM aiocancel.evidence_link LIMIT 1",
            "foreign key",
        ),
        (
            "INSERT INTO aiocancel.evidence_link (position, previous, hash, claim_id, source, reference, fact)"
            " SELECT max(position) + 1, 'x', 'other', 1, 'journal', 1, '{}' FROM aiocancel.evidence_link",
            "foreign key",
        ),
    ],
    ids=range(12),
)
async def test_the_database_refuses_to_alter_the_chain(
    pool: Pool, statement: str, refusal: str
) -> None:
    await cancelled(pool)
    await seal_all(pool)

    with pytest.raises(asyncpg.PostgresError, match=refusal):
        await pool.execute(statement)


# --- erasing ---------------------------------------------------------------------------------------------


async def erase(pool: Pool, customer: str = ADA, **settings: Any) -> Any:
    async with pool.acquire() as connection:
        return await Erasure(connection, **settings).of_customer(customer)


async def all_evidence(pool: Pool) -> str:
    rows = [
        *await pool.fetch("SELECT t::text FROM aiocancel.evidence_content t"),
        *await pool.fetch("SELECT t::text FROM aiocancel.evidence_link t"),
        *await pool.fetch("SELECT t::text FROM aiocancel.evidence_kept t"),
    ]
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("is_sealed", [True, False])
async def test_erasing_takes_content_and_salt_and_the_chain_still_holds(
    pool: Pool, is_sealed: bool
) -> None:
    recorded = await cancelled(pool)
    if is_sealed:
        await seal_all(pool)

    await erase(pool)
    await seal_all(pool)

    found = await exported(pool, recorded.public_id)
    assert WORDS not in await all_evidence(pool)
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.evidence_content") == 0
    assert verify(found).erased == (2 if is_sealed else 0)
    assert whats(found)[-1] == "claim_erased"
    assert await is_one_chain(pool) == 6


@pytest.mark.parametrize("is_sealed", [True, False])
async def test_evidence_that_the_owner_keeps_stays_until_it_is_erased_too(
    pool: Pool, is_sealed: bool
) -> None:
    recorded = await cancelled(pool)
    if is_sealed:
        await seal_all(pool)

    kept = await erase(pool, keep_evidence=True)

    assert (kept.claims, kept.evidence, kept.evidence_kept) == (1, 0, 1)
    assert await pool.fetchval("SELECT customer_id FROM aiocancel.claim") == ""
    found = await exported(pool, recorded.public_id)
    assert found["links"][0]["content"]["reason_text"] == WORDS
    assert verify(found).erased == 0

    again = await erase(pool, keep_evidence=True)
    assert (again.claims, again.evidence, again.evidence_kept) == (0, 0, 0)
    gone = await erase(pool)
    assert (gone.claims, gone.evidence, gone.evidence_kept) == (0, 1, 0)
    found = await exported(pool, recorded.public_id)
    assert WORDS not in await all_evidence(pool)
    assert ADA not in await all_evidence(pool)
    assert whats(found)[-1] == "evidence_erased"
    assert (await erase(pool)).evidence == 0


async def test_a_run_is_sealed_before_it_is_erased_for_its_claim_that_is_left_alone(
    pool: Pool,
) -> None:
    await begin(FlowSessions(pool), customer_id=ADA)
    await accept(Ledger(pool), customer_id=ADA)

    erased = await erase(pool, keep_evidence=True)

    assert (erased.claims, erased.sessions) == (0, 1)
    assert '"half_price"' in await all_evidence(pool)
    assert "session_ended" in await all_evidence(pool)


async def test_a_worker_that_seals_while_a_claim_is_erased_leaves_nothing_of_it(pool: Pool) -> None:
    for number in range(20):
        await cancelled(pool, f"sub_{number}")

    async def sealing() -> None:
        while await pool.fetchval("SELECT EXISTS (SELECT FROM aiocancel.evidence_due)"):
            await Evidence(pool).seal()

    await asyncio.gather(erase(pool), *(sealing() for _ in range(3)))
    await seal_all(pool)

    assert await pool.fetchval("SELECT count(*) FROM aiocancel.evidence_content") == 0
    assert WORDS not in await all_evidence(pool)
    await is_one_chain(pool)


DECLARED = """
INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, customer_id, subscription_id, mode,
    change, recovery_point, declaration)
VALUES ($1::uuid, $1::uuid::text, true, 'own', 'canceled', $2, 'public_exit', 'test', 'cancellation',
    'actions_enqueued', jsonb_build_object('words', $3::text, 'language', 'de', 'shown', '{}'::jsonb))
"""
RECORDED = "INSERT INTO aiocancel.journal (claim_id, entry) SELECT max(id), 'claim_recorded' FROM aiocancel.claim"


async def declared(pool: Pool, words: str, customer: str) -> uuid.UUID:
    """Store a declaration of the public exit; one whose contract nobody found names no customer."""
    public_id = uuid.uuid4()
    await pool.execute(DECLARED, public_id, customer, words)
    await pool.execute(RECORDED)
    return public_id


@pytest.mark.parametrize("is_kept", [True, False])
async def test_erasing_a_customer_takes_their_public_declaration_and_no_strangers(
    pool: Pool, is_kept: bool
) -> None:
    await declared(pool, "of Ada", ADA)
    await declared(pool, "of a stranger", "")
    await seal_all(pool)
    if is_kept:
        async with pool.acquire() as connection:
            await Erasure(connection, keep_evidence=True).older_than(timedelta(0))

    await erase(pool)

    evidence = await all_evidence(pool)
    assert ("of Ada" in evidence, "of a stranger" in evidence) == (False, True)
    left = await pool.fetchval("SELECT count(*) FROM aiocancel.claim WHERE erased_at IS NULL")
    assert left == (0 if is_kept else 1)


# --- comparing -------------------------------------------------------------------------------------------


async def compared(pool: Pool, found: dict[str, Any]) -> str | None:
    async with pool.acquire() as connection:
        problem = await EvidenceFiles(connection).compare(found)
    return None if problem is None else f"{problem.where} {problem.says}"


async def without_triggers(pool: Pool, statement: str) -> None:
    """As an owner could who wants to deceive."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(statement)


async def test_a_file_is_confirmed_by_the_database_also_when_the_chain_has_grown(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(pool, "sub_bob", "bob")
    recorded = await cancelled(pool)
    found = await exported(pool, recorded.public_id)
    await ask(pool, "sub_eve", "eve")
    await seal_all(pool)

    assert await compared(pool, found) is None
    monkeypatch.setattr("aiocancel.postgres.evidence_files.WALK_AT_ONCE", 2)
    assert await compared(pool, found) is None


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE aiocancel.evidence_link SET fact = '{}' WHERE position = 2",
            "the database's link 2 was altered in the database",
        ),
        (
            "DELETE FROM aiocancel.evidence_link WHERE position > 3",
            "the database's link 5 is not in the database: it was set back, or is another one",
        ),
        (
            "UPDATE aiocancel.evidence_chain SET id = gen_random_uuid()",
            "chain is another database's",
        ),
    ],
    ids=["altered", "set-back", "another"],
)
async def test_a_database_that_was_altered_does_not_confirm_a_file(
    pool: Pool, statement: str, problem: str
) -> None:
    recorded = await cancelled(pool)
    found = await exported(pool, recorded.public_id)
    before = await pool.fetchval("SELECT id FROM aiocancel.evidence_chain")

    await without_triggers(pool, statement)

    assert await compared(pool, found) == problem
    await without_triggers(pool, f"UPDATE aiocancel.evidence_chain SET id = '{before}'")
