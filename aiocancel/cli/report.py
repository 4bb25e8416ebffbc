"""``aiocancel report``: who left, why, what was offered and what it brought, on one screen or for a program."""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg

from aiocancel.cli.database import CONNECT_WITHIN_S, add_option, database_url
from aiocancel.cli.values import as_days, printable, say
from aiocancel.core.csv_cells import cell_of
from aiocancel.core.identifiers import Mode
from aiocancel.core.measures.interval import Share
from aiocancel.core.measures.report import ROW_HEAD, By, Report, report_as_json, report_rows
from aiocancel.core.measures.sums import MOST_DAYS, last_days
from aiocancel.core.measures.words import points_in_words, share_in_words
from aiocancel.core.money import major_units
from aiocancel.errors import UnavailableError
from aiocancel.postgres.address import CANNOT_OPEN, cannot_open
from aiocancel.postgres.report import Figures
from aiocancel.postgres.schema import check_schema

ANSWER_WITHIN_S: Final = 30.0
_SHOWN_GROUPS: Final = 15


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``aiocancel``."""
    parser = commands.add_parser(
        "report",
        help="who left, why, what was offered and what it brought",
        description="Count the flow sessions of some days; nothing is changed. Shares come with their 95 % interval, "
        "and no winner is named. Exit status: 0 done; 1 the database did not answer; 2 wrong usage.",
    )

    parser.add_argument(
        "--since",
        type=as_days(MOST_DAYS),
        default=90,
        metavar="DAYS",
        help="how many whole days, today included, as 90d (default: 90d)",
    )
    parser.add_argument(
        "--by", choices=[str(each) for each in By], help="tell the sessions apart by this"
    )
    parser.add_argument(
        "--mode", choices=["live", "test"], default="live", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--time-zone",
        type=_zone,
        default="UTC",
        help="whose days and weeks are meant (default: UTC)",
    )
    parser.add_argument(
        "--hold-out-decide-on",
        type=_day,
        metavar="DAY",
        help="the day that was fixed for comparing with the hold-out, as 2027-03-01",
    )

    written = parser.add_mutually_exclusive_group()
    written.add_argument("--json", action="store_true", help="print JSON")
    written.add_argument("--csv", action="store_true", help="print CSV, one figure a row")
    add_option(parser)
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Print the report; returns the exit status."""
    url = database_url(options, options.parser)
    now = datetime.now(UTC)
    try:
        report = asyncio.run(_counted(url, options, now))
    except asyncpg.InvalidParameterValueError:
        # Python finds "localtime" on this machine, for instance, and a server has zones of its own.
        options.parser.error(f"argument --time-zone: the database knows no {options.time_zone}")

    today = now.astimezone(ZoneInfo(options.time_zone)).date()
    if options.json:
        printed = json.dumps({"mode": options.mode, **report_as_json(report, today)}, indent=2)
    elif options.csv:
        printed = report_as_csv(report).rstrip("\n")
    else:
        printed = report_as_text(report, today, mode=options.mode, time_zone=options.time_zone)
    say(printed)
    return 0


async def _counted(url: str, options: argparse.Namespace, now: datetime) -> Report:
    async with figures_of(
        url, options.mode, application_name="aiocancel report", time_zone=options.time_zone
    ) as figures:
        since, until = last_days(options.since, now, ZoneInfo(options.time_zone))
        return await figures.report(
            since,
            until,
            by=None if options.by is None else By(options.by),
            decide_on=options.hold_out_decide_on,
            as_of=now,
        )


@asynccontextmanager
async def figures_of(
    url: str, mode: Mode, *, application_name: str, time_zone: str = "UTC"
) -> AsyncIterator[Figures]:
    """Open a database for counting, on one connection that can only read; raises UnavailableError.

    Args:
        url: The DSN; nothing that is printed repeats its password.
        mode: Whose sessions are counted.
        application_name: How the connection is named in ``pg_stat_activity``.
        time_zone: Whose weeks are meant.
    """
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=1,
            timeout=CONNECT_WITHIN_S,
            server_settings={"application_name": application_name},
        )
    except CANNOT_OPEN as error:
        # Not the error itself: its text may hold the DSN.
        raise UnavailableError(cannot_open(url, error)) from None

    try:
        async with pool.acquire() as connection:
            await check_schema(connection)
        yield Figures(pool, mode, time_zone=time_zone, within_s=ANSWER_WITHIN_S)
    finally:
        pool.terminate()


def report_as_text(report: Report, today: date, *, mode: str, time_zone: str = "UTC") -> str:
    """Return a report for people, on one screen.

    Args:
        report: The figures.
        today: The owner's date.
        mode: Live or test.
        time_zone: Whose days they are.
    """
    return "\n".join(_lines(report, today, mode, ZoneInfo(time_zone)))


