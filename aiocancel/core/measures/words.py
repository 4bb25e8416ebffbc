"""The sentences that carry a figure's doubt. Pure.

No sentence names a winner, and none gives a percentage of fewer than twenty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Final

from aiocancel.core.measures.interval import Interval, Share, difference, needed_sessions

# Below it a percentage says more than is known.
FEWEST_FOR_PERCENT: Final = 20
# An effect of ten points is looked for, above the share of those without offers; until that is known, above a fifth.
SOUGHT: Final = 0.10
USUAL_SHARE: Final = 0.20
FEWEST_FOR_RATE: Final = 30


def share_in_words(share: Share) -> str:
    """Return for instance ``30% (25% to 35%, 96 of 320)``, and ``4 of 12`` where that is all that is known."""
    interval = share.interval
    if interval is None or share.whole < FEWEST_FOR_PERCENT:
        return f"{share.part} of {share.whole}"
    doubt = f"{_percent(interval.low)} to {_percent(interval.high)}"
    return f"{_percent(share.part / share.whole)} ({doubt}, {share.part} of {share.whole})"


def points_in_words(value: float) -> str:
    """Return a difference in points with its sign, as ``+8.8`` or ``−2.5``."""
    points = round(value * 100, 1)
    sign = "+" if points > 0 else "−" if points < 0 else ""
    return f"{sign}{abs(points):.1f}"


def _percent(value: float) -> str:
    # Half a percent rounds up, as a reader does it.
    return f"{math.floor(value * 100 + 0.5)}%"


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Those who were due an offer and saw one, against those who were due one and were held out.

    Args:
        offers: The kept among those who were due an offer.
        held_out: The kept among those for whom one fitted and who were shown none.
        percent: The setting ``hold_out_percent``: how many of a hundred are held out.
        decide_on: The day on which the comparison is to be read; None where the owner named none.
        per_week: How many sessions a week were due an offer lately.
    """

    offers: Share
    held_out: Share
    percent: int
    decide_on: date | None = None
    per_week: float = 0.0

    @property
    def difference(self) -> Interval | None:
        """The interval of the difference, in parts of one."""
        return difference(self.offers, self.held_out)

    @property
    def sessions_more(self) -> int:
        """How many more sessions are needed to see ten points four times in five, rounded up to two figures."""
        known = self.held_out.whole >= FEWEST_FOR_RATE
        rate = self.held_out.part / self.held_out.whole if known else USUAL_SHARE
        needed = needed_sessions(rate, min(rate + SOUGHT, 1.0), self.percent / 100)
        there = self.offers.whole + self.held_out.whole
        return 0 if needed is None else _two_figures(needed - there)

    def sentences(self, today: date) -> tuple[str, ...]:
        """Return what may be said today.

        Args:
            today: The owner's date.
        """
        if self.percent == 0:
            return ("Nothing to compare with: hold_out_percent is 0.",)
        if self.decide_on is None:
            return (
                "Fix a day in hold_out_decide_on, or weekly looks will mislead you.",
                *self._not_enough(),
            )
        if today < self.decide_on:
            day = f"{self.decide_on.day} {self.decide_on:%B %Y}"
            return (f"No verdict before {day}.", *self._not_enough())
        return self._not_enough() or (self._verdict(),)

    def _not_enough(self) -> tuple[str, ...]:
        more = self.sessions_more
        if more == 0 and self.difference is not None:
            return ()
        said = f"Not enough yet: about {max(more, 1)} more sessions."
        if self.per_week > 0:
            weeks = math.ceil(max(more, 1) / self.per_week)
            pace = f"{self.per_week:.0f}" if self.per_week >= 1 else "less than 1"
            said += f" At {pace} a week that is about {weeks} {'week' if weeks == 1 else 'weeks'}."
        return (said,)

    def _verdict(self) -> str:
        interval = self.difference
        assert interval is not None  # noqa: S101 - there are enough sessions on both sides
        if interval.holds(0):
            return "The data do not tell yet whether offers help."
        points = self.offers.part / self.offers.whole - self.held_out.part / self.held_out.whole
        which = "More" if points > 0 else "Fewer"
        ends = f"{points_in_words(interval.low)} to {points_in_words(interval.high)}"
        return f"{which} of those due an offer stayed: {points_in_words(points)} points ({ends})."


def _two_figures(count: int) -> int:
    if count <= 0:
        return 0
    step: int = 10 ** max(len(str(count)) - 2, 0)
    return -(-count // step) * step
