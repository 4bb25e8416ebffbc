"""``aiocancel report``: one screen for people, stable names for programs, and no stack trace for bad input."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import struct
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import reset_tzpath

import pytest

from aiocancel.cli.main import main
from aiocancel.cli.report import report_as_csv, report_as_text
from aiocancel.core.measures.interval import Share
from aiocancel.core.measures.report import ROW_HEAD, By, Counts, Group, Report
from aiocancel.core.measures.words import HoldOut
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.support.commands import with_pool
from tests.support.past_sessions import PastSession, add_reading, add_sessions
from tests.support.saas import Pool

Run = Callable[..., tuple[int, str, str]]
NOW = datetime.now(UTC)


@pytest.fixture
def shop(
    postgres: EmbeddedPostgres, template_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The DSN of a database with three sessions of last month, one of them read on day 30."""
    name = f"report_{uuid.uuid4().hex}"
    database = asyncio.run(postgres.create_database(name, template=template_database))
    monkeypatch.setenv("AIOCANCEL_DATABASE_URL", database)
    with_pool(database, fill)
    yield database
    asyncio.run(postgres.drop_database(name))


async def fill(pool: Pool) -> None:
    began = NOW - timedelta(days=40)
    first, *_ = await add_sessions(
        pool,
        PastSession(
            1, "accepted", opened_at=began, shown=("half",), accepted="half", fitted="half"
        ),
        PastSession(2, opened_at=began, reason="=cmd()", reasons=("=cmd()", "unused")),
        PastSession(3, opened_at=began, reason="unused", hold_out=True, fitted="half"),
    )
    await add_reading(pool, first, paid={"eur": (1450, 1450), "jpy": (500, 0)})


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(["report", *arguments])
        except SystemExit as end:
            status = int(str(end.code))
        return (status, *capsys.readouterr())

    return call


def test_a_report_is_one_screen_json_or_csv_with_the_same_numbers(shop: str, run: Run) -> None:
    status, text, _ = run("--mode", "test", "--by", "reason")
    _, as_json, _ = run("--mode", "test", "--by", "reason", "--json")
    _, as_csv, _ = run("--mode", "test", "--by", "reason", "--csv")

    assert status == 0
    assert len(text.splitlines()) < 50
    assert "3 sessions: 2 cancelled, 1 took an offer, 0 left without change" in text
    assert "14.50 paid in 1 sessions, offers cost 14.50" in text
    assert "500 paid in 1 sessions" in text
    assert "No verdict" not in text
    assert "Fix a day in hold_out_decide_on" in text

    found = json.loads(as_json)
    assert (found["mode"], found["sessions"], found["by"]) == ("test", 3, "reason")
    assert {each["currency"]: each["kept_minor"] for each in found["revenue"]} == {
        "eur": 1450,
        "jpy": 500,
    }

    rows = list(csv.reader(io.StringIO(as_csv)))
    assert tuple(rows[0]) == ROW_HEAD
    assert ["sessions", "", "3", "", "", "", "", ""] in rows
    assert ["sessions_by_reason", "'=cmd()", "1", "", "", "", "", ""] in rows
    assert {len(row) for row in rows} == {len(ROW_HEAD)}


def test_the_other_mode_and_a_range_without_sessions_have_none(shop: str, run: Run) -> None:
    assert "no sessions yet" in run()[1]
    status, text, _ = run("--mode", "test", "--since", "3d")

    assert status == 0
    assert "no sessions; the first was on" in text


