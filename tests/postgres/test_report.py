"""The figures, counted from sessions that are put there one by one."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

import pytest

from aiocancel.core.measures.definitions import BY_KEY, DEFINITIONS, Definition
from aiocancel.core.measures.interval import Share
from aiocancel.core.measures.report import By, Counts, KeptOn, OfferFate, Report, Revenue
from aiocancel.errors import UnavailableError
from aiocancel.postgres.console import ConsoleStore
from aiocancel.postgres.erasure import Erasure
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.report import Figures
from tests.support.claims import ask, make_claim, make_grant, record, take_due
from tests.support.past_sessions import (
    BEGAN,
    PastSession,
    add_reading,
    add_sessions,
    as_statement,
    take_back,
)
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
        # A customer who is still on the offer has not declined it.
        PastSession(4, "open", shown=("half",), fitted="half"),
        PastSession(5, "abandoned", snapshot=None, hold_out=True, fitted="half"),
        # Stripe was away as it began, and a price by use has no amount.
        PastSession(9, snapshot={"price_minor": None, "plan": None}),
        PastSession(10, snapshot={"plan": "By use", "currency": "eur"}),
        PastSession(6, opened_at=UNTIL),
        PastSession(7, opened_at=BEGAN - timedelta(seconds=1)),
        PastSession(8, mode="live"),
    )

    found = await figures.counts(*RANGE)

    assert found == Counts(
        sessions=7,
        canceled=3,
        accepted=1,
        abandoned=2,
        still_open=1,
        shown=3,
        declined=1,
        without_price=3,
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
    await take_back(pool, "sub_1", BEGAN + timedelta(days=1))

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

    assert (found.sessions, found.canceled, found.without_price) == (2, 2, 1)
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

    # A customer who took another offer has not left without change.
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


# What each statement gives, read as the page has it.
def rows_of(report: Report) -> dict[str, list[tuple[Any, ...]]]:
    counts, hold_out = report.counts, report.hold_out
    assert hold_out is not None
    counted = ("sessions", "canceled", "accepted", "declined", "abandoned", "taken_back")
    kept = {each.day: each.kept for each in report.kept if not each.offer}
    arms = {False: hold_out.offers, True: hold_out.held_out}

    return {
        **{name: [(getattr(counts, name),)] for name in counted},
        **{f"kept_{day}": [(share.part, share.whole)] for day, share in kept.items()},
        "kept_revenue": [(each.currency, each.kept_minor) for each in report.revenue],
        "cost_of_offers": [
            (each.currency, each.cost_minor) for each in report.revenue if each.cost_minor
        ],
        "reasons": [
            (each.reason, each.chosen.part, each.chosen.whole)
            for each in sorted(report.reasons, key=lambda each: each.reason)
        ],
        "hold_out": [(is_held_out, arm.part, arm.whole) for is_held_out, arm in arms.items()],
    }


async def test_the_statement_of_each_definition_counts_what_the_page_counts(
    figures: Figures, pool: Pool
) -> None:
    """Of each figure there is a session that counts, and one that only looks like it."""
    now = datetime.now(UTC)
    span = now - timedelta(days=120), now
    opened: dict[str, Any] = {"opened_at": now - timedelta(days=100), "fitted": "half"}
    sessions = [
        PastSession(0, hold_out=True, **opened),
        PastSession(1, "accepted", shown=("half",), accepted="half", **opened),
        PastSession(2, "abandoned", shown=("half",), reason="unused", **opened),
        PastSession(3, "open", shown=("half",), **opened),
        PastSession(4, "canceled", shown=("half",), **opened),
        PastSession(5, "canceled", opened_at=now - timedelta(days=100)),
        # The subscription of the first comes back.
        PastSession(
            6, **{**opened, "opened_at": now - timedelta(days=70)}, subscription_id="sub_0"
        ),
        PastSession(
            7, told_by="vendor", reasons=(), reason="other", opened_at=now - timedelta(days=1)
        ),
        PastSession(8, "accepted", shown=("half",), accepted="half", mode="live", **opened),
    ]
    ids = await add_sessions(pool, *sessions)
    for day in (30, 60, 90):
        await add_reading(pool, ids[1], day, paid={"eur": (100 * day, 10 * day), "jpy": (day, 1)})
        await add_reading(pool, ids[2], day, kept=day == 30, paid={"eur": (7, 5)})
        await add_reading(pool, ids[0], day, "ended")
    await add_reading(pool, ids[6], 30, "ended")
    await take_back(pool, "sub_4", now - timedelta(days=99))

    page = rows_of(await figures.report(*span, as_of=now))
    by_sql = {
        each.key: sorted(tuple(row) for row in await pool.fetch(as_statement(each), *span, "test"))
        for each in DEFINITIONS
    }

    assert by_sql == page
    assert page["declined"] == [(2,)]
    assert page["taken_back"] == [(1,)]
    assert page["cost_of_offers"] == [("eur", 900), ("jpy", 1)]
    assert page["kept_revenue"] == [("eur", 9007), ("jpy", 90)]
    assert page["kept_30"] == [(2, 4)]
    assert page["kept_60"] == page["kept_90"] == [(1, 3)]
    assert page["hold_out"] == [(False, 2, 2), (True, 0, 1)]


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


async def test_where_offers_change_nothing_the_arms_are_alike_however_often_customers_come_back(
    figures: Figures, pool: Pool
) -> None:
    """Of ten in each arm four leave, three come back and leave then, three stay. A gift is due once."""
    ago = datetime.now(UTC) - timedelta(days=80)
    sessions, stays = [], []
    for number in range(20):
        held_out, fate = number % 2 == 0, number // 2
        state = "canceled" if fate < 4 else "abandoned" if held_out else "accepted"
        taken = "half" if state == "accepted" else None
        arm: dict[str, Any] = {"hold_out": held_out, "subscription_id": f"sub_{number}"}
        shown = () if held_out else ("half",)
        first = PastSession(
            number, state, opened_at=ago, shown=shown, accepted=taken, fitted="half", **arm
        )
        sessions.append(first)
        stays.append(fate >= 7)
        if 4 <= fate < 7:
            fitted = "half" if held_out else None
            later = ago + timedelta(days=20)
            sessions.append(PastSession(100 + number, opened_at=later, fitted=fitted, **arm))
            stays.append(False)
    ids = await add_sessions(pool, *sessions, hold_out_percent=50)
    for session, is_kept in zip(ids, stays, strict=True):
        await add_reading(pool, session, state="active" if is_kept else "ended")

    found = await figures.hold_out(None)

    assert (found.offers, found.held_out) == (Share(3, 10), Share(3, 10))


async def test_a_subscription_counts_for_the_arm_of_its_first_session_that_an_offer_fitted(
    figures: Figures, pool: Pool
) -> None:
    """One that no offer fitted is none, nor is a vendor's, one of the other mode, or one from before the hold-out."""
    day = timedelta(days=1)
    now = datetime.now(UTC)
    began = now - 50 * day
    held: dict[str, Any] = {"hold_out": True, "fitted": "half", "subscription_id": "sub_1"}
    before: dict[str, Any] = {"fitted": "half", "subscription_id": "sub_9"}
    ids = await add_sessions(
        pool,
        PastSession(1, opened_at=began - day, subscription_id="sub_1"),
        PastSession(2, opened_at=began - day, **{**held, "mode": "live"}),
        PastSession(
            3, opened_at=began - day, told_by="vendor", fitted="half", subscription_id="sub_1"
        ),
        PastSession(4, opened_at=began, **held),
        PastSession(5, opened_at=began + day, **held),
        PastSession(6, opened_at=began + 2 * day, **{**held, "hold_out": False}),
        PastSession(7, opened_at=began - day, **before),
        PastSession(8, opened_at=began + day, **before),
        # Of two of one moment the one that was stored first.
        PastSession(9, opened_at=now - 40 * day, fitted="half", subscription_id="sub_2"),
        PastSession(10, opened_at=now - 40 * day, fitted="half", subscription_id="sub_2"),
    )
    for each in ids:
        await add_reading(pool, each)

    found = await figures.hold_out(None)

    assert (found.held_out, found.offers) == (Share(1, 1), Share(1, 1))
    # Four subscriptions of eight weeks, two of them twice: sub_1, sub_2 and sub_9 alone are due an offer.
    assert found.per_week == 3 / 8
    assert found.since == began


