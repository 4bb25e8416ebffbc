"""The page *figures*: every share with its doubt, the same numbers as JSON and CSV, and no 500 for any address."""

from __future__ import annotations

import asyncio
import csv
import html
import io
import re
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
import pytest_asyncio
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from aiocancel.cli.report import figures_of
from aiocancel.core.measures.definitions import BY_KEY
from aiocancel.core.measures.interval import Share
from aiocancel.core.measures.report import ROW_HEAD, Counts, Group, counts_as_json
from aiocancel.core.measures.sums import last_days
from aiocancel.core.measures.words import HoldOut
from aiocancel.errors import ConfigurationError, UnavailableError
from aiocancel.postgres import report
from aiocancel.postgres.counted_days import CountedDays
from aiocancel.postgres.report import Figures
from aiocancel.web.console.figures import difference_of, every_week
from aiocancel.web.console.range import Range, read_range
from aiocancel.web.console.words import Writing
from tests.support.claims import ask
from tests.support.console_site import AT, SLEEPERS, Client, get, page, plain, site, who_is_this
from tests.support.past_sessions import PastSession, add_reading, add_sessions
from tests.support.saas import Pool, as_customer, make_cancel
from tests.support.waiting import until

NOW = datetime.now(UTC)


@pytest_asyncio.fixture(loop_scope="session")
async def client(aiohttp_client: AiohttpClient, pool: Pool) -> AsyncIterator[Client]:
    yield await aiohttp_client(site(pool, hold_out_decide_on=(NOW + timedelta(days=60)).date()))


async def fill(pool: Pool) -> None:
    """Sessions of the last weeks: enough of them for a percentage of one reason, too few for the rest."""
    ago = NOW - timedelta(days=50)
    stored = [
        PastSession(n, opened_at=ago + timedelta(days=n), reason="unused" if n % 2 else None)
        for n in range(30)
    ]
    stored += [
        PastSession(
            100,
            "accepted",
            opened_at=ago,
            shown=("half",),
            accepted="half",
            fitted="half",
            reason="<b>&",
            reasons=("<b>&",),
        ),
        PastSession(101, "abandoned", opened_at=ago, hold_out=True, fitted="half", snapshot=None),
    ]

    ids = await add_sessions(pool, *stored)
    await add_reading(pool, ids[-2], paid={"eur": (1450, 1450), "jpy": (500, 0)})
    await add_reading(pool, ids[-1], state="paused")


async def test_the_page_answers_each_question_with_its_doubt_and_names_no_winner(
    client: Client, pool: Pool
) -> None:
    await fill(pool)

    whole = await page(client, "/figures")
    text = plain(whole)

    assert "32 sessions 30 cancelled 1 took an offer 1 left without change" in text
    assert "48% (32% to 65%, 15 of 31)" in text
    assert "1 of 1" in text
    assert "No verdict before" in text
    assert "Not enough yet: about" in text
    assert "1 session has no price" in text
    assert "Both rows count each subscription once" in text
    assert "€14.50" in text
    assert "¥500" in text
    assert "win" not in re.findall(r"[a-z]+", text.lower())
    # Every figure leads to its definition.
    for key in ("canceled", "reasons", "accepted", "kept_30", "hold_out", "kept_revenue"):
        assert f"/definitions#{key}" in whole
    assert "<b>&" not in whole
    assert not re.search(r"style=|<script|\son\w+=", whole)


@pytest.mark.parametrize("by", ["reason", "offer", "plan", "place", "week"])
async def test_json_and_csv_have_the_numbers_of_the_page(
    client: Client, pool: Pool, by: str
) -> None:
    await fill(pool)

    found = await (await get(client, "/figures", view="json", by=by)).json()
    response = await get(client, "/figures", view="csv", by=by)
    rows = list(csv.reader(io.StringIO(await response.text())))

    assert (found["sessions"], found["canceled"], found["by"], found["missing"]) == (32, 30, by, [])
    assert sum(each["sessions"] for each in found["groups"]) == 32
    # That stands on the page of the flow.
    assert "left_out" not in found
    assert tuple(rows[0]) == ROW_HEAD
    assert ["sessions", "", "32", "", "", "", "", ""] in rows
    assert ["kept", "", "", "1", "", "", "eur", "1450"] in rows
    assert f"sessions_by_{by}" in {row[0] for row in rows}


