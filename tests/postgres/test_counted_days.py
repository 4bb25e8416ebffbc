"""Days that were counted beforehand: every figure is the same with and without them, whatever changes meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

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


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_of_an_old_session_counts_at_once_and_its_day_is_counted_anew(
    pool: Pool, change: str
) -> None:
    await add_sessions(
        pool,
        past(1, told_by="vendor"),
        past(2, told_by="vendor", opened_at=BASE + timedelta(days=1)),
    )
    await count_all(pool)
    before, days = await everything(pool, BERLIN), await counted(pool)

    await pool.execute(CHANGES[change])
    changed = await everything(pool, BERLIN)

    assert changed != before
    assert await count_all(pool) == 1
    assert await counted(pool) == days
    assert await everything(pool, BERLIN) == changed
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.recount") == 0


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