async def test_once_its_day_has_come_the_comparison_stays_as_it_was_then(
    figures: Figures, pool: Pool
) -> None:
    now = datetime.now(UTC)
    begins = [now - timedelta(days=days) for days in (45, 45, 39, 39, 31, 31)]
    ids = await add_sessions(
        pool,
        *(
            PastSession(n, opened_at=at, fitted="half", hold_out=n % 2 == 0)
            for n, at in enumerate(begins)
        ),
    )
    for each in ids:
        await add_reading(pool, each)

    async def due(days_ago: int) -> tuple[int, int]:
        found = await figures.hold_out((now - timedelta(days=days_ago)).date())
        return found.held_out.whole, found.offers.whole

    # Nothing that came to its day after the owner's day, and all until now where that is to come.
    assert await due(14) == (1, 1)
    assert await due(5) == (2, 2)
    assert await due(-9) == (3, 3)
    assert (await figures.hold_out((now + timedelta(days=9)).date())).until is None
    assert (await figures.hold_out(date(1, 1, 1))).held_out.whole == 0
    assert (await figures.hold_out(date(9999, 12, 31))).held_out.whole == 3


async def test_the_day_of_the_comparison_begins_where_the_owner_is(pool: Pool) -> None:
    day = datetime.now(UTC).date() - timedelta(days=3)

    begins = [
        (await Figures(pool, "test", time_zone=zone).hold_out(day)).until
        for zone in ("UTC", "Pacific/Auckland")
    ]

    assert begins[0] == datetime.combine(day, time(), UTC) - timedelta(days=30)
    assert begins[1] is not None
    assert timedelta(hours=12) <= begins[0] - begins[1] <= timedelta(hours=13)


async def test_the_percentage_is_that_of_the_definition_that_customers_were_shown_last(
    figures: Figures, pool: Pool
) -> None:
    """An owner who goes back to an earlier definition stores nothing anew."""
    for version, percent in (("with", 10), ("without", 0), ("of another mode", 30)):
        await pool.execute(
            "INSERT INTO aiocancel.flow_definition (version, definition) VALUES ($1, $2)",
            version,
            json.dumps({"hold_out_percent": percent}),
        )
    shown = [("with", "test"), ("without", "test"), ("with", "test"), ("of another mode", "live")]
    await add_sessions(
        pool,
        *(
            PastSession(
                n, opened_at=BEGAN + timedelta(hours=n), definition_version=version, mode=mode
            )
            for n, (version, mode) in enumerate(shown)
        ),
        PastSession(9, opened_at=BEGAN + timedelta(days=1), told_by="vendor"),
    )

    assert (await figures.hold_out(None)).percent == 10
    stored = await ConsoleStore(pool, "test").definition()
    assert stored is not None
    assert stored[0] == "with"


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
    assert replace(after[0], without_price=0) == replace(before[0], without_price=0)
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