# A chart in a cell, and the words beside it.
CELL = re.compile(r'<td>(<svg class="cell".*?</svg>)(.*?)</td>', re.DOTALL)
COLUMN = re.compile(r'<rect class="bar[^"]*" x="[^"]*" y="[^"]*" width="[^"]*" height="([^"]*)"/>')


def of_attribute(drawn: str, name: str) -> float:
    found = re.search(rf'class="{name}" (?:x|cx|x1)="([0-9.]+)"', drawn)
    assert found is not None, drawn
    return float(found[1])


async def test_each_chart_shows_the_numbers_of_its_table(client: Client, pool: Pool) -> None:
    ago = NOW - timedelta(days=80)
    arms = [
        PastSession(
            n,
            "abandoned" if n % 3 else "canceled",
            opened_at=ago + timedelta(hours=9 * n),
            reason="unused",
            shown=() if n % 2 else ("half",),
            hold_out=bool(n % 2),
            fitted="half",
        )
        for n in range(60)
    ]
    for number, session in enumerate(await add_sessions(pool, *arms)):
        await add_reading(pool, session, state="active" if number % 5 else "ended")

    whole = await page(client, "/figures")

    # The columns, as high as the counts of the table below them.
    wide = re.search(r'<svg class="w720".*?</svg>', whole, re.DOTALL)
    table = re.search(r"<details.*?</details>", whole, re.DOTALL)
    assert wide is not None
    assert table is not None
    top = int(re.findall(r">(\d+)</text>", wide[0])[0])
    high = [round(float(each) * top / 120, 1) for each in COLUMN.findall(wide[0])]
    assert high == [int(each) for each in re.findall(r'class="number">(\d+)</td>', table[0])]
    assert sum(high) == 20

    # Bars and dots, as far along as the share beside them.
    kinds = set()
    for drawn, words in CELL.findall(whole):
        counts = re.search(r"(\d+) of (\d+)", words)
        if counts is not None:
            share = int(counts[1]) / int(counts[2])
            kind = next(
                each for each in ("hollow", "paused", "dot", "bar") if f'class="{each}"' in drawn
            )
            if kind == "bar":
                width = re.search(r'class="bar" x="0" y="1" width="([0-9.]+)"', drawn)
                assert width is not None
                assert float(width[1]) == pytest.approx(100 * share, abs=0.05)
            else:
                middle = of_attribute(drawn, kind) + (4 if kind == "hollow" else 0)
                assert middle == pytest.approx(4 + 192 * share, abs=0.05)
        else:
            kind, points = "difference", re.match(r"([+−]?[0-9.]+) \(", words)
            assert points is not None
            reach = 192 * float(points[1].replace("−", "-")) / 100
            ends = max(abs(float(each.replace("−", "-"))) for each in re.findall(NUMBER, words))
            axis = max(-(-ends // 10) * 10, 30) / 100
            middle = 100 + reach / (2 * axis)
            assert of_attribute(drawn, "dot") == pytest.approx(middle, abs=0.3)
        kinds.add(kind)
    assert kinds == {"hollow", "paused", "dot", "bar", "difference"}


NUMBER = r"[+−]?[0-9]+\.[0-9]"


async def test_each_plan_has_a_small_chart_with_one_axis_and_a_table_and_the_ninth_is_among_others(
    client: Client, pool: Pool
) -> None:
    def of(number: int, plan: str, weeks: int) -> PastSession:
        price = {"plan": plan, "price_minor": 500, "currency": "eur", "interval": "month"}
        return PastSession(number, opened_at=NOW - timedelta(weeks=weeks), snapshot=price)

    plans = ["Pro", "Pro", "Pro", "Team", "Team", "<b>", *(f"Small {n}" for n in range(6))]
    await add_sessions(pool, *(of(n, plan, n % 3) for n, plan in enumerate(plans)))

    whole = await page(client, "/figures")
    found = await (await get(client, "/figures", view="json")).json()
    rows = list(csv.reader(io.StringIO(await (await get(client, "/figures", view="csv")).text())))

    section = whole[whole.index('id="plans"') : whole.index('id="groups"')]
    names = re.findall(r"<li><p>(.*?) <span", section)
    assert names == ["Pro", "Team", "&lt;b&gt;", *(f"Small {n}" for n in range(4)), "Other plans"]
    assert "goes from 0 to 1" in section
    small = re.findall(r'<svg class="small".*?</svg>', section, re.DOTALL)
    drawn = [[round(float(each) / 62) for each in COLUMN.findall(chart)] for chart in small]
    table = [
        [int(each) for each in re.findall(r'class="number">(\d+)</td>', row)]
        for row in re.findall(r'<tr><td class="day">.*?</tr>', section)
    ]
    assert [list(column) for column in zip(*table, strict=True)] == drawn
    assert [sum(counts) for counts in drawn] == [3, 2, 1, 1, 1, 1, 1, 2]
    assert [sum(each["weeks"].values()) for each in found["plans"]] == [3, 2, 1, 1, 1, 1, 1, 2]
    assert [each["is_rest"] for each in found["plans"]] == [False] * 7 + [True]
    of_figure = {
        name: sum(int(row[2]) for row in rows if row[0] == name)
        for name in ("canceled_by_week", "canceled_by_plan_and_week", "canceled_by_other_plans")
    }
    assert of_figure == {
        "canceled_by_week": 12,
        "canceled_by_plan_and_week": 10,
        "canceled_by_other_plans": 2,
    }
    assert sum(each["canceled"] for each in found["weeks"]) == 12


async def test_amounts_have_bars_on_one_axis_for_each_currency(client: Client, pool: Pool) -> None:
    ago = NOW - timedelta(days=50)
    taken = PastSession(1, "accepted", opened_at=ago, shown=("half",), accepted="half")
    first, second = await add_sessions(pool, taken, PastSession(2, opened_at=ago))
    await add_reading(pool, first, paid={"eur": (1000, 500)})
    await add_reading(pool, second, paid={"eur": (1000, 0), "jpy": (-500, 0)})

    whole = await page(client, "/figures")

    section = whole[
        whole.index('id="money"') : whole.index("</section>", whole.index('id="money"'))
    ]
    widths = [
        float(each)
        for each in re.findall(r'class="bar" x="[0-9.]+" y="1" width="([0-9.]+)"', section)
    ]
    assert widths == [98.0, 24.5, 24.5, 98.0, 0.0, 0.0]


async def test_the_page_says_that_days_have_just_changed_and_counts_them_itself_after_a_minute(
    client: Client, pool: Pool
) -> None:
    ago = NOW - timedelta(days=20)
    await add_sessions(pool, PastSession(1, opened_at=ago), PastSession(2, opened_at=ago))
    days = CountedDays(pool, "test", "UTC")
    while await days.count_one() is not None:
        pass
    assert "within the last minute" not in plain(await page(client, "/figures"))

    await pool.execute("UPDATE aiocancel.flow_session SET place = 'FR'")
    text = plain(await page(client, "/figures"))
    found = await (await get(client, "/figures", view="json", by="place")).json()
    rows = await _csv(client, "/figures")

    assert "1 day has changed within the last minute, and is shown as it was counted" in text
    assert [each["key"] for each in found["groups"]] == ["DE"]
    assert found["changed_days"] == 1
    assert "changed_days,,1,,,,,\r\n" in rows

    await pool.execute("UPDATE aiocancel.recount SET noted_at = now() - interval '61 seconds'")
    text = plain(await page(client, "/figures"))
    found = await (await get(client, "/figures", view="json", by="place")).json()
    assert "within the last minute" not in text
    assert ([each["key"] for each in found["groups"]], found["changed_days"]) == (["FR"], 0)


async def test_a_range_without_sessions_says_when_the_first_was_and_a_new_site_that_there_is_none(
    client: Client, pool: Pool
) -> None:
    assert "No sessions yet" in plain(await page(client, "/figures"))
    await add_sessions(pool, PastSession(1, opened_at=NOW - timedelta(days=300)))

    text = plain(await page(client, "/figures", days="10"))

    assert "No sessions from" in text
    assert "The first was on" in text


async def test_a_site_that_knows_cancellations_from_the_plain_page_alone_has_all_figures(
    client: Client, pool: Pool
) -> None:
    """As after an upgrade: no flow has begun a session yet."""
    await ask(pool, "sub_plain")

    found = await (await get(client, "/figures", view="json")).json()
    response = await get(client, "/figures", view="csv")
    before = plain(await page(client, "/figures", **{"from": "2020-01-01", "to": "2020-01-31"}))

    assert (found["sessions"], found["missing"]) == (1, [])
    assert [each["canceled"] for each in found["weeks"]] == [1]
    assert [each["is_rest"] for each in found["plans"]] == [False]
    assert response.status == 200
    assert "The first was on" in before


async def test_only_a_week_that_goes_on_is_one_so_far(client: Client, pool: Pool) -> None:
    await add_sessions(
        pool,
        *(PastSession(n, opened_at=NOW - timedelta(days=days)) for n, days in enumerate((0, 20))),
    )
    over = (NOW - timedelta(days=10)).date().isoformat()

    now = await page(client, "/figures")
    then = await page(client, "/figures", to=over)

    # In both charts twice, as in both tables.
    assert (now.count(", so far"), now.count('class="bar so-far"')) == (2, 3)
    assert (then.count(", so far"), then.count('class="bar so-far"')) == (0, 0)
    assert 'class="bar"' in then


async def test_one_session_is_told_without_a_percentage(client: Client, pool: Pool) -> None:
    await add_sessions(pool, PastSession(1, opened_at=NOW - timedelta(days=1), reason="unused"))

    text = plain(await page(client, "/figures"))

    assert "1 session 1 cancelled" in text
    assert "1 of 1" in text
    assert "%" not in text.replace("95%", "")


@pytest.mark.parametrize(
    "query",
    [
        {"by": "customer"},
        {"days": "0"},
        {"days": "x"},
        {"from": "2026-13-01"},
        {"from": "2026-02-02", "to": "2026-01-01"},
        {"from": "0001-01-01"},
        {"to": "9999-12-31"},
    ],
    ids=str,
)
async def test_an_address_that_names_what_cannot_be_is_told_so(
    client: Client, query: dict[str, str]
) -> None:
    assert (await get(client, "/figures", **query)).status == 400


def away(*_: Any) -> Awaitable[Any]:
    async def fail() -> Any:
        raise UnavailableError("slow")

    return fail()


async def test_a_block_that_is_too_slow_is_left_out_and_named_and_the_rest_is_there(
    client: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(pool)
    slow = ["reasons", "revenue", "hold_out", "groups", "counts"]
    for name in slow:
        monkeypatch.setattr(Figures, name, away)

    text = plain(await page(client, "/figures"))
    found = await (await get(client, "/figures", view="json")).json()

    assert text.count("Cancelling is not affected") == 7
    assert "What became of those who saw an offer?" in text
    assert sorted(found["missing"]) == sorted([*slow, "weeks", "plans"])
    # Nothing that is missing is a count of nothing.
    unknown = {name for name, value in found.items() if value is None}
    assert unknown == {*slow, "weeks", "plans", *counts_as_json(Counts())} - {"counts"}
    assert [each["shown"] for each in found["offers"]] == [1]


@pytest.mark.parametrize(
    "name", ["groups", "reasons", "offers", "kept", "hold_out", "revenue", "first_at"]
)
async def test_a_csv_without_one_of_its_figures_is_none(
    client: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    await add_sessions(pool, PastSession(1, opened_at=NOW - timedelta(days=1)))
    monkeypatch.setattr(Figures, name, away)

    response = await get(client, "/figures", view="csv")

    assert response.status == 503
    assert "sessions" not in (await response.text()).split()
    assert (await get(client, "/figures")).status == 200


async def test_a_cancellation_does_not_wait_for_figures_however_many_are_asked_for(
    aiohttp_client: AiohttpClient, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each takes nearly all the time that it may. Were they not held back, a customer would wait behind two rows.
    slow = f"SELECT counted.* FROM ({report.HOLD_OUT_BEGAN}) AS counted, pg_sleep(1.9)"
    monkeypatch.setattr(report, "HOLD_OUT_BEGAN", slow)
    pool = await asyncpg.create_pool(database, min_size=1, max_size=4)
    await pool.execute("INSERT INTO app_subscription VALUES ('ada', 'sub_1')")
    cancel = make_cancel(pool, run_worker=False, answer_within_s=0.1)
    app = web.Application()
    cancel.setup(app)
    app.add_subapp(AT, cancel.console(operator=who_is_this))
    client = await aiohttp_client(app)

    payload = await client.get("/cancel/payload", headers=as_customer("ada"))
    body = {"grant": (await payload.json())["flow"]["grant"], "status": "canceled"}
    figures = [asyncio.create_task(get(client, "/figures")) for _ in range(8)]
    watching = await asyncpg.connect(database)

    async def is_counting() -> bool:
        return bool(await watching.fetchval(SLEEPERS))

    await until(is_counting)
    await watching.close()
    async with asyncio.timeout(3):
        answer = await client.post("/cancel/result", json=body, headers=as_customer("ada"))

    assert answer.status == 202
    assert not any(each.done() for each in figures)
    pool.terminate()
    await asyncio.gather(*figures, return_exceptions=True)


async def test_a_cancellation_does_not_wait_for_a_report_of_the_command_line(
    aiohttp_client: AiohttpClient, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = f"SELECT counted.* FROM ({report.COUNTS}) AS counted, pg_sleep(30)"
    monkeypatch.setattr(report, "COUNTS", slow)
    # The site has one connection alone, and the report takes none of its.
    pool = await asyncpg.create_pool(database, min_size=1, max_size=1)
    await pool.execute("INSERT INTO app_subscription VALUES ('ada', 'sub_1')")
    cancel = make_cancel(pool, run_worker=False, answer_within_s=0.1)
    app = web.Application()
    cancel.setup(app)
    client = await aiohttp_client(app)
    payload = await client.get("/cancel/payload", headers=as_customer("ada"))
    body = {"grant": (await payload.json())["flow"]["grant"], "status": "canceled"}

    async def count() -> None:
        async with figures_of(database, "test", application_name="aiocancel report") as figures:
            await figures.counts(NOW - timedelta(days=1), NOW)

    async def is_counting() -> bool:
        return bool(await pool.fetchval(SLEEPERS))

    counting = asyncio.create_task(count())
    await until(is_counting)
    answer = await client.post("/cancel/result", json=body, headers=as_customer("ada"))

    assert answer.status == 202
    assert not counting.done()
    counting.cancel()
    await asyncio.gather(counting, return_exceptions=True)
    pool.terminate()


async def test_a_report_that_takes_too_long_is_given_up(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "COUNTS", f"SELECT c.* FROM ({report.COUNTS}) AS c, pg_sleep(30)")
    monkeypatch.setattr("aiocancel.cli.report.ANSWER_WITHIN_S", 0.2)

    async with figures_of(database, "test", application_name="aiocancel report") as figures:
        with pytest.raises(UnavailableError):
            await figures.counts(NOW - timedelta(days=1), NOW)


async def test_on_paper_each_figure_says_what_it_counts(client: Client, pool: Pool) -> None:
    await fill(pool)

    printed = plain(await page(client, "/figures", view="print"))
    shown = plain(await page(client, "/figures"))

    for key in (
        "canceled",
        "reasons",
        "accepted",
        "kept_30",
        "kept_90",
        "hold_out",
        "kept_revenue",
    ):
        assert html.escape(BY_KEY[key].counts) in printed.replace("&#39;", "&#x27;")
        assert html.escape(BY_KEY[key].counts) not in shown.replace("&#39;", "&#x27;")
    assert "Definition" not in printed


async def test_the_print_view_has_its_tables_open_and_no_form(client: Client, pool: Pool) -> None:
    await fill(pool)

    whole = await page(client, "/figures", view="print")

    assert "<form" not in whole
    assert "<details>" not in whole


@pytest.mark.parametrize("wrong", ["2027-03-01", 20270301, NOW], ids=["text", "number", "moment"])
async def test_a_day_that_is_none_is_refused(pool: Pool, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="hold_out_decide_on"):
        make_cancel(pool).console(operator=lambda _: None, hold_out_decide_on=wrong)


@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns", "Pacific/Kiritimati"])
@pytest.mark.parametrize("days", [1, 90, 3660])
def test_so_many_days_are_the_same_days_on_the_page_and_in_the_report(days: int, zone: str) -> None:
    found = read_range({"days": str(days)}, NOW, zone)

    assert (found.since, found.until) == last_days(days, NOW, ZoneInfo(zone))


def test_a_week_without_cancellations_is_nothing_and_none_comes_before_the_first_session() -> None:
    days = Range(date(2025, 12, 1), date(2026, 1, 28), ZoneInfo("UTC"))
    weeks = [Group("2026-01-05", Counts(3, canceled=2)), Group("2026-01-19", Counts(1))]
    began = datetime(2026, 1, 7, tzinfo=UTC)

    assert every_week(weeks, days, began) == [
        ("2026-01-05", 2),
        ("2026-01-12", 0),
        ("2026-01-19", 0),
        ("2026-01-26", 0),
    ]
    assert every_week([], days, began) == every_week(weeks, days, None) == []


def test_a_difference_of_a_few_is_not_told() -> None:
    writing = Writing("UTC")
    assert difference_of(None, writing) is None
    assert difference_of(HoldOut(Share(0, 0), Share(5, 30), 20), writing) is None
    assert difference_of(HoldOut(Share(5, 30), Share(5, 19), 20), writing) is None
    found = difference_of(HoldOut(Share(96, 320), Share(17, 80), 20), writing)
    assert found is not None
    assert found[:2] == ("+8.8", "−2.5 to +17.9")
    german = difference_of(HoldOut(Share(96, 320), Share(17, 80), 20), Writing("UTC", "de"))
    assert german is not None
    assert german[:2] == ("+8,8", "−2,5 bis +17,9")


# --- what nobody expects


async def test_words_that_look_like_formulas_are_text_in_every_csv_and_in_every_page(
    client: Client, pool: Pool
) -> None:
    odd = '=HYPERLINK("x")'
    price = {"plan": odd, "price_minor": 500, "currency": "jpy", "interval": "month"}
    await add_sessions(
        pool,
        PastSession(
            1, opened_at=NOW, snapshot=price, reason="@SUM(1)", reasons=("@SUM(1)", "a\nb")
        ),
        PastSession(2, opened_at=NOW, snapshot={**price, "plan": '\u202eoff, "50" %'}),
    )

    listed = [*csv.DictReader(io.StringIO(await _csv(client, "/sessions"), newline=""))]
    by_plan = [*csv.reader(io.StringIO(await _csv(client, "/figures", by="plan"), newline=""))]
    shown = await page(client, "/figures", by="plan")

    assert {each["plan"] for each in listed} == {f"'{odd}", '\u202eoff, "50" %'}
    assert {each["reason"] for each in listed} == {"'@SUM(1)", ""}
    cells = {cell for row in by_plan for cell in row}
    assert f"'{odd}" in cells
    assert "'@SUM(1)" in cells
    assert "a\nb" in cells
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r")]
    assert odd not in shown
    assert "=HYPERLINK(&#34;x&#34;)" in shown


async def _csv(client: Client, path: str, **query: str) -> str:
    response = await get(client, path, view="csv", **query)
    assert response.content_type == "text/csv"
    return await response.text()


async def test_clocks_that_went_back_and_days_to_come_are_pages_without_a_mistake(
    client: Client, pool: Pool
) -> None:
    first, second, _ = await add_sessions(
        pool,
        PastSession(1, opened_at=NOW - timedelta(days=40), snapshot=None),
        PastSession(2, opened_at=NOW + timedelta(hours=2)),
        PastSession(3, "open", opened_at=NOW + timedelta(days=3)),
    )
    await pool.execute(
        "UPDATE aiocancel.flow_session SET ended_at = opened_at - interval '1 hour', touched_at = opened_at"
        " - interval '2 hours' WHERE id = $1",
        first,
    )
    # Read before it began, and paid less than nothing.
    await add_reading(pool, first, paid={"jpy": (-500, 0), "eur": (1, 2)})
    await pool.execute(
        "UPDATE aiocancel.kept_reading SET read_at = now() - interval '1 year' WHERE read_at IS NOT NULL"
    )

    texts = {
        path: await page(client, path)
        for path in (
            "/",
            "/sessions",
            f"/sessions/s{first}",
            f"/sessions/s{second}",
            "/figures",
            "/flow",
        )
    }
    far = await page(client, "/figures", **{"from": "1970-01-01", "to": "1970-01-01"})
    data = await (await get(client, "/figures", view="json")).json()

    assert all("<h1" in text for text in texts.values())
    assert [each["currency"] for each in data["revenue"]] == ["eur", "jpy"]
    assert "No sessions from" in far
