"""Flow sessions: one at a time, moved by the request that saw it last, and never changed in what it has shown."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import asyncpg
import pytest

from aiocancel.core.actions import Receipt
from aiocancel.core.claim import FlowClaim
from aiocancel.core.flow_details import FlowDetails
from aiocancel.core.identifiers import CustomerId, FlowSessionId, SubscriptionId
from aiocancel.postgres.flow_sessions import Acceptance, FlowSessions, Followed, accept_shown
from aiocancel.postgres.ledger import Ledger
from tests.support.claims import AT_PERIOD_END, ask, make_claim, make_grant, record, take_due
from tests.support.flow_sessions import (
    SHOWN,
    begin,
    move_to_offer,
    new_session,
    own_claim,
)
from tests.support.past_sessions import take_back
from tests.support.saas import Pool
from tests.support.transitions import FLOW_SESSION, FLOW_SESSION_STATES

END = datetime(2030, 1, 1, tzinfo=UTC)
LAST = move_to_offer(declined=["half_price"], shows=[])


@pytest.fixture
def sessions(pool: Pool) -> FlowSessions:
    return FlowSessions(pool)


async def age(pool: Pool, minutes: int) -> None:
    """Let the last click of every session lie so long ago."""
    await pool.execute(
        "UPDATE aiocancel.flow_session SET touched_at = now() - $1::interval",
        timedelta(minutes=minutes),
    )


async def state_of(pool: Pool, session_id: str = "own_1") -> str:
    return str(
        await pool.fetchval(
            "SELECT state FROM aiocancel.flow_session WHERE session_id = $1", session_id
        )
    )


async def accept(
    pool: Pool,
    *,
    session_id: str = "own_1",
    customer_id: str = "ada",
    subscription_id: str = "sub_1",
    offer: str = "half_price",
) -> bool:
    acceptance = Acceptance(FlowSessionId(session_id), offer, None, {"step": "outcome"})
    async with pool.acquire() as connection:
        return await accept_shown(connection, customer_id, subscription_id, acceptance)


# --- one at a time --------------------------------------------------------------------------------------


async def test_a_run_is_read_back_as_it_was_written(sessions: FlowSessions) -> None:
    row = await begin(sessions)

    assert row.state == "open"
    assert row.revision == 1
    assert row.definition == {"reasons": ["too_expensive", "other"]}
    assert row.snapshot["price_minor"] == 2900
    assert row.reasons == ("too_expensive", "other")
    assert row.reason == "too_expensive"
    assert row.answers == {"comment": "Too dear"}
    assert row.shown == (SHOWN,)
    assert row.shown_offer("half_price") == SHOWN
    assert row.shown_offer("free_year") is None
    assert not row.is_stale
    assert row.claim_id is None


async def test_a_definition_that_is_known_is_not_sent_again(sessions: FlowSessions) -> None:
    await begin(sessions)
    row = await sessions.read("own_1", "ada", known_versions=["v1"])

    assert row is not None
    assert row.definition is None
    assert row.definition_version == "v1"


async def test_definitions_and_words_are_stored_once(pool: Pool, sessions: FlowSessions) -> None:
    await begin(sessions)
    await begin(sessions, "own_2", "sub_2")

    for table in ("flow_definition", "flow_words"):
        assert await pool.fetchval(f"SELECT count(*) FROM aiocancel.{table}") == 1


async def test_another_customers_run_is_not_found(sessions: FlowSessions) -> None:
    await begin(sessions)

    assert await sessions.read("own_1", "bob") is None
    assert await sessions.read("own_9", "ada") is None


async def test_a_second_tab_goes_on_with_the_run_that_is_open(sessions: FlowSessions) -> None:
    await begin(sessions)

    assert not await sessions.open("own_2", new_session())
    assert (await sessions.look("ada", "sub_1")).open_session == "own_1"
    assert (await sessions.look("bob", "sub_1")).open_session is None


async def test_of_ten_tabs_that_open_at_once_one_begins_the_session(
    pool: Pool, sessions: FlowSessions
) -> None:
    opened = await asyncio.gather(
        *(sessions.open(f"own_{number}", new_session()) for number in range(10))
    )

    assert sorted(opened) == [False] * 9 + [True]
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.flow_session") == 1


async def test_a_run_that_was_left_makes_room_for_a_new_one(
    pool: Pool, sessions: FlowSessions
) -> None:
    await begin(sessions)
    await age(pool, 31)

    assert (await sessions.look("ada", "sub_1")).open_session is None
    assert await sessions.open("own_2", new_session())
    assert await state_of(pool) == "abandoned"
    assert await state_of(pool, "own_2") == "open"


async def test_a_new_run_finds_a_cancellation_that_the_old_one_was_not_told_of(
    pool: Pool, sessions: FlowSessions
) -> None:
    await begin(sessions)
    await record(Ledger(pool), own_claim("canceled"), make_grant(), AT_PERIOD_END)
    await age(pool, 31)

    assert await sessions.open("own_2", new_session())
    assert await state_of(pool) == "canceled"


async def test_of_two_clicks_on_one_screen_the_later_one_looks_again(
    sessions: FlowSessions,
) -> None:
    row = await begin(sessions, shows=False)
    moved = await asyncio.gather(*(sessions.move(row, move_to_offer()) for _ in range(5)))

    assert sorted(moved) == [False] * 4 + [True]
    after = await sessions.read("own_1", "ada")
    assert after is not None
    assert after.shown == (SHOWN,)


# --- what is accepted ---------------------------------------------------------------------------------------


async def test_an_offer_that_was_shown_is_accepted_once(pool: Pool, sessions: FlowSessions) -> None:
    await begin(sessions)
    accepted = [await accept(pool), await accept(pool)]

    assert accepted == [True, False]
    row = await sessions.accepted("own_1")
    assert row is not None
    assert (row.state, row.offer, row.customer_id) == ("accepted", SHOWN, "ada")


@pytest.mark.parametrize(
    "wrong",
    [
        {"offer": "free_year"},
        {"session_id": "own_2"},
        {"customer_id": "bob"},
        {"subscription_id": "sub_2"},
    ],
    ids=["not_shown", "another_session", "another_customer", "another_subscription"],
)
async def test_an_acceptance_that_does_not_fit_the_run_changes_nothing(
    pool: Pool, sessions: FlowSessions, wrong: dict[str, Any]
) -> None:
    await begin(sessions)

    assert not await accept(pool, **wrong)
    assert await state_of(pool) == "open"


async def test_an_offer_that_was_declined_cannot_be_accepted(
    pool: Pool, sessions: FlowSessions
) -> None:
    row = await begin(sessions)
    await sessions.move(row, move_to_offer(declined=["half_price"], shows=[]))

    assert not await accept(pool)


async def test_nothing_is_accepted_after_half_an_hour_of_nothing(
    pool: Pool, sessions: FlowSessions
) -> None:
    await begin(sessions)
    await age(pool, 31)

    row = await sessions.read("own_1", "ada")
    assert row is not None
    assert row.is_stale
    assert not await accept(pool)


async def test_nobody_accepts_on_behalf_of_a_run_without_the_offer(
    pool: Pool, sessions: FlowSessions
) -> None:
    await begin(sessions)
    with pytest.raises(asyncpg.CheckViolationError, match="accepts_what_was_shown"):
        await pool.execute(
            "UPDATE aiocancel.flow_session SET state = 'accepted', accepted_offer = 'free_year', ended_at = now()"
        )


async def test_a_hold_out_is_never_shown_an_offer(sessions: FlowSessions) -> None:
    row = await begin(sessions, shows=False, hold_out=True)
    with pytest.raises(asyncpg.CheckViolationError, match="hold_out"):
        await sessions.move(row, move_to_offer())


# --- its ways ------------------------------------------------------------------------------------------------


async def test_the_database_knows_exactly_the_ways_of_a_run_that_are_written_out(
    pool: Pool,
) -> None:
    rows = await pool.fetch("SELECT from_state, to_state FROM aiocancel.flow_session_transition")

    assert {(row["from_state"], row["to_state"]) for row in rows} == FLOW_SESSION


@pytest.mark.parametrize(
    ("state", "to"), [pair for pair in product(FLOW_SESSION_STATES, repeat=2) if pair[0] != pair[1]]
)
async def test_a_run_goes_only_along_the_ways_that_are_written_out(
    pool: Pool, sessions: FlowSessions, state: str, to: str
) -> None:
    await begin(sessions)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(_as(state))
    if (state, to) in FLOW_SESSION:
        await pool.execute(_as(to))
        assert await state_of(pool) == to
    else:
        with pytest.raises(asyncpg.CheckViolationError, match=f"cannot go from {state} to {to}"):
            await pool.execute(_as(to))


def _as(state: str) -> str:
    ended = "NULL" if state == "open" else "now()"
    keeps = "CASE WHEN state = 'accepted' THEN accepted_offer END"
    offer = {"accepted": "'half_price'", "canceled": keeps}.get(state, "NULL")
    return (
        f"UPDATE aiocancel.flow_session SET state = '{state}', ended_at = {ended}, "
        f"accepted_offer = {offer}"
    )


@pytest.mark.parametrize(
    "assignments",
    [
        "shown = '[]'",
        "declined = '{}'",
        "customer_id = 'bob'",
        "subscription_id = 'sub_2'",
        "hold_out = true, shown = '[]'",
        "snapshot = '{}'",
        "reasons = '{}'",
        "opened_at = now() - interval '1 day'",
        "told_by = 'browser'",
        "state = 'canceled'",
        "ended_at = now()",
    ],
)
async def test_what_a_run_has_shown_cannot_be_changed(
    pool: Pool, sessions: FlowSessions, assignments: str
) -> None:
    row = await begin(sessions)
    await sessions.move(row, move_to_offer(declined=["half_price"], shows=[]))

    with pytest.raises(asyncpg.CheckViolationError):
        await pool.execute(f"UPDATE aiocancel.flow_session SET {assignments}")


@pytest.mark.parametrize(
    "assignments",
    [
        "answers = '{}'",
        "reason = 'other'",
        "considered = '[]'",
        "fitted = NULL",
        "shown = shown || '[{}]'",
    ],
)
async def test_a_run_that_has_ended_keeps_its_answers(
    pool: Pool, sessions: FlowSessions, assignments: str
) -> None:
    row = await begin(sessions)
    await sessions.canceled(row, LAST)

    with pytest.raises(asyncpg.CheckViolationError, match="cannot be changed"):
        await pool.execute(f"UPDATE aiocancel.flow_session SET {assignments}")


@pytest.mark.parametrize("table", ["flow_session", "flow_definition", "flow_words"])
async def test_evidence_is_not_deleted(pool: Pool, sessions: FlowSessions, table: str) -> None:
    await begin(sessions)

    with pytest.raises(asyncpg.CheckViolationError):
        await pool.execute(f"DELETE FROM aiocancel.{table}")


@pytest.mark.parametrize("table", ["flow_definition", "flow_words"])
async def test_a_definition_and_a_wording_are_never_rewritten(
    pool: Pool, sessions: FlowSessions, table: str
) -> None:
    await begin(sessions)
    column = "definition" if table == "flow_definition" else "words"

    with pytest.raises(asyncpg.CheckViolationError, match="customers were shown"):
        await pool.execute(f"UPDATE aiocancel.{table} SET {column} = '{{}}'")


# --- the ends ------------------------------------------------------------------------------------------------


async def test_a_cancellation_ends_an_open_run_and_one_that_was_left(
    pool: Pool, sessions: FlowSessions
) -> None:
    first = await begin(sessions)
    second = await begin(sessions, "own_2", "sub_2")
    await age(pool, 31)
    await pool.execute(
        "UPDATE aiocancel.flow_session SET touched_at = now() WHERE session_id = 'own_1'"
    )
    await sessions.sweep()
    assert await state_of(pool, "own_2") == "abandoned"

    left_at = await pool.fetchval(
        "SELECT ended_at FROM aiocancel.flow_session WHERE session_id = 'own_2'"
    )

    await sessions.canceled(first, LAST)
    await sessions.canceled(second, LAST)
    await sessions.canceled(second, LAST)

    rows = await pool.fetch(
        "SELECT state, declined, ended_at > $1 AND ended_at = touched_at FROM aiocancel.flow_session ORDER BY id",
        left_at,
    )
    # The end is that of the press, and not of the leaving.
    assert [tuple(row) for row in rows] == [
        ("canceled", ["half_price"], True),
        ("canceled", [], True),
    ]


async def test_what_was_taken_back_before_a_late_press_is_not_that_cancellation(
    pool: Pool, sessions: FlowSessions
) -> None:
    row = await begin(sessions)
    await age(pool, 31)
    await sessions.sweep()
    await take_back(pool, "sub_1", datetime.now(UTC))

    await sessions.canceled(row, LAST)

    assert await pool.fetchval("SELECT outcome FROM aiocancel.v_sessions") == "canceled"


@pytest.mark.parametrize(("customer", "subscription"), [("bob", "sub_1"), ("ada", "sub_2")])
async def test_nobody_else_ends_a_session(
    pool: Pool, sessions: FlowSessions, customer: str, subscription: str
) -> None:
    row = await begin(sessions)
    await sessions.canceled(
        replace(
            row, customer_id=CustomerId(customer), subscription_id=SubscriptionId(subscription)
        ),
        LAST,
    )

    assert await state_of(pool) == "open"


async def test_who_accepted_may_still_leave_and_both_are_known(
    pool: Pool, sessions: FlowSessions
) -> None:
    row = await begin(sessions)
    await accept(pool)
    await sessions.canceled(row, LAST)

    after = await sessions.read("own_1", "ada")
    assert after is not None
    assert (after.state, after.accepted_offer, after.declined) == ("canceled", "half_price", ())


async def test_the_sweep_ends_what_was_left_and_nothing_else(
    pool: Pool, sessions: FlowSessions
) -> None:
    await begin(sessions)
    await age(pool, 31)
    await begin(sessions, "own_2", "sub_2")

    swept = await sessions.sweep()

    assert [(each.session_id, each.state) for each in swept] == [("own_1", "abandoned")]
    assert await state_of(pool, "own_2") == "open"
    assert await sessions.sweep() == []


async def test_the_sweep_finds_a_cancellation_that_its_run_was_not_told_of(
    pool: Pool, sessions: FlowSessions
) -> None:
    await begin(sessions)
    await record(Ledger(pool), own_claim("canceled"), make_grant(), AT_PERIOD_END)
    await age(pool, 31)

    (swept,) = await sessions.sweep()

    assert swept.state == "canceled"
    # It was made as it was recorded, and may have been taken back since.
    assert await pool.fetchval(
        "SELECT s.ended_at = c.recorded_at FROM aiocancel.flow_session s, aiocancel.claim c"
    )
    row = await sessions.read("own_1", "ada")
    assert row is not None
    assert row.claim_id is not None
    assert row.stripe is None


# --- what is known before, and of vendors -------------------------------------------------------------------


async def test_a_customers_gifts_and_cancellations_are_known_before_the_first_screen(
    pool: Pool, sessions: FlowSessions
) -> None:
    await ask(pool, "sub_1")
    before = await sessions.look("ada", "sub_1")
    assert (len(before.gifts), len(before.cancellations)) == (0, 1)
    assert before.has_unfinished
    # A change that waits for its day is still to come.
    await pool.execute(
        "UPDATE aiocancel.action SET deferred = true, due_at = now() + interval '9 days'"
    )
    assert (await sessions.look("ada", "sub_1")).has_unfinished

    await pool.execute("UPDATE aiocancel.action SET kind = 'apply_offer'")

    assert len((await sessions.look("ada", "sub_9")).gifts) == 1
    assert len((await sessions.look("bob", "sub_1")).gifts) == 1
    assert len((await sessions.look("bob", "sub_9")).gifts) == 0


def vendors_claim(status: str = "canceled", told_by: str = "browser", **fields: Any) -> FlowClaim:
    details = FlowDetails(told_by, presented=("offr_1",))  # type: ignore[arg-type]
    return make_claim(status, session="sess_1", details=details, **fields)


async def test_a_vendors_word_takes_the_place_of_a_browsers_and_stays(
    pool: Pool, sessions: FlowSessions
) -> None:
    ledger = Ledger(pool)
    await record(ledger, vendors_claim(code="too_expensive"), make_grant())
    copied = [await sessions.copy_vendors(), await sessions.copy_vendors()]
    browsers = await pool.fetchrow("SELECT * FROM aiocancel.flow_session")
    await pool.execute("""UPDATE aiocancel.claim SET flow = flow || '{"told_by": "vendor"}'""")
    copied += [await sessions.copy_vendors(), await sessions.copy_vendors()]

    assert copied == [1, 0, 1, 0]
    assert browsers is not None
    assert (browsers["told_by"], browsers["state"], browsers["reason"]) == (
        "browser",
        "canceled",
        "too_expensive",
    )
    (row,) = await pool.fetch("SELECT * FROM aiocancel.flow_session")
    assert (row["told_by"], row["customer_id"], row["shown"]) == (
        "vendor",
        "ada",
        '[{"offer": "offr_1"}]',
    )


@pytest.mark.parametrize("told_by", ["browser", "vendor"])
async def test_who_left_a_vendors_run_and_cancels_in_it_after_all_has_cancelled(
    pool: Pool, sessions: FlowSessions, told_by: str
) -> None:
    ledger = Ledger(pool)
    await record(ledger, vendors_claim("incomplete", told_by), make_grant())
    assert await sessions.copy_vendors() == 1
    await record(ledger, vendors_claim(code="unused"), make_grant())

    assert [await sessions.copy_vendors(), await sessions.copy_vendors()] == [1, 0]

    row = await pool.fetchrow(
        "SELECT state, told_by, reason, ended_at = (SELECT max(recorded_at) FROM aiocancel.claim)"
        " FROM aiocancel.flow_session"
    )
    assert row is not None
    assert tuple(row) == ("canceled", told_by, "unused", True)
    # The vendor's word about how it was left comes late, and takes no cancellation back.
    await pool.execute("""UPDATE aiocancel.claim SET flow = flow || '{"told_by": "vendor"}'
        WHERE status = 'incomplete'""")
    assert await sessions.copy_vendors() == 0
    counted = await pool.fetch("SELECT outcome FROM aiocancel.v_sessions")
    assert [each["outcome"] for each in counted] == ["canceled"]


async def test_a_browsers_yes_to_a_vendors_offer_counts_once_the_vendor_confirms_it(
    pool: Pool, sessions: FlowSessions
) -> None:
    await record(Ledger(pool), vendors_claim("saved"), make_grant())
    assert await sessions.copy_vendors() == 0

    await pool.execute(
        "INSERT INTO aiocancel.outcome (vendor, flow_session_id, claim_id, offer_id) "
        "SELECT vendor, flow_session_id, id, 'offr_1' FROM aiocancel.claim"
    )

    assert await sessions.copy_vendors() == 1
    (row,) = await pool.fetch("SELECT * FROM aiocancel.flow_session")
    assert (row["state"], row["accepted_offer"], row["told_by"]) == ("accepted", "offr_1", "vendor")


async def test_a_claim_of_our_own_is_no_vendors_session(pool: Pool, sessions: FlowSessions) -> None:
    await record(Ledger(pool), own_claim("canceled"), make_grant())

    assert await sessions.copy_vendors() == 0


async def test_the_snapshot_of_a_vendors_run_is_added_once(
    pool: Pool, sessions: FlowSessions
) -> None:
    await record(Ledger(pool), vendors_claim(), make_grant())
    await sessions.copy_vendors()
    ((session, subscription_id, _),) = await sessions.without_snapshot(10, with_account=False)
    for price in (2900, 1):
        await sessions.add_snapshot(session, {"price_minor": price})

    assert subscription_id == "sub_1"
    assert await sessions.without_snapshot(10, with_account=False) == []
    assert await pool.fetchval("SELECT snapshot FROM aiocancel.flow_session") == (
        '{"price_minor": 2900}'
    )


# --- what follows a declaration to leave --------------------------------------------------------------------


async def leave(pool: Pool, session_id: str = "own_1") -> uuid.UUID:
    """Record the cancellation that a session ended with; its row does not say so yet."""
    return (
        await record(Ledger(pool), own_claim("canceled", session_id), make_grant(), AT_PERIOD_END)
    ).public_id


async def carry_out(pool: Pool) -> None:
    (taken,) = await take_due(pool, uuid.uuid4())
    assert await Ledger(pool).finish(taken, Receipt("active", END))


async def test_what_follows_a_declaration_begins_once_with_all_that_was_true_of_it(
    pool: Pool, sessions: FlowSessions
) -> None:
    await begin(sessions, shows=False)
    claim = await leave(pool)
    assert await sessions.followed(claim, "ada") == Followed("own_1", None, True, True, True)
    assert await sessions.followed(claim, "eve") is None

    made = [
        await sessions.follow("own_1", "ada", f"own_{n}", ["other"], {"step": "why"})
        for n in (2, 3)
    ]

    assert made == [True, False]
    assert await state_of(pool) == "canceled"
    assert await sessions.followed(claim, "ada") == Followed("own_1", "own_2", True, True, True)
    row, before = await sessions.read("own_2", "ada"), await sessions.read("own_1", "ada")
    assert row is not None
    assert before is not None
    assert (row.is_after, row.after_claim, row.claim_id) == (True, claim, None)
    assert (before.is_after, before.after_claim, before.claim_id) == (False, None, claim)
    assert (row.state, row.reasons, row.considered, row.stripe) == ("open", ("other",), (), None)
    same = ("mode", "customer_id", "subscription_id", "definition_version", "snapshot", "hold_out")
    assert [getattr(row, name) for name in same] == [getattr(before, name) for name in same]
    # Whether the customer stayed is read for the first of them.
    assert await pool.fetchval("SELECT count(DISTINCT session) FROM aiocancel.kept_reading") == 1


async def test_what_follows_is_no_run_to_go_on_with_and_makes_room_for_a_new_one(
    pool: Pool, sessions: FlowSessions
) -> None:
    await begin(sessions, shows=False)
    await leave(pool)
    await sessions.follow("own_1", "ada", "own_2", [], {"step": "why"})

    assert (await sessions.look("ada", "sub_1")).open_session is None
    assert await sessions.open("own_3", new_session())
    assert await state_of(pool, "own_2") == "abandoned"


async def test_nothing_is_shown_before_the_cancellation_is_carried_out(
    pool: Pool, sessions: FlowSessions
) -> None:
    await begin(sessions, shows=False)
    await leave(pool)
    await sessions.follow("own_1", "ada", "own_2", [], {"step": "why"})
    row = await sessions.read("own_2", "ada")
    assert row is not None

    with pytest.raises(asyncpg.CheckViolationError, match="before the cancellation is carried out"):
        await sessions.move(row, move_to_offer())
    assert await sessions.move(row, move_to_offer(shows=[]))
    row = await sessions.read("own_2", "ada")
    assert row is not None
    await carry_out(pool)

    assert await sessions.move(row, move_to_offer(stripe={"id": "sub_1"}))
    row = await sessions.read("own_2", "ada")
    assert row is not None
    assert (len(row.shown), row.stripe) == (1, {"id": "sub_1"})
    assert await accept(pool, session_id="own_2")
    assert not await accept(pool, session_id="own_2")


FOLLOW_BY_HAND = """
INSERT INTO aiocancel.flow_session (session_id, after_id, vendor, told_by, mode, customer_id, subscription_id,
    definition_version, hold_out, shown)
