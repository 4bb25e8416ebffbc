"""Days that were counted beforehand: every figure is the same with and without them, whatever changes meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from aiocancel.core.measures.report import By, Report, report_as_json
from aiocancel.core.measures.sums import OF_READINGS, Figure
from aiocancel.errors import UnavailableError
from aiocancel.postgres import report
from aiocancel.postgres.counted_days import CountedDays
from aiocancel.postgres.report import Figures
from aiocancel.postgres.schema import migrations
from aiocancel.worker.count_days import DayCounter
from tests.support.generated_company import COMPANY_BEGAN, make_company, store
from tests.support.past_sessions import PastSession, add_reading, add_sessions
from tests.support.saas import Pool
from tests.support.waiting import until

BERLIN = "Europe/Berlin"
# A Monday, at noon, so long ago that day 30 has come for all sessions; every day since is counted.
BASE = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
BASE -= timedelta(days=42 + BASE.weekday())
SPANS = [
    (BASE - timedelta(days=2), BASE + timedelta(days=400)),
    (BASE + timedelta(days=3, hours=7), BASE + timedelta(days=9, hours=1)),
    (BASE + timedelta(hours=1), BASE + timedelta(hours=2)),
]


# So short a time ago that few days are counted.
NEAR = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=6)


def near(number: int, **fields: Any) -> PastSession:
    return past(number, **{"opened_at": NEAR, **fields})


def past(number: int, **fields: Any) -> PastSession:
    return PastSession(number, **{"opened_at": BASE, **fields})


async def count_all(pool: Pool, zone: str = BERLIN, *, most: int = 1000) -> int:
    days = CountedDays(pool, "test", zone)
    counted = 0
    while counted < most and await days.count_one() is not None:
        counted += 1
    return counted


async def everything(pool: Pool, zone: str, spans: Any = SPANS[:1]) -> list[Any]:
    """Every figure of some ranges, told apart by everything."""
    figures = Figures(pool, "test", time_zone=zone)
    found: list[Any] = []
    for since, until_ in spans:
        for by in (None, *By):
            whole: Report = await figures.report(since, until_, by=by, as_of=BASE)
            found.append(report_as_json(whole, BASE.date()))
    return found


async def counted(pool: Pool) -> list[datetime]:
    rows = await pool.fetch("SELECT since FROM aiocancel.counted_day ORDER BY since")
    return [row["since"] for row in rows]


@pytest.mark.parametrize("zone", ["UTC", BERLIN])
async def test_figures_are_the_same_with_days_that_were_counted_before(
    pool: Pool, zone: str
) -> None:
    company = list(make_company(3, 300))
    for made in company:
        # Nine days, so that each has many.
        made.session.opened_at = BASE + (made.session.opened_at - COMPANY_BEGAN) / 45
    async with pool.acquire() as connection:
        await store(connection, company)
    before = await everything(pool, zone, SPANS)

    assert await count_all(pool, zone) > 9

    assert await pool.fetchval("SELECT count(DISTINCT figure) FROM aiocancel.day_figure") >= 9
    assert await everything(pool, zone, SPANS) == before


async def test_figures_of_one_look_are_those_of_many(pool: Pool) -> None:
    """In one look the sessions of a piece are found once, and parted by the weeks of the owner."""
    company = list(make_company(3, 300))
    for made in company:
        made.session.opened_at = BASE + (made.session.opened_at - COMPANY_BEGAN) / 30
    async with pool.acquire() as connection:
        await store(connection, company)
    await count_all(pool)
    # A Sunday and the Monday after it, and a day by itself.
    for days in (6, 7, 9):
        await pool.execute(
            "DELETE FROM aiocancel.counted_day WHERE since = $1",
            await day_of(pool, BASE + timedelta(days=days)),
        )

    figures = Figures(pool, "test", time_zone=BERLIN)
    for span in SPANS:
        async with figures.one_look() as look:
            in_one_look = [
                [await look.report(*span, by=by, as_of=BASE) for by in By],
                sorted(await look.plan_weeks(*span), key=lambda each: each.plan),
            ]
        in_many = [
            [await figures.report(*span, by=by, as_of=BASE) for by in By],
            sorted(await figures.plan_weeks(*span), key=lambda each: each.plan),
        ]

        assert in_one_look == in_many


async def test_in_one_look_days_are_asked_for_once_and_the_sessions_of_a_piece_found_once(
    pool: Pool,
) -> None:
    await add_sessions(pool, near(1), near(2, opened_at=datetime.now(UTC)))
    await count_all(pool)
    asked: list[str] = []
    span = (await day_of(pool, NEAR), datetime.now(UTC) + timedelta(days=1))

    async with Figures(pool, "test", time_zone=BERLIN).one_look() as figures:
        assert figures._look is not None
        with figures._look.query_logger(lambda record: asked.append(record.query)):
            await figures.groups(*span, By.WEEK)
            pieces = asked.count(report.SESSIONS)
            for by in By:
                await figures.groups(*span, by)
            await figures.plan_weeks(*span)
            await figures.kept(*span)
            await figures.revenue(*span)
            await figures.hold_out(None)

    assert pieces > 0
    assert asked.count(report.COUNTED) == 1
    assert asked.count(report.SESSIONS) == pieces
    assert not {report.COUNTS, report.GROUPS, report.PLAN_WEEKS}.intersection(asked)


async def test_a_long_piece_has_a_plan_for_its_values_and_all_else_one_for_any(pool: Pool) -> None:
    await add_sessions(pool, near(1), near(2, opened_at=datetime.now(UTC)))
    await count_all(pool)
    asked: list[str] = []

    async with Figures(pool, "test", time_zone=BERLIN).one_look() as figures:
        assert figures._look is not None
        with figures._look.query_logger(lambda record: asked.append(record.query)):
            await figures.offers(NEAR - timedelta(days=90), datetime.now(UTC))
        plans = await figures._look.fetchval("SELECT current_setting('plan_cache_mode')")

    first = asked.index(report.OFFERS)
    assert asked[first - 1 : first + 2] == [report.A_PLAN_EACH, report.OFFERS, report.ONE_PLAN]
    assert (asked.count(report.OFFERS), asked.count(report.A_PLAN_EACH)) == (2, 1)
    assert plans == "force_generic_plan"


async def test_days_of_the_release_before_are_counted_anew_and_one_of_its_workers_does_no_harm(
    pool: Pool,
) -> None:
    await add_sessions(
        pool, past(1, reason="unused"), past(2, reason="other", told_by="vendor", reasons=())
    )
    await count_all(pool, "UTC")
    figures = Figures(pool, "test", time_zone="UTC")
    before = await figures.reasons(*SPANS[0])
    # It counted two numbers of a reason.
    older = "UPDATE aiocancel.day_figure SET numbers = numbers[1:2] WHERE figure = 'reasons'"
    await pool.execute(older)
    assert await figures.reasons(*SPANS[0]) is not None

    await pool.execute(migrations()[34])

    assert await figures.reasons(*SPANS[0]) == before
    assert await count_all(pool, "UTC") > 0


async def test_a_range_takes_what_was_counted_and_counts_the_rest(pool: Pool) -> None:
    await add_sessions(pool, *(past(n, opened_at=BASE + n * timedelta(days=1)) for n in range(5)))
    await count_all(pool, "UTC")
    # A figure that only a counted day can have.
    await pool.execute(
        "UPDATE aiocancel.day_figure SET numbers[1] = 100 WHERE figure = 'counts' AND since = $1",
        (BASE + timedelta(days=2)).replace(hour=0),
    )
    figures = Figures(pool, "test", time_zone="UTC")

    inside = await figures.counts(BASE, BASE + timedelta(days=30))
    edge = await figures.counts(
        (BASE + timedelta(days=2)).replace(hour=1), BASE + timedelta(days=30)
    )

    assert (inside.sessions, edge.sessions) == (104, 3)


async def test_the_figures_of_another_zone_use_the_days_that_there_are_and_weeks_their_own(
    pool: Pool,
) -> None:
    late = BASE + timedelta(days=6, hours=11, minutes=30)
    await add_sessions(pool, past(1, opened_at=late), past(2, opened_at=late))
    await count_all(pool, BERLIN)
    span = (BASE - timedelta(days=9), BASE + timedelta(days=30))

    found = {
        zone: [
            each.key for each in await Figures(pool, "test", time_zone=zone).groups(*span, By.WEEK)
        ]
        for zone in ("UTC", BERLIN)
    }

    assert found == {"UTC": [f"{BASE:%Y-%m-%d}"], BERLIN: [f"{BASE + timedelta(days=7):%Y-%m-%d}"]}
    assert (await Figures(pool, "test").counts(*span)).sessions == 2


CHANGES = {
    "an answer": "UPDATE aiocancel.flow_session SET place = 'FR' WHERE session_id = 'run_1'",
    "a reading": "UPDATE aiocancel.kept_reading SET read_at = now(), due_at = NULL, state = 'active', kept = true,"
    " is_late = false WHERE day = 30 AND session = (SELECT id FROM aiocancel.flow_session WHERE session_id = 'run_1')",
    "a late session": "INSERT INTO aiocancel.flow_session (session_id, vendor, told_by, mode, customer_id,"
    " subscription_id, state, opened_at, ended_at) SELECT 'late', 'prosperstack', 'vendor', 'test', 'c', 'sub_9',"
    " 'canceled', opened_at, opened_at FROM aiocancel.flow_session WHERE session_id = 'run_1'",
    "a cancellation without a session": "INSERT INTO aiocancel.claim (public_id, recorded_at, grant_nonce, uses_grant,"
    " vendor, status, customer_id, subscription_id, mode, change, recovery_point) SELECT gen_random_uuid(), opened_at,"
    " 'n', true, 'plain', 'canceled', 'c', 'sub_8', 'test', 'cancellation', 'action_applied'"
    " FROM aiocancel.flow_session WHERE session_id = 'run_1'",
    "a resumption": "INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, customer_id,"
    " subscription_id, mode, change, recovery_point) VALUES (gen_random_uuid(), 'n', false, 'plain', 'resumed', 'c',"
    " 'sub_1', 'test', 'resumption', 'action_applied');"
    " INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, idempotency_key, state, finished_at,"
    " receipt_status) SELECT id, 0, 'resume', 'sub_1', 'k', 'done', now(), 'active' FROM aiocancel.claim",
}


async def count_two_days(pool: Pool) -> None:
    """Add a session on each of two days, and count both."""
    await add_sessions(
        pool,
        past(1, told_by="vendor"),
        past(2, told_by="vendor", opened_at=BASE + timedelta(days=1)),
    )
    await count_all(pool)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_of_an_old_session_counts_at_once_and_its_day_is_counted_anew(
    pool: Pool, change: str
) -> None:
    await count_two_days(pool)
    before, days = await everything(pool, BERLIN), await counted(pool)

    await pool.execute(CHANGES[change])
    changed = await everything(pool, BERLIN)

    assert changed != before
    assert await count_all(pool) == 1
    assert await counted(pool) == days
    assert await everything(pool, BERLIN) == changed
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.recount") == 0


@pytest.mark.parametrize("change", ["an answer", "a reading", "a resumption"])
async def test_a_page_shows_a_day_that_has_just_changed_as_it_was_counted_and_names_it(
    pool: Pool, change: str
) -> None:
    await count_two_days(pool)
    before, _ = await of_page(pool)

    await pool.execute(CHANGES[change])
    shown, changed = await of_page(pool)

    assert (shown, changed) == (before, {await day_of(pool, BASE)})
    assert await of_page(pool, exactly=True) != (before, set())
    await count_all(pool)
    assert await of_page(pool) == await of_page(pool, exactly=True)


async def of_page(pool: Pool, *, exactly: bool = False) -> tuple[Any, set[datetime]]:
    """What a page shows, and the days that it shows as they were."""
    figures = Figures(pool, "test", time_zone=BERLIN)
    figures = figures if exactly else figures.as_last_counted()
    whole = await figures.report(*SPANS[0], by=By.PLACE, as_of=BASE)
    return report_as_json(whole, BASE.date()), figures.changed_days


async def day_of(pool: Pool, moment: datetime) -> datetime:
    found: datetime = await pool.fetchval(
        "SELECT since FROM aiocancel.counted_day WHERE since <= $1 AND until > $1", moment
    )
    return found


async def change_a_place(pool: Pool, run: int = 1) -> None:
    await pool.execute(
        "UPDATE aiocancel.flow_session SET place = 'FR' WHERE session_id = $1", f"run_{run}"
    )


NOTES_OF = {
    "a minute ago": "UPDATE aiocancel.recount SET noted_at = now() - interval '61 seconds'",
    "by a clock that went back": "UPDATE aiocancel.recount SET noted_at = now() + interval '1 hour'",
    "a minute ago, and again": (
        "UPDATE aiocancel.recount SET noted_at = now() - interval '61 seconds';"
        " INSERT INTO aiocancel.recount SELECT started_at FROM aiocancel.recount"
    ),
    "a minute ago, as a worker of other days has marked": (
        "UPDATE aiocancel.counted_day SET changed_at = (SELECT min(noted_at) FROM aiocancel.recount)"
        " - interval '61 seconds'; DELETE FROM aiocancel.recount"
    ),
    "before this release": "UPDATE aiocancel.recount SET noted_at = '-infinity'",
}


@pytest.mark.parametrize("when", NOTES_OF)
async def test_a_day_that_changed_too_long_ago_is_counted_for_the_page(
    pool: Pool, when: str
) -> None:
    await add_sessions(pool, near(1))
    await count_all(pool)

    await change_a_place(pool)
    await pool.execute(NOTES_OF[when])

    shown, changed = await of_page(pool)
    assert [each["key"] for each in shown["groups"]] == ["FR"]
    assert changed == set()
    assert await count_all(pool) >= 1
    assert await of_page(pool) == (shown, set())


async def test_a_reading_that_nobody_counts_puts_after_a_minute_out_of_force_what_it_changes(
    pool: Pool,
) -> None:
    (session,) = await add_sessions(pool, past(1))
    await count_all(pool)
    await pool.execute(
        "UPDATE aiocancel.day_figure SET numbers = ARRAY(SELECT 100 * number FROM unnest(numbers) number)"
    )

    await add_reading(pool, session, paid={"eur": (2900, 0)})
    await pool.execute(
        "UPDATE aiocancel.counted_day SET read_at = now() - interval '61 seconds';"
        " DELETE FROM aiocancel.recount"
    )
    shown, changed = await of_page(pool)

    assert (shown["sessions"], changed) == (100, set())
    assert [each["read"] for each in shown["kept"]] == [1]


async def test_a_day_of_another_zone_is_marked_and_stays_until_its_own_worker_counts_it(
    pool: Pool,
) -> None:
    await add_sessions(pool, near(1))
    await count_all(pool, BERLIN)
    await count_all(pool, "UTC")

    await change_a_place(pool)
    assert await count_all(pool, "UTC") == 1

    berlin = Figures(pool, "test", time_zone=BERLIN).as_last_counted()
    (group,) = await berlin.groups(*SPANS[0], By.PLACE)
    assert (group.key, len(berlin.changed_days)) == ("DE", 1)
    (group,) = await Figures(pool, "test", time_zone=BERLIN).groups(*SPANS[0], By.PLACE)
    assert group.key == "FR"
    assert await count_all(pool, BERLIN) == 1


async def test_what_changed_first_is_counted_first_and_what_was_never_counted_last(
    pool: Pool,
) -> None:
    days = [NEAR + n * timedelta(days=1) for n in range(4)]
    await add_sessions(pool, *(near(n, opened_at=day) for n, day in enumerate(days)))
    await count_all(pool)
    await pool.execute("DELETE FROM aiocancel.counted_day WHERE since > $1", days[2])
    for at, run in (("2 minutes", 1), ("9 minutes", 0), ("2 minutes", 2)):
        await change_a_place(pool, run)
        await pool.execute(
            "UPDATE aiocancel.recount SET noted_at = date_trunc('minute', now()) - $1::text::interval"
            " WHERE noted_at > now() - interval '1 minute'",
            at,
        )

    counting = CountedDays(pool, "test", BERLIN)
    order = [await counting.count_one() for _ in range(4)]

    assert order[:3] == [await day_of(pool, days[n]) for n in (0, 2, 1)]
    assert order[3] is not None
    assert order[3] > days[3]


async def test_a_day_that_changes_all_the_time_is_not_counted_all_the_time(pool: Pool) -> None:
    await add_sessions(pool, near(1))
    await count_all(pool)
    counting = CountedDays(pool, "test", BERLIN, gather_s=300)

    await change_a_place(pool)
    assert await counting.count_one() is None
    await change_a_place(pool)
    await pool.execute(
        "UPDATE aiocancel.counted_day SET changed_at = now() - interval '6 minutes' WHERE changed_at IS NOT NULL"
    )

    assert await counting.count_one() is not None
    assert [await counting.count_one() for _ in range(2)] == [None, None]


async def test_a_count_that_fails_leaves_what_was_counted_and_the_notes(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_sessions(pool, near(1))
    await count_all(pool)
    before, _ = await of_page(pool)
    await change_a_place(pool)

    monkeypatch.setattr(report, "REASONS", report.REASONS.replace("reason AS key", "1/0 AS key"))
    with pytest.raises(asyncpg.DivisionByZeroError):
        await CountedDays(pool, "test", BERLIN).count_one()
    monkeypatch.undo()

    assert (await of_page(pool))[0] == before
    assert await count_all(pool) == 1


@pytest.mark.parametrize("is_counted", [False, True], ids=["session by session", "by days"])
async def test_the_cancellations_of_each_plan_are_told_by_week(
    pool: Pool, is_counted: bool
) -> None:
    def of(number: int, plan: str | None, days: int, state: str = "canceled") -> PastSession:
        price = None if plan is None else {"plan": plan, "price_minor": 1, "currency": "eur"}
        return past(number, state=state, opened_at=BASE + timedelta(days=days), snapshot=price)

    await add_sessions(
        pool,
        *(of(n, "Pro", days) for n, days in enumerate((0, 6, 7, 20))),
        of(10, "Team", 6),
        of(11, "Team", 7, "abandoned"),
        of(12, None, 13),
    )
    if is_counted:
        await count_all(pool)

    found = await Figures(pool, "test", time_zone=BERLIN).plan_weeks(*SPANS[0])

    first, second, third = (f"{BASE + timedelta(weeks=n):%Y-%m-%d}" for n in range(3))
    assert {each.plan: dict(each.canceled) for each in found} == {
        "Pro": {first: 2, second: 1, third: 1},
        "Team": {first: 1, second: 0},
        "": {second: 1},
    }


async def test_a_payment_that_is_noted_after_its_reading_counts(pool: Pool) -> None:
    (session,) = await add_sessions(pool, past(1))
    await count_all(pool)

    await add_reading(pool, session, paid={"jpy": (500, 0), "eur": (2900, 10)})

    (eur, jpy) = await Figures(pool, "test", time_zone=BERLIN).revenue(*SPANS[0])
    assert (eur.kept_minor, jpy.kept_minor) == (2900, 500)


async def test_a_reading_leaves_those_counts_of_its_day_in_force_that_it_does_not_change(
    pool: Pool,
) -> None:
    (session,) = await add_sessions(pool, past(1))
    await count_all(pool)
    # Numbers that only a counted day can have.
    await pool.execute(
        "UPDATE aiocancel.day_figure SET numbers = ARRAY(SELECT 100 * number FROM unnest(numbers) number)"
    )
    figures = Figures(pool, "test", time_zone=BERLIN)

    await add_reading(pool, session, paid={"eur": (2900, 0)})
    read = await figures.report(*SPANS[0], by=By.PLACE, as_of=BASE)
    await pool.execute("UPDATE aiocancel.flow_session SET touched_at = now()")
    changed = await figures.report(*SPANS[0], by=By.PLACE, as_of=BASE)

    assert (read.counts.sessions, [each.counts.sessions for each in read.groups]) == (100, [100])
    assert {each.chosen.whole for each in read.reasons} == {100}
    assert [each.kept.whole for each in read.kept] == [1]
    assert [each.sessions for each in read.revenue] == [1]
    assert (changed.counts.sessions, [each.counts.sessions for each in changed.groups]) == (1, [1])
    assert {each.chosen.whole for each in changed.reasons} == {1}


@pytest.mark.parametrize("figure", Figure)
async def test_the_figures_that_a_reading_changes_are_those_that_look_at_readings(
    pool: Pool, figure: Figure
) -> None:
    asked: list[tuple[Any, ...]] = []

    class Asked:
        async def fetch(self, *of: Any) -> list[Any]:
            asked.append(of)
            return []

    connection: Any = Asked()
    await report.count(connection, figure, SPANS[0], "test")
    ((statement, *values),) = asked

    plan = "\n".join(row[0] for row in await pool.fetch(f"EXPLAIN (VERBOSE) {statement}", *values))

    assert ("kept_reading" in plan or "kept_payment" in plan) == (figure in OF_READINGS)


async def test_a_change_that_commits_while_its_day_is_counted_is_counted_afterwards(
    pool: Pool,
) -> None:
    await add_sessions(pool, past(1))
    async with pool.acquire() as writer:
        transaction = writer.transaction()
        await transaction.start()
        await writer.execute("UPDATE aiocancel.flow_session SET place = 'FR'")
        # It is counted as it was before, and the note comes with the commit.
        await count_all(pool)
        await transaction.commit()

    (group,) = await Figures(pool, "test", time_zone=BERLIN).groups(*SPANS[0], By.PLACE)
    assert group.key == "FR"
    assert await count_all(pool) == 1
    (group,) = await Figures(pool, "test", time_zone=BERLIN).groups(*SPANS[0], By.PLACE)
    assert group.key == "FR"


async def test_more_notes_than_are_taken_at_once_are_taken_in_turn_and_their_days_wait(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiocancel.postgres.counted_days._MOST_NOTES", 2)
    await add_sessions(pool, *(past(n, opened_at=BASE + n * timedelta(days=1)) for n in range(5)))
    await count_all(pool)
    before = await everything(pool, BERLIN)

    await pool.execute("UPDATE aiocancel.flow_session SET place = 'FR'")
    await CountedDays(pool, "test", BERLIN).count_one()
    waiting = await pool.fetchval("SELECT count(*) FROM aiocancel.recount")
    changed = await everything(pool, BERLIN)

    assert waiting == 3
    assert changed != before
    assert await count_all(pool) >= 4
    assert await everything(pool, BERLIN) == changed


async def test_a_figure_of_many_pieces_is_given_up_after_the_time_of_one(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [BASE + n * timedelta(days=1) for n in range(12)]
    await add_sessions(pool, *(past(n, opened_at=day) for n, day in enumerate(days)))
    await count_all(pool)
    # Every other day has changed, so that each is a piece of its own.
    await pool.executemany(
        "INSERT INTO aiocancel.recount VALUES ($1)", [(day,) for day in days[::2]]
    )
    slow = f"SELECT c.* FROM ({report.COUNTS}) AS c, pg_sleep(0.2)"
    monkeypatch.setattr(report, "COUNTS", slow)

    with pytest.raises(UnavailableError):
        await Figures(pool, "test", time_zone=BERLIN, within_s=0.5).counts(*SPANS[0])

    patient = Figures(pool, "test", time_zone=BERLIN, within_s=60)
    assert (await patient.counts(*SPANS[0])).sessions == 12


async def test_in_one_look_a_figure_that_takes_too_long_takes_no_other_along(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_sessions(pool, near(1), near(2))
    slow = f"WITH slept AS MATERIALIZED (SELECT pg_sleep(60)) SELECT c.* FROM slept, ({report.COUNTS}) c"
    monkeypatch.setattr(report, "COUNTS", slow)

    async with Figures(pool, "test", time_zone=BERLIN, within_s=0.5).one_look() as figures:
        with pytest.raises(UnavailableError):
            await figures.counts(*SPANS[0])
        groups = await figures.groups(*SPANS[0], By.PLACE)

    assert [each.counts.sessions for each in groups] == [2]


async def test_in_one_look_figures_belong_together_whatever_is_stored_meanwhile(
    pool: Pool,
) -> None:
    await add_sessions(pool, near(1))
    await count_all(pool)

    async with Figures(pool, "test", time_zone=BERLIN).one_look() as figures:
        before = await figures.counts(*SPANS[0])
        await add_sessions(pool, near(2), near(3, opened_at=datetime.now(UTC)))
        (group,) = await figures.groups(*SPANS[0], By.PLACE)

    assert (before.sessions, group.counts.sessions) == (1, 1)
    assert (await Figures(pool, "test", time_zone=BERLIN).counts(*SPANS[0])).sessions == 3


async def test_two_processes_count_no_day_at_once(pool: Pool) -> None:
    await add_sessions(pool, past(1))
    async with pool.acquire() as other, other.transaction():
        await other.fetchval("SELECT pg_advisory_xact_lock(3448737)")

        assert await CountedDays(pool, "test", BERLIN).count_one() is None

    assert await CountedDays(pool, "test", BERLIN).count_one() is not None


async def test_a_day_that_may_still_change_is_not_counted_and_one_of_a_clock_that_went_back_is_forgotten(
    pool: Pool,
) -> None:
    now = datetime.now(UTC)
    await add_sessions(pool, past(1, opened_at=now - timedelta(hours=1)))
    await pool.execute(
        "INSERT INTO aiocancel.counted_day VALUES ('test', 'UTC', now(), now() + interval '1 day')"
    )

    assert await count_all(pool, "UTC") <= 1

    assert all(day < now - timedelta(hours=7) for day in await counted(pool))
    # And what happens today writes no note.
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.recount") == 0


async def test_what_changes_today_waits_for_no_other(pool: Pool) -> None:
    """Notes are rows without a key, so two of one day are written at once."""
    await add_sessions(pool, past(1), past(2))
    async with pool.acquire() as one, pool.acquire() as two:
        first = one.transaction()
        await first.start()
        await one.execute(
            "UPDATE aiocancel.flow_session SET place = 'FR' WHERE session_id = 'run_1'"
        )
        async with asyncio.timeout(10):
            await two.execute(
                "UPDATE aiocancel.flow_session SET place = 'FR' WHERE session_id = 'run_2'"
            )
        await first.rollback()

    assert await pool.fetchval("SELECT count(*) FROM aiocancel.recount") == 3


async def test_a_worker_counts_days_and_outlives_an_outage(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await add_sessions(pool, past(1))
    real = report.FIRST
    monkeypatch.setattr("aiocancel.postgres.counted_days.FIRST", "SELECT 1/0")
    counting = asyncio.create_task(
        DayCounter(CountedDays(pool, "test", "UTC"), look_every_s=0.01, pause_s=0).run()
    )
    try:
        await until(lambda: "counting the figures of days" in caplog.text)
        monkeypatch.setattr("aiocancel.postgres.counted_days.FIRST", real)

        async def is_counted() -> bool:
            return bool(await counted(pool))

        await until(is_counted)
    finally:
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)


def test_every_figure_can_be_counted() -> None:
    known = {*report._STATEMENTS, *report._BY}

    assert known == set(Figure)
