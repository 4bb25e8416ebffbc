"""What the owner's figures come to for a range of days, as data for a page, a program or a terminal. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from aiocancel.core.measures.interval import Interval, Share
from aiocancel.core.measures.words import HoldOut

ROW_HEAD: Final = ("figure", "key", "part", "whole", "low", "high", "currency", "amount_minor")
"""The columns of ``report_rows``."""
MOST_PLANS: Final = 8
"""As many charts as one look takes in."""


class By(StrEnum):
    """What sessions can be told apart by."""

    REASON = "reason"
    OFFER = "offer"
    PLAN = "plan"
    PLACE = "place"
    WEEK = "week"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many sessions there were, and how they ended.

    Args:
        sessions: All of them.
        canceled: Those that ended with a cancellation that stands.
        accepted: Those that ended with an accepted offer.
        abandoned: Those that changed nothing.
        taken_back: Those whose cancellation was taken back.
        still_open: Those that go on.
        shown: Those in which at least one offer was shown.
        declined: Those that are over, in which one was shown and none accepted.
        without_price: Those whose price nobody knows: from before this release, while Stripe was away, or by use.
        held_out: Those of the hold-out.
    """

    sessions: int = 0
    canceled: int = 0
    accepted: int = 0
    abandoned: int = 0
    taken_back: int = 0
    still_open: int = 0
    shown: int = 0
    declined: int = 0
    without_price: int = 0
    held_out: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """The counts of the sessions that have one value in common; the empty key stands for those without any."""

    key: str
    counts: Counts


def total(groups: Iterable[Group]) -> Counts:
    """Return what groups of which no session is in two come to together."""
    columns = zip(*(astuple(each.counts) for each in groups), strict=True)
    return Counts(*map(sum, columns))


@dataclass(frozen=True, slots=True)
class PlanWeeks:
    """How many of one plan cancelled in each week, by its Monday.

    Args:
        plan: Its name; the empty one stands for sessions of which none is known.
        canceled: How many, for each week that has sessions.
        is_rest: Whether it is what the other plans come to together.
    """

    plan: str
    canceled: Mapping[str, int]
    is_rest: bool = False

    @property
    def total(self) -> int:
        """How many in all weeks."""
        return sum(self.canceled.values())


def largest_plans(plans: Sequence[PlanWeeks], most: int = MOST_PLANS) -> list[PlanWeeks]:
    """Return the plans with the most cancellations, and the rest as one of them; none that has no cancellation.

    Args:
        plans: All of them.
        most: How many are returned, the rest included; 1 or more.
    """
    ordered = sorted(
        (each for each in plans if each.total), key=lambda each: (-each.total, each.plan)
    )
    if len(ordered) <= most:
        return ordered

    rest: Counter[str] = Counter()
    for each in ordered[most - 1 :]:
        rest.update(each.canceled)
    return [*ordered[: most - 1], PlanWeeks("", rest, is_rest=True)]


@dataclass(frozen=True, slots=True)
class ReasonShare:
    """How often a reason was given, of the sessions that showed it; the empty reason stands for no answer."""

    reason: str
    chosen: Share


@dataclass(frozen=True, slots=True)
class OfferFate:
    """What became of those who saw an offer; together they are ``shown``.

    Args:
        offer: Its key.
        shown: How many saw it.
        accepted: How many took it.
        canceled: How many pressed the button that cancels.
        abandoned: How many changed nothing.
        took_another: How many took another offer of the same session.
        still_open: Those that go on.
    """

    offer: str
    shown: int
    accepted: int
    canceled: int
    abandoned: int
    took_another: int = 0
    still_open: int = 0


@dataclass(frozen=True, slots=True)
class KeptOn:
    """Who was still there on one day, of the sessions that were read on it.

    ``offer`` is the accepted one; the empty one stands for all sessions.
    """

    day: int
    offer: str
    kept: Share
    paused: int
    late: int