SELECT 'own_9', id, 'own', $2, mode, $1, subscription_id, definition_version, $3, $4::jsonb
FROM aiocancel.flow_session WHERE session_id = $5
"""


@pytest.mark.parametrize(
    ("customer", "told_by", "hold_out", "shown", "after"),
    [
        pytest.param("eve", "own", False, "[]", "own_1", id="another customer"),
        pytest.param("ada", "vendor", False, "[]", "own_1", id="a vendor's"),
        pytest.param("ada", "own", True, "[]", "own_1", id="the other arm"),
        pytest.param("ada", "own", False, '[{"offer": "x"}]', "own_1", id="shown at once"),
        pytest.param("ada", "own", False, "[]", "own_2", id="one that follows itself"),
        pytest.param("bob", "own", False, "[]", "own_5", id="nobody has left"),
    ],
)
async def test_a_run_follows_only_a_declaration_of_its_own_customer(
    pool: Pool,
    sessions: FlowSessions,
    customer: str,
    told_by: str,
    hold_out: bool,
    shown: str,
    after: str,
) -> None:
    await begin(sessions, shows=False)
    await begin(sessions, "own_5", "sub_2", customer_id="bob", shows=False)
    await leave(pool)
    await sessions.follow("own_1", "ada", "own_2", [], {"step": "why"})

    with pytest.raises(asyncpg.CheckViolationError, match="follows only a cancellation"):
        await pool.execute(FOLLOW_BY_HAND, customer, told_by, hold_out, shown, after)
    with pytest.raises(asyncpg.CheckViolationError, match="what a flow session follows"):
        await pool.execute(
            "UPDATE aiocancel.flow_session SET after_id = NULL WHERE session_id = 'own_2'"
        )
    with pytest.raises(asyncpg.CheckViolationError, match="what a flow session follows"):
        await pool.execute(
            "UPDATE aiocancel.flow_session SET after_id = id WHERE session_id = 'own_5'"
        )


async def test_a_later_wish_and_half_an_hour_leave_nothing_to_follow(
    pool: Pool, sessions: FlowSessions
) -> None:
    await begin(sessions, shows=False)
    claim = await leave(pool)
    await pool.execute("UPDATE aiocancel.claim SET recorded_at = now() - interval '31 minutes'")
    assert await sessions.followed(claim, "ada") == Followed("own_1", None, False, True, True)

    await record(Ledger(pool), make_claim("resumed"), make_grant(), AT_PERIOD_END)

    assert await sessions.followed(claim, "ada") == Followed("own_1", None, False, False, True)
    # One that came from no session of ours has none.
    other = await record(Ledger(pool), make_claim("canceled"), make_grant("sub_7"), AT_PERIOD_END)
    assert await sessions.followed(other.public_id, "ada") is None
