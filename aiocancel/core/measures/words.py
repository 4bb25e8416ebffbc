"""The sentences that carry a figure's doubt. Pure.

No sentence names a winner, and none gives a percentage of fewer than twenty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from aiocancel.core.measures.interval import Interval, Share, difference, missing_sessions
from aiocancel.core.owners_words import in_english
from aiocancel.core.sentences import Percent, Points, Sentence, Value

# Below it a percentage says more than is known.
FEWEST_FOR_PERCENT: Final = 20
# An effect of ten points is looked for, above the share of those without offers, or below it where less than ten are
# above it; until that share is known, above a fifth.
SOUGHT: Final = 0.10
USUAL_SHARE: Final = 0.20
FEWEST_FOR_RATE: Final = 30


def share_in_words(share: Share) -> str:
    """Return for instance ``30% (25% to 35%, 96 of 320)``, and ``4 of 12`` where that is all that is known."""
    return in_english(share_told(share))


def share_told(share: Share) -> Sentence:
    """Return a share with its doubt."""
    interval = share.interval
    counts: dict[str, Value] = {"part": share.part, "whole": share.whole}
    if interval is None or share.whole < FEWEST_FOR_PERCENT:
        return Sentence("share_of_few", counts)
    ends: dict[str, Value] = {"low": _percent(interval.low), "high": _percent(interval.high)}
    return Sentence("share", {"share": _percent(share.part / share.whole), **ends, **counts})


def points_in_words(value: float) -> str:
    """Return a difference in points with its sign, as ``+8.8`` or ``−2.5``."""
    return in_english(Sentence("value", {"value": points(value)}))


def points(value: float) -> Points:
    """Return a difference of two shares, from -1 to 1, in points with one decimal."""
    return Points(Decimal(str(round(value * 100, 1))))


def ends_told(interval: Interval) -> Sentence:
    """Return both ends of an interval in points."""
    return Sentence("from_to", {"low": points(interval.low), "high": points(interval.high)})


def _percent(value: float) -> Percent:
    # Half a percent rounds up, as a reader does it.
    return Percent(Decimal(math.floor(value * 100 + 0.5)))


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Those who were due an offer and saw one, against those who were due one and were held out.

    Each subscription counts once, by its first session that an offer fitted.

    Args:
        offers: The kept among those who were due an offer.
        held_out: The kept among those for whom one fitted and who were shown none.
        percent: The setting ``hold_out_percent``: how many of a hundred are held out.
        decide_on: The day on which the comparison is to be read; None where the owner named none.
        per_week: How many subscriptions a week were due their first offer lately.
        since: When the first of the hold-out began; None where nobody was held out.
        until: Since the day has come, the first moment of which sessions are not compared any more; None before it.
    """

    offers: Share
    held_out: Share
    percent: int
    decide_on: date | None = None
    per_week: float = 0.0
    since: datetime | None = None
    until: datetime | None = None

    @property
    def difference(self) -> Interval | None:
        """The interval of the difference, in parts of one."""
        return difference(self.offers, self.held_out)

    @property
    def estimate(self) -> tuple[float, Interval] | None:
        """The difference and its interval, in parts of one; None where an arm has too few for a percentage."""
        interval = self.difference
        if interval is None or min(self.offers.whole, self.held_out.whole) < FEWEST_FOR_PERCENT:
            return None
        return self._more_stayed, interval

    @property
    def sessions_more(self) -> int:
        """How many more sessions are needed to see ten points four times in five, rounded up to two figures."""
        known = self.held_out.whole >= FEWEST_FOR_RATE
        rate = self.held_out.part / self.held_out.whole if known else USUAL_SHARE
        sought = rate + SOUGHT if rate + SOUGHT <= 1 else rate - SOUGHT
        more = missing_sessions(
            self.held_out.whole, self.offers.whole, rate, sought, self.percent / 100
        )
        return _two_figures(more or 0)

    def sentences(self, today: date) -> tuple[str, ...]:
        """Return what may be said today, in English.

        Args:
            today: The owner's date.
        """
        return tuple(in_english(each) for each in self.as_sentences(today))

    def as_sentences(self, today: date) -> tuple[Sentence, ...]:
        """Return what may be said today.

        Args:
            today: The owner's date.
        """
        if self.percent in (0, 100):
            return (Sentence("hold_out_off", {"percent": self.percent}),)
        if self.decide_on is None:
            return (Sentence("hold_out_undated"), *self._not_enough())
        if today < self.decide_on:
            return (Sentence("hold_out_before", {"day": self.decide_on}), *self._not_enough())
        if too_few := self._not_enough():
            return (Sentence("hold_out_late", {"day": self.decide_on}), *too_few)
        return (self._verdict(),)

    def _not_enough(self) -> tuple[Sentence, ...]:
        more = self.sessions_more
        if more == 0:
            return ()

        said = Sentence("hold_out_more", {"count": more})
        if self.per_week <= 0:
            return (said,)
        weeks = math.ceil(more / self.per_week)
        pace = round(self.per_week) if self.per_week >= 1 else Sentence("less_than_one")
        at = Sentence("hold_out_pace", {"pace": pace, "count": weeks})
        return (Sentence("both", {"first": said, "last": at}),)

    def _verdict(self) -> Sentence:
        interval = self.difference
        assert interval is not None  # noqa: S101 - there are enough sessions on both sides
        if interval.holds(0):
            return Sentence("hold_out_unclear")

        more = self._more_stayed
        ends = {"low": points(interval.low), "high": points(interval.high)}
        key = "hold_out_stayed" if more > 0 else "hold_out_left"
        return Sentence(key, {"points": points(more), **ends})

    @property
    def _more_stayed(self) -> float:
        return self.offers.part / self.offers.whole - self.held_out.part / self.held_out.whole


def _two_figures(count: int) -> int:
    if count <= 0:
        return 0
    step: int = 10 ** max(len(str(count)) - 2, 0)
    return -(-count // step) * step
