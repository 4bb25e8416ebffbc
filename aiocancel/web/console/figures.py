"""The page *figures*: how many left and why, what became of offers, whether customers stayed, and what it brought.

Every share comes with its interval or as "x of y", and no winner is named. Each block is a statement of its own: one
that is too slow is left out, and the rest of the page is there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from aiocancel.core.measures.definitions import DEFINITIONS
from aiocancel.core.measures.interval import Share
from aiocancel.core.measures.report import (
    ROW_HEAD,
    By,
    Counts,
    Group,
    PlanWeeks,
    Report,
    counts_as_json,
    largest_plans,
    report_as_json,
    report_rows,
    total,
)
from aiocancel.core.measures.words import HoldOut, ends_told, points
from aiocancel.core.sentences import Sentence
from aiocancel.web.console import charts
from aiocancel.web.console.desk import Desk, or_none
from aiocancel.web.console.page import Page
from aiocancel.web.console.range import Range, read_by, read_range

if TYPE_CHECKING:
    from aiohttp import web
    from markupsafe import Markup

    from aiocancel.web.console.words import Writing

# A block's names in JSON, where it has others than its own.
_NAMES: Final = {"counts": tuple(counts_as_json(Counts()))}


async def figures_page(desk: Desk, request: web.Request) -> Page:
    """Make the page of figures for the range that the address names."""
    now, writing = desk.now(), desk.writing
    days, by = read_range(request.query, now, desk.settings.time_zone), read_by(request.query)
    since, until = days.since, days.until
    async with (await desk.store()).figures.as_last_counted().one_look() as figures:
        # Every session is in one week: their sum needs no statement of its own.
        weeks = await or_none(figures.groups(since, until, By.WEEK))
        counts = None if weeks is None else total(weeks)
        groups = weeks if by is By.WEEK else await or_none(figures.groups(since, until, by))
        reasons = await or_none(figures.reasons(since, until))
        offers = await or_none(figures.offers(since, until))
        kept = await or_none(figures.kept(since, until))
        revenue = await or_none(figures.revenue(since, until))
        hold_out = await or_none(figures.hold_out(desk.decide_on))
        first_at = await or_none(figures.first_at())
        # Where there are weeks, there was a first session.
        is_unread = first_at is None and bool(weeks)
        drawn = None if weeks is None or is_unread else every_week(weeks, days, first_at)
        plans = None if drawn is None else await _plans(figures.plan_weeks, days, drawn)

    today = now.astimezone(days.zone).date()
    last_monday = date.fromisoformat(drawn[-1][0]) if drawn else date.min
    is_growing = last_monday + timedelta(days=7) > today
    report = Report(
        since,
        until,
        now,
        counts or Counts(),
        groups or (),
        by,
        reasons or (),
        offers or (),
        kept or (),
        revenue or (),
        hold_out,
        first_at,
    )
    blocks = {
        "counts": counts,
        "weeks": drawn,
        "groups": groups,
        "reasons": reasons,
        "offers": offers,
        "kept": kept,
        "revenue": revenue,
        "hold_out": hold_out,
        "plans": plans,
    }
    missing = [name for name, block in blocks.items() if block is None]
    return Page(
        "figures.html",
        writing.t("figures"),
        values={
            **blocks,
            "range": days,
            "by": by,
            "bys": list(By),
            "first_at": first_at,
            "weeks_chart": _chart(drawn or (), writing, is_growing=is_growing),
            "small": _small_charts(plans or (), writing, is_growing=is_growing),
            "is_growing": is_growing,
            "changed_days": len(figures.changed_days),
            "difference": difference_of(hold_out, writing),
            "sentences": () if hold_out is None else map(writing.say, hold_out.as_sentences(today)),
            "bar": charts.bar,
            "dot": charts.dot,
            "amount_bar": charts.amount_bar,
            "share": writing.share,
            "Share": Share,
            "words": {each.key: writing.definition(each) for each in DEFINITIONS},
        },
        # A block that is missing is named and null, so that no program takes it for nothing.
        data={
            **_without_left_out(report_as_json(report, today)),
            "weeks": [{"week": week, "canceled": count} for week, count in drawn or ()],
            "plans": [
                {"plan": each.plan or None, "is_rest": each.is_rest, "weeks": dict(each.weeks)}
                for each in plans or ()
            ],
            "changed_days": len(figures.changed_days),
            **dict.fromkeys(each for name in missing for each in _NAMES.get(name, (name,))),
            "missing": missing,
        },
        head=ROW_HEAD,
        rows=[
            *report_rows(report),
            *_rows_of_weeks(() if by is By.WEEK else drawn or (), plans or ()),
            _count_row("changed_days", "", len(figures.changed_days)),
        ],
        missing=missing,
    )


def _without_left_out(data: dict[str, Any]) -> dict[str, Any]:
    """Return what this page shows; why offers were left out is on the page of the flow."""
    return {name: value for name, value in data.items() if name != "left_out"}


@dataclass(frozen=True, slots=True)
class DrawnPlan:
    """One plan as it is drawn: every week of the chart above, in its order."""

    plan: str
    is_rest: bool
    weeks: Sequence[tuple[str, int]]


async def _plans(
    count: Callable[[datetime, datetime], Awaitable[Sequence[PlanWeeks]]],
    days: Range,
    drawn: Sequence[tuple[str, int]],
) -> list[DrawnPlan] | None:
    """Return the cancellations of the largest plans in the weeks that are drawn; None where that takes too long."""
    weeks = [week for week, _ in drawn[-charts.MOST_COLUMNS :]]
    if not weeks:
        return []

    since = datetime.combine(date.fromisoformat(weeks[0]), time(), days.zone)
    found = await or_none(count(max(days.since, since), days.until))
    if found is None:
        return None
    return [
        DrawnPlan(each.plan, each.is_rest, [(week, each.canceled.get(week, 0)) for week in weeks])
        for each in largest_plans(found)
    ]


def _rows_of_weeks(
    weeks: Sequence[tuple[str, int]], plans: Sequence[DrawnPlan]
) -> Iterator[Sequence[Any]]:
    for week, count in weeks:
        yield _count_row("canceled_by_week", week, count)
    for each in plans:
        figure = "canceled_by_other_plans" if each.is_rest else "canceled_by_plan_and_week"
        for week, count in each.weeks:
            yield _count_row(
                figure, week if each.is_rest else f"{week} {each.plan}".rstrip(), count
            )


def _count_row(figure: str, key: str, count: int) -> Sequence[Any]:
    return (figure, key, count, *[None] * (len(ROW_HEAD) - 3))


def every_week(
    weeks: Sequence[Group], days: Range, first_at: datetime | None
) -> list[tuple[str, int]]:
    """Return the Monday and the cancellations of each week, none before the first session.

    Args:
        weeks: Those that have sessions.
        days: The range.
        first_at: When the first session of all began.
    """
    found = {each.key: each.counts.canceled for each in weeks}
    if first_at is None or not found:
        return []

    begin = max(days.first, first_at.astimezone(days.zone).date())
    begin = min(begin, datetime.fromisoformat(min(found)).date())
    monday = begin - timedelta(days=begin.weekday())
    listed = []
    while monday <= days.last:
        listed.append((monday.isoformat(), found.get(monday.isoformat(), 0)))
        monday += timedelta(days=7)
    return listed


def _chart(weeks: Sequence[tuple[str, int]], writing: Writing, *, is_growing: bool) -> Markup:
    def say(low: int, high: int, last: int) -> str:
        name = writing.t("cancellations_by_week")
        return writing.t("chart_said", name=name, low=low, high=high, last=last)

    return charts.columns(
        weeks, say, label=writing.calendar_day, number=writing.number, so_far=is_growing
    )


def _small_charts(
    plans: Sequence[DrawnPlan], writing: Writing, *, is_growing: bool
) -> tuple[int, Sequence[tuple[str, int, Markup]]]:
    """Return the end of the axis that all plans share, and the name, the sum and the chart of each."""
    top = charts.round_top(max((count for each in plans for _, count in each.weeks), default=0))
    listed = []
    for each in plans:
        name = writing.t("other_plans") if each.is_rest else each.plan or writing.t("none_of_these")

        def say(low: int, high: int, last: int, name: str = name) -> str:
            return writing.t("chart_said", name=name, low=low, high=high, last=last)

        counts = [count for _, count in each.weeks]
        chart = charts.small_columns(counts, top, say, so_far=is_growing)
        listed.append((name, sum(counts), chart))
    return top, listed


def difference_of(hold_out: HoldOut | None, writing: Writing) -> tuple[str, str, Markup] | None:
    """Return the difference in points, its interval in words, and its chart; None where too few are known."""
    if hold_out is None or hold_out.estimate is None:
        return None

    value, interval = hold_out.estimate
    said = writing.say(Sentence("value", {"value": points(value)}))
    return said, writing.say(ends_told(interval)), charts.difference_dot(value, interval)