@dataclass(frozen=True, slots=True)
class Revenue:
    """What came in after sessions, and what was given away, in minor units of one currency."""

    currency: str
    sessions: int
    kept_minor: int
    given_minor: int
    cost_minor: int


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one range; ``since`` is its first moment, ``until`` the first after it."""

    since: datetime
    until: datetime
    as_of: datetime
    counts: Counts
    groups: Sequence[Group] = ()
    by: By | None = None
    reasons: Sequence[ReasonShare] = ()
    offers: Sequence[OfferFate] = ()
    kept: Sequence[KeptOn] = ()
    revenue: Sequence[Revenue] = ()
    hold_out: HoldOut | None = None
    first_at: datetime | None = None
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])


def report_as_json(report: Report, today: date) -> dict[str, Any]:
    """Return a report as JSON values, with stable names; shares come with both counts and their interval."""
    hold_out = report.hold_out

    return {
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "as_of": report.as_of.isoformat(),
        **counts_as_json(report.counts),
        "by": report.by,
        "groups": [{"key": each.key, **counts_as_json(each.counts)} for each in report.groups],
        "reasons": [
            {"reason": each.reason, **share_as_json(each.chosen, "chosen", "shown")}
            for each in report.reasons
        ],
        "offers": [
            {
                "offer": each.offer,
                "shown": each.shown,
                "accepted": each.accepted,
                "canceled": each.canceled,
                "abandoned": each.abandoned,
                "took_another": each.took_another,
                "still_open": each.still_open,
            }
            for each in report.offers
        ],
        "kept": [
            {
                "day": each.day,
                "offer": each.offer or None,
                **share_as_json(each.kept, "kept", "read"),
                "paused": each.paused,
                "late": each.late,
            }
            for each in report.kept
        ],
        "revenue": [
            {
                "currency": each.currency,
                "sessions": each.sessions,
                "kept_minor": each.kept_minor,
                "given_minor": each.given_minor,
                "cost_minor": each.cost_minor,
            }
            for each in report.revenue
        ],
        "hold_out": None
        if hold_out is None
        else {
            "percent": hold_out.percent,
            "since": None if hold_out.since is None else hold_out.since.isoformat(),
            "until": None if hold_out.until is None else hold_out.until.isoformat(),
            "offers": share_as_json(hold_out.offers, "kept", "due"),
            "held_out": share_as_json(hold_out.held_out, "kept", "due"),
            "difference": interval_as_json(hold_out.difference),
            "sessions_more": hold_out.sessions_more,
            "said": list(hold_out.sentences(today)),
        },
        "left_out": dict(report.left_out),
    }


def counts_as_json(counts: Counts) -> dict[str, int]:
    """Return counts by their names."""
    return {
        "sessions": counts.sessions,
        "canceled": counts.canceled,
        "accepted": counts.accepted,
        "declined": counts.declined,
        "abandoned": counts.abandoned,
        "taken_back": counts.taken_back,
        "still_open": counts.still_open,
        "shown": counts.shown,
        "held_out": counts.held_out,
        "without_price": counts.without_price,
    }


def share_as_json(share: Share, part: str, whole: str) -> dict[str, Any]:
    """Return a share with its counts under the names given, and its interval; None where there is nothing."""
    return {
        part: share.part,
        whole: share.whole,
        "share": share.value,
        "interval": interval_as_json(share.interval),
    }


def interval_as_json(interval: Interval | None) -> list[float] | None:
    """Return both ends, None where there is no interval."""
    return None if interval is None else [interval.low, interval.high]


def report_rows(report: Report) -> Iterator[Sequence[Any]]:
    """Yield every figure as a row: its name, its key, and what it comes to; None where a column does not apply."""
    for name, number in counts_as_json(report.counts).items():
        yield (name, "", number, None, None, None, None, None)
    for each in report.groups:
        for name, number in counts_as_json(each.counts).items():
            yield (f"{name}_by_{report.by}", each.key, number, None, None, None, None, None)

    for reason in report.reasons:
        yield _share_row("reasons", reason.reason, reason.chosen)
    for offer in report.offers:
        for name in ("accepted", "canceled", "abandoned", "took_another", "still_open"):
            yield _share_row(f"offer_{name}", offer.offer, Share(getattr(offer, name), offer.shown))
    for kept in report.kept:
        yield _share_row(f"kept_{kept.day}", kept.offer, kept.kept)
        yield _share_row(f"paused_{kept.day}", kept.offer, Share(kept.paused, kept.kept.whole))
        yield _share_row(f"late_{kept.day}", kept.offer, Share(kept.late, kept.kept.whole))

    for money in report.revenue:
        for name in ("kept", "given", "cost"):
            minor = getattr(money, f"{name}_minor")
            yield (name, "", None, money.sessions, None, None, money.currency, minor)
    if report.hold_out is not None:
        yield from _hold_out_rows(report.hold_out)
    for code, times in report.left_out.items():
        yield ("left_out", code, times, None, None, None, None, None)


def _hold_out_rows(hold_out: HoldOut) -> Iterator[Sequence[Any]]:
    if hold_out.since is not None:
        # Not the range of the report.
        yield ("hold_out_since", hold_out.since.isoformat(), *[None] * (len(ROW_HEAD) - 2))
    yield _share_row("hold_out", "offers", hold_out.offers)
    yield _share_row("hold_out", "none", hold_out.held_out)
    if (ends := hold_out.difference) is not None:
        yield ("hold_out_difference", "", None, None, ends.low, ends.high, None, None)


def _share_row(figure: str, key: str, share: Share) -> Sequence[Any]:
    interval = share.interval
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return (figure, key, share.part, share.whole, low, high, None, None)