def _lines(report: Report, today: date, mode: str, zone: ZoneInfo) -> Iterator[str]:
    counts, first_day = report.counts, report.since.astimezone(zone)
    as_of = report.as_of.astimezone(zone)
    yield f"{first_day:%Y-%m-%d} to {as_of:%Y-%m-%d %H:%M} {zone.key}, {mode} mode"
    if not counts.sessions:
        first = report.first_at
        said = "" if first is None else f"{first.astimezone(zone):%Y-%m-%d}"
        yield f"no sessions; the first was on {said}" if said else "no sessions yet"
        return

    yield (
        f"{counts.sessions} sessions: {counts.canceled} cancelled, {counts.accepted} took an offer, "
        f"{counts.abandoned} left without change, {counts.taken_back} taken back, {counts.still_open} still open"
    )
    if counts.without_price:
        yield f"{counts.without_price} of them have no price"
    yield from _block("Why, of the sessions that showed the reason", _reasons(report))
    yield from _block("Offers: taken, of those who saw it", _offers(report))
    yield from _block("Kept, of those read on that day", _kept(report))
    yield from _block("Money after sessions, until the latest reading", _revenue(report))
    yield from _block(_hold_out_title(report, zone), _hold_out(report, today))
    if report.by is not None:
        yield from _block(f"By {report.by}", _groups(report))


def _block(title: str, rows: Iterator[tuple[str, str]]) -> Iterator[str]:
    listed = list(rows)
    if not listed:
        return

    width = max(len(name) for name, _ in listed)
    yield ""
    yield title
    for name, text in listed:
        yield f"  {printable(name).ljust(width)}  {printable(text)}".rstrip()


def _reasons(report: Report) -> Iterator[tuple[str, str]]:
    for each in report.reasons[:_SHOWN_GROUPS]:
        yield each.reason or "(no answer)", share_in_words(each.chosen)


def _offers(report: Report) -> Iterator[tuple[str, str]]:
    for each in report.offers[:_SHOWN_GROUPS]:
        yield each.offer, share_in_words(Share(each.accepted, each.shown))


def _kept(report: Report) -> Iterator[tuple[str, str]]:
    for each in report.kept[: 3 * _SHOWN_GROUPS]:
        notes = f", {each.paused} paused" if each.paused else ""
        notes += f", {each.late} read late" if each.late else ""
        yield f"day {each.day}, {each.offer or 'all'}", f"{share_in_words(each.kept)}{notes}"


def _revenue(report: Report) -> Iterator[tuple[str, str]]:
    for each in report.revenue:
        kept, cost = (
            major_units(minor, each.currency) for minor in (each.kept_minor, each.cost_minor)
        )
        yield (
            each.currency.upper(),
            f"{kept:,} paid in {each.sessions} sessions, offers cost {cost:,}",
        )


def _hold_out_title(report: Report, zone: ZoneInfo) -> str:
    title = "Offers against the hold-out, kept on day 30, each subscription once"
    since = report.hold_out and report.hold_out.since
    if not since:
        return title
    return f"{title}: since it began on {since.astimezone(zone):%Y-%m-%d}, not the days above"


def _hold_out(report: Report, today: date) -> Iterator[tuple[str, str]]:
    found = report.hold_out
    if found is None:
        return

    if found.offers.whole or found.held_out.whole:
        yield "offers due", share_in_words(found.offers)
        yield "hold-out", share_in_words(found.held_out)
    if (estimate := found.estimate) is not None:
        value, interval = estimate
        ends = f"{points_in_words(interval.low)} to {points_in_words(interval.high)}"
        yield "difference", f"{points_in_words(value)} points ({ends})"
    for sentence in found.sentences(today):
        yield sentence, ""


def _groups(report: Report) -> Iterator[tuple[str, str]]:
    for each in report.groups[:_SHOWN_GROUPS]:
        counts = each.counts
        yield (
            each.key or "(none)",
            f"{counts.sessions} sessions, {counts.canceled} cancelled, {counts.accepted} took an offer",
        )
    if (more := len(report.groups) - _SHOWN_GROUPS) > 0:
        yield f"and {more} more: --json or --csv", ""


def report_as_csv(report: Report) -> str:
    """Return every figure as a row with the columns of ``ROW_HEAD``; a cell is never a formula."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(ROW_HEAD)
    writer.writerows([[cell_of(each) for each in row] for row in report_rows(report)])
    return written.getvalue()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("is a day such as 2027-03-01") from None


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError("is a time zone such as Europe/Berlin") from None
    return text
