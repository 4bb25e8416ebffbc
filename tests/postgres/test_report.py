"""The figures, counted from sessions that are put there one by one."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from aiocancel.core.measures.definitions import BY_KEY, DEFINITIONS, Definition
from aiocancel.core.measures.interval import Share
from aiocancel.core.measures.report import By, Counts, KeptOn, OfferFate, Revenue
from aiocancel.errors import UnavailableError
from aiocancel.postgres.console import ConsoleStore
from aiocancel.postgres.erasure import Erasure
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.report import Figures
from tests.support.claims import ask, make_claim, make_grant, record, take_due
from tests.support.past_sessions import BEGAN, PastSession, add_reading, add_sessions, as_statement
from tests.support.saas import Pool

UNTIL = BEGAN + timedelta(days=30)
RANGE = (BEGAN, UNTIL)


@pytest.fixture
def figures(pool: Pool) -> Figures:
    return Figures(pool, "test")


async def test_sessions_are_counted_by_their_ends(figures: Figures, pool: Pool) -> None:
    await add_sessions(
        pool,
        PastSession(1),
        PastSession(2, "accepted", shown=("half",), accepted="half", fitted="half"),
        PastSession(3, "abandoned", shown=("half",), fitted="half"),
        PastSession(4, "open"),
        PastSession(5, "abandoned", snapshot=None, hold_out=True, fitted="half"),
        PastSession(6, opened_at=UNTIL),
        PastSession(7, opened_at=BEGAN - timedelta(seconds=1)),
        PastSession(8, mode="live"),
    )

    found = await figures.counts(*RANGE)

    assert found == Counts(
        sessions=5,
        canceled=1,
        accepted=1,
        abandoned=2,
        still_open=1,
        shown=2,
        declined=1,
        without_snapshot=1,
        held_out=1,
    )


async def test_a_range_without_sessions_has_counts_of_nothing(figures: Figures) -> None:
    report = await figures.report(*RANGE, by=By.WEEK, as_of=UNTIL)

    assert report.counts == Counts()
    found = [report.groups, report.reasons, report.kept, report.revenue, report.offers]
    assert [len(each) for each in found] == [0] * 5
    assert report.first_at is None


async def test_a_cancellation_that_was_resumed_counts_as_taken_back(
    figures: Figures, pool: Pool
) -> None:
    await add_sessions(pool, PastSession(1), PastSession(2))
    await pool.execute(
        "INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, customer_id, subscription_id,"
        " mode, change, recovery_point) VALUES (gen_random_uuid(), 'n', true, 'own', 'resumed', 'customer_1', 'sub_1',"
        " 'test', 'resumption', 'action_applied')"
    )
    await pool.execute(
        "INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, state, idempotency_key, finished_at,"
        " receipt_status) SELECT id, 0, 'resume', 'sub_1', 'done', 'k', $1, 'active' FROM aiocancel.claim",
        BEGAN + timedelta(days=1),
    )

    found = await figures.counts(*RANGE)

    assert (found.sessions, found.canceled, found.taken_back) == (2, 1, 1)


async def test_a_cancellation_without_a_session_counts_once_and_has_no_price(
    figures: Figures, pool: Pool
) -> None:
    await ask(pool, "sub_plain")
    await record(Ledger(pool), make_claim("canceled", session="run_1"), make_grant("sub_1"))
    now = await pool.fetchval("SELECT now()")
    await add_sessions(pool, PastSession(1, opened_at=now))

    found = await figures.counts(BEGAN, now + timedelta(minutes=1))

    assert (found.sessions, found.canceled, found.without_snapshot) == (2, 2, 1)
    assert len(await take_due(pool, uuid.uuid4())) == 2


async def test_groups_come_largest_first_and_weeks_in_their_order(
    figures: Figures, pool: Pool
) -> None:
    week = timedelta(days=7)
    await add_sessions(
        pool,
        PastSession(1, reason="unused", opened_at=BEGAN + week),
        PastSession(2, reason="unused", opened_at=BEGAN + week, place=None),
        PastSession(3, reason="other", snapshot={"plan": "Team"}),
        PastSession(4, "accepted", shown=("half",), accepted="half"),
    )

    async def keys(by: By) -> list[tuple[str, int]]:
        return [(each.key, each.counts.sessions) for each in await figures.groups(*RANGE, by)]

    assert await keys(By.REASON) == [("unused", 2), ("", 1), ("other", 1)]
    assert await keys(By.WEEK) == [("2026-01-05", 2), ("2026-01-12", 2)]
    assert await keys(By.PLAN) == [("Pro", 3), ("Team", 1)]
    assert await keys(By.PLACE) == [("DE", 3), ("", 1)]
    assert await keys(By.OFFER) == [("", 3), ("half", 1)]


async def test_each_reason_has_a_denominator_of_its_own(figures: Figures, pool: Pool) -> None:
    await add_sessions(
        pool,
        PastSession(1, reason="unused"),
        PastSession(2, reason="too_expensive"),
        PastSession(3, reasons=("too_expensive", "other")),
    )

    assert await reasons_of(figures, pool) == {
        "unused": Share(1, 2),
        "too_expensive": Share(1, 3),
        "other": Share(0, 3),
        "": Share(1, 3),
    }


async def reasons_of(figures: Figures, pool: Pool) -> dict[str, Share]:
    """Each reason's share, as the figures and the statement of its definition have it."""
    found = {each.reason: each.chosen for each in await figures.reasons(*RANGE)}
    rows = await pool.fetch(as_statement(BY_KEY["reasons"]), *RANGE, "test")
    assert found == {row["reason"]: Share(row["chosen"], int(row["shown"])) for row in rows}
    return found