def test_the_hold_out_says_since_when_it_counts_and_whose_days_those_are_not() -> None:
    since, until = datetime(2026, 11, 19, 23, tzinfo=UTC), datetime(2026, 11, 26, 23, tzinfo=UTC)
    # The 18th of the owner's.
    began = datetime(2026, 8, 17, 22, 30, tzinfo=UTC)

    def told(offers: int, held_out: int) -> str:
        arms = HoldOut(Share(offers // 2, offers), Share(held_out // 3, held_out), 20, since=began)
        report = Report(since, until, since, Counts(1), hold_out=arms)
        text = report_as_text(report, date(2026, 11, 26), mode="live", time_zone="Europe/Berlin")
        return " ".join(text.split())

    many, few = told(100, 60), told(100, 3)

    title = "each subscription once: since it began on 2026-08-18, not the days above"
    assert title in many
    assert "2026-11-20 to 2026-11-20 00:00 Europe/Berlin, live mode" in many
    # As the page has it: the estimate first, and none of a few.
    assert "difference +16.7 points (+0.8 to +31.0)" in many
    assert "difference" not in few
    assert "1 of 3" in few


def test_the_first_session_has_the_day_of_the_owner() -> None:
    since, until = datetime(2026, 11, 19, 23, tzinfo=UTC), datetime(2026, 11, 26, 23, tzinfo=UTC)
    first = datetime(2026, 8, 17, 22, 30, tzinfo=UTC)
    report = Report(since, until, since, Counts(), first_at=first)

    text = report_as_text(report, date(2026, 11, 26), mode="live", time_zone="Europe/Berlin")

    assert "no sessions; the first was on 2026-08-18" in text


def test_the_days_of_a_report_are_whole_days_of_the_owners(shop: str, run: Run) -> None:
    """What began so many midnights ago is of a day that one day more holds, at whatever hour."""
    first = (NOW - timedelta(days=40)).replace(hour=23, minute=59, second=59)
    midnights = (datetime.now(UTC).date() - first.date()).days
    with_pool(shop, lambda pool: add_sessions(pool, PastSession(4, opened_at=first)))

    counted = [
        json.loads(run("--mode", "test", "--since", f"{days}d", "--json")[1])["sessions"]
        for days in (midnights, midnights + 1)
    ]

    assert counted == [0, 4]


def test_a_day_for_the_verdict_can_be_fixed(shop: str, run: Run) -> None:
    day = (NOW + timedelta(days=60)).date().isoformat()

    assert "No verdict before" in run("--mode", "test", "--hold-out-decide-on", day)[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "90"],
        ["--since", "0d"],
        ["--since", "99999d"],
        ["--by", "customer"],
        ["--json", "--csv"],
        ["--time-zone", "../../etc/passwd"],
        ["--time-zone", "Mars/Base"],
        ["--hold-out-decide-on", "soon"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told(run: Run, arguments: list[str]) -> None:
    status, _, said = run("--database-url", "postgresql://nobody@127.0.0.1:9/x", *arguments)

    assert status == 2
    assert "usage: aiocancel report" in said


def test_a_word_that_is_none_of_the_groups_is_told_with_the_words_that_are(run: Run) -> None:
    said = run("--database-url", "postgresql://nobody@127.0.0.1:9/x", "--by", "colour")[2]

    assert "'reason'" in said
    assert "By." not in said


def test_a_zone_that_only_this_machine_knows_is_wrong_usage(
    shop: str, run: Run, tmp_path: Path
) -> None:
    """``localtime`` is one on most machines, and the database has never heard of it."""
    counts = struct.pack(">6L", 0, 0, 0, 0, 1, 4)
    (tmp_path / "Here").write_bytes(b"TZif" + bytes(16) + counts + bytes(6) + b"UTC\0")
    reset_tzpath([str(tmp_path)])
    try:
        status, _, said = run("--mode", "test", "--by", "week", "--time-zone", "Here")
    finally:
        reset_tzpath()

    assert status == 2
    assert "argument --time-zone: the database knows no Here" in said


def test_a_database_that_is_away_is_told_without_its_password(run: Run) -> None:
    status, _, said = run("--database-url", "postgresql://me:secret@127.0.0.1:9/x")

    assert status == 1
    assert "secret" not in said


def test_a_terminal_obeys_no_word_of_a_customer() -> None:
    groups = [Group(f"\x1b[2J{n}", Counts(1)) for n in range(20)]
    report = Report(NOW, NOW, NOW, Counts(20), groups=groups, by=By.PLAN)

    text = report_as_text(report, date(2026, 11, 26), mode="live")

    assert "\x1b" not in text
    assert "and 5 more" in text


def test_no_cell_of_the_report_is_a_formula_and_each_is_read_again() -> None:
    words = ["=cmd()", 'a "quoted", one', "two\nlines", "\u202eabc"]
    groups = [Group(word, Counts(1)) for word in words]
    report = Report(NOW, NOW, NOW, Counts(4), groups=groups, by=By.PLAN)

    rows = [*csv.reader(io.StringIO(report_as_csv(report), newline=""))]

    keys = [row[1] for row in rows if row[0] == "sessions_by_plan"]
    assert keys == ["'=cmd()", *words[1:]]
    assert {len(row) for row in rows} == {len(ROW_HEAD)}