async def test_whoever_answered_a_vendors_question_saw_each_reason_that_vendors_tell(
    figures: Figures, pool: Pool
) -> None:
    told = [("unused", 3), ("too_complex", 1)]
    numbers = iter(range(10))
    await add_sessions(
        pool,
        *(
            PastSession(next(numbers), told_by="vendor", reasons=(), reason=reason)
            for reason, times in told
            for _ in range(times)
        ),
        # One that gave no answer shows nothing, and one of our own flow shows what it showed.
        PastSession(8, told_by="vendor", reasons=()),
        PastSession(9, reason="other", reasons=("unused", "other")),
    )

    assert await reasons_of(figures, pool) == {
        "unused": Share(3, 5),
        "too_complex": Share(1, 4),
        "other": Share(1, 1),
        "": Share(0, 1),
    }


async def test_those_who_saw_an_offer_took_it_cancelled_or_changed_nothing(
    figures: Figures, pool: Pool
) -> None:
    await add_sessions(
        pool,
        PastSession(1, "accepted", shown=("half", "break"), accepted="break"),
        PastSession(2, shown=("half",)),
        PastSession(3, "abandoned", shown=("half",)),
        PastSession(4, "open", shown=("half",)),
    )

    half, pause = await figures.offers(*RANGE)

    # Who took another offer has not left without change.
    assert half == OfferFate(
        "half", shown=4, accepted=0, canceled=1, abandoned=1, took_another=1, still_open=1
    )
    assert pause == OfferFate("break", shown=1, accepted=1, canceled=0, abandoned=0)


async def test_the_kept_are_counted_of_those_who_were_read_and_paused_is_apart(
    figures: Figures, pool: Pool
) -> None:
    first, second, third, _ = await add_sessions(
        pool,
        PastSession(1, "accepted", shown=("half",), accepted="half"),
        PastSession(2, "accepted", shown=("half",), accepted="half"),
        PastSession(3, "abandoned"),
        PastSession(4, "abandoned"),
    )
    await add_reading(pool, first)
    await add_reading(pool, second, state="paused")
    await add_reading(pool, third, state="active", kept=False, is_late=True)

    assert await figures.kept(*RANGE) == [
        KeptOn(30, "", Share(1, 3), paused=1, late=1),
        KeptOn(30, "half", Share(1, 2), paused=1, late=0),
    ]


async def test_who_is_compared_on_a_day_has_reached_it_however_early_an_end_is_known(
    figures: Figures, pool: Pool
) -> None:
    """Of 35 days ago 10 have ended, which is known for all days at once, and 30 pay; of 15 days ago all have ended."""
    now = datetime.now(UTC)
    ended = [PastSession(n, opened_at=now - timedelta(days=35)) for n in range(10)]
    paying = [
        PastSession(n, "abandoned", opened_at=now - timedelta(days=35)) for n in range(10, 40)
    ]
    young = [PastSession(n, opened_at=now - timedelta(days=15)) for n in range(40, 60)]
    sessions = await add_sessions(pool, *ended, *paying, *young)
    for each in [*sessions[:10], *sessions[40:]]:
        for day in (30, 60, 90):
            await add_reading(pool, each, day, "ended")
    for each in sessions[10:40]:
        await add_reading(pool, each, 30)
    span = now - timedelta(days=90), now

    found = await figures.kept(*span)
    by_sql = {
        day: tuple(await pool.fetchrow(as_statement(BY_KEY[f"kept_{day}"]), *span, "test") or ())
        for day in (30, 60, 90)
    }

    assert found == [KeptOn(30, "", Share(30, 40), paused=0, late=0)]
    assert by_sql == {30: (30, 40), 60: (0, 0), 90: (0, 0)}


async def test_the_arms_are_compared_once_their_thirtieth_day_has_come(
    figures: Figures, pool: Pool
) -> None:
    now = datetime.now(UTC)
    sessions = await add_sessions(
        pool,
        PastSession(1, opened_at=now - timedelta(days=31), fitted="half", hold_out=True),
        PastSession(2, opened_at=now - timedelta(days=31), fitted="half"),
        PastSession(3, opened_at=now - timedelta(days=29), fitted="half", hold_out=True),
        PastSession(4, opened_at=now - timedelta(days=29), fitted="half"),
    )
    for each in sessions:
        await add_reading(pool, each, 30, "ended")

    found = await figures.hold_out(None)
    by_sql = await pool.fetch(
        as_statement(BY_KEY["hold_out"]), now - timedelta(days=90), now, "test"
    )

    assert (found.held_out, found.offers) == (Share(0, 1), Share(0, 1))
    assert [row["due"] for row in by_sql] == [1, 1]


async def test_a_hold_out_of_today_has_nothing_to_compare(figures: Figures, pool: Pool) -> None:
    await add_sessions(
        pool, PastSession(1, opened_at=datetime.now(UTC), fitted="half", hold_out=True)
    )

    found = await figures.hold_out(None)

    assert (found.held_out.whole, found.offers.whole) == (0, 0)


async def test_the_statement_of_a_definition_counts_what_the_page_counts(
    figures: Figures, pool: Pool
) -> None:
    await add_sessions(
        pool, PastSession(1), PastSession(2, "abandoned"), PastSession(3, mode="live")
    )

    counts = await figures.counts(*RANGE)
    by_sql = {
        key: await pool.fetchval(as_statement(BY_KEY[key]), *RANGE, "test")
        for key in ("sessions", "canceled", "abandoned")
    }

    assert by_sql == {
        "sessions": counts.sessions,
        "canceled": counts.canceled,
        "abandoned": counts.abandoned,
    }
    assert counts.sessions == 2


async def test_a_price_can_be_added_up_and_one_that_is_no_number_is_none(pool: Pool) -> None:
    await add_sessions(
        pool,
        PastSession(1),
        PastSession(2, snapshot={"price_minor": 0}),
        PastSession(3, snapshot={"price_minor": "free"}),
        PastSession(4, snapshot={"price_minor": None}),
        PastSession(5, snapshot=None),
    )

    found = await pool.fetchrow(
        "SELECT sum(price_minor) AS all, count(price_minor) AS known FROM aiocancel.v_sessions"
    )

    assert found is not None
    assert tuple(found) == (2900, 2)


async def test_money_is_that_of_the_latest_reading_and_apart_for_each_currency(
    figures: Figures, pool: Pool
) -> None:
    first, second = await add_sessions(
        pool, PastSession(1, "accepted", shown=("half",), accepted="half"), PastSession(2)
    )
    await add_reading(pool, first, 30, paid={"eur": (1450, 1450)})
    await add_reading(pool, first, 60, paid={"eur": (2900, 2900), "jpy": (500, 0)})
    await add_reading(pool, second, 30, paid={"eur": (1000, 200)})

    assert await figures.revenue(*RANGE) == [
        Revenue("eur", 2, kept_minor=3900, given_minor=3100, cost_minor=2900),
        Revenue("jpy", 1, kept_minor=500, given_minor=0, cost_minor=0),
    ]


async def test_the_hold_out_is_compared_with_those_for_whom_an_offer_fitted_since_it_began(
    figures: Figures, pool: Pool
) -> None:
    sessions = await add_sessions(
        pool,
        PastSession(1, fitted="half", opened_at=BEGAN - timedelta(days=1)),
        PastSession(2, fitted="half", hold_out=True),
        PastSession(3, fitted="half", shown=("half",)),
        PastSession(4, fitted="half"),
        PastSession(5),
    )
    for each in sessions:
        await add_reading(pool, each)

    found = await figures.hold_out(None)

    assert (found.held_out, found.offers, found.percent) == (Share(1, 1), Share(2, 2), 20)


async def test_offers_that_were_left_out_are_counted_by_the_code_why(
    figures: Figures, pool: Pool
) -> None:
    left_out = {"offer": "half", "code": "gift_given_lately"}
    await add_sessions(
        pool,
        PastSession(1, considered=(left_out, {"offer": "break", "code": None})),
        PastSession(2, considered=(left_out,)),
    )

    assert await figures.left_out(*RANGE) == {"gift_given_lately": 2}


async def test_an_erased_customer_is_counted_as_before(figures: Figures, pool: Pool) -> None:
    (session,) = await add_sessions(
        pool, PastSession(1, "accepted", shown=("half",), accepted="half", fitted="half")
    )
    await add_reading(pool, session, paid={"eur": (1450, 1450)})
    before = await figures.counts(*RANGE), await figures.kept(*RANGE), await figures.revenue(*RANGE)

    async with pool.acquire() as connection:
        await Erasure(connection).of_customer("customer_1")

    after = await figures.counts(*RANGE), await figures.kept(*RANGE), await figures.revenue(*RANGE)
    erased = await pool.fetchval("SELECT bool_and(erased) FROM aiocancel.v_sessions")
    assert erased
    assert replace(after[0], without_snapshot=0) == replace(before[0], without_snapshot=0)
    assert after[1:] == before[1:]


async def test_a_figure_that_takes_too_long_is_given_up(pool: Pool) -> None:
    figures = Figures(pool, "test", within_s=0.05)

    with pytest.raises(UnavailableError):
        async with figures.reading() as connection:
            await connection.fetchval("SELECT pg_sleep(5)")


async def test_figures_take_two_connections_at_most_however_many_ask(figures: Figures) -> None:
    taken = most = 0

    async def ask() -> None:
        nonlocal taken, most
        async with figures.reading():
            taken += 1
            most = max(most, taken)
            await asyncio.sleep(0.01)
            taken -= 1

    await asyncio.gather(*(ask() for _ in range(8)))

    assert most == 2


@pytest.mark.parametrize(("size", "taken"), [(4, 1), (9, 1), (10, 2), (50, 2)])
def test_of_a_small_pool_figures_take_one_connection(size: int, taken: int) -> None:
    """A process and a worker in it listen with two of four: with two more a customer would wait."""

    class SmallPool:
        def get_max_size(self) -> int:
            return size

    figures = Figures(cast("Pool", SmallPool()), "test")
    store = ConsoleStore(cast("Pool", SmallPool()), "test")

    assert figures.turns._value == taken
    assert (store._turns is store.figures.turns) == (taken == 1)


async def test_figures_change_nothing(figures: Figures) -> None:
    with pytest.raises(UnavailableError):
        async with figures.reading() as connection:
            await connection.execute("UPDATE aiocancel.claim SET customer_id = ''")


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda each: each.key)
async def test_the_statement_of_a_definition_runs(definition: Definition, pool: Pool) -> None:
    assert await pool.fetch(as_statement(definition), *RANGE, "test") is not None
    assert "flow_session" in await Figures(pool, "test").view_sql(definition.view)


async def test_no_row_of_a_view_names_a_customer(pool: Pool) -> None:
    columns = await pool.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'aiocancel' AND table_name LIKE 'v\\_%'"
    )

    assert len(columns) > 20
    assert [each for each in columns if "customer" in each["column_name"]] == []
