"""How sure a share is, and how sure the difference of two shares is. Pure.

The score interval of Wilson for a share, and Newcombe's for a difference, which is made of two of Wilson's
(method 10 of Newcombe 1998, Statistics in Medicine 17, 873-890). Both are defined for any count, also for none and for
all, and never leave the range that a share can have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

# NormalDist of the standard library's statistics module draws random numbers, too, which the core does without.
# Its values for 0.975 and 0.8; a test compares them.
Z_95: Final = 1.959963984540054
_Z_80: Final = 0.8416212335729143


@dataclass(frozen=True, slots=True)
class Interval:
    """A range that holds the true value 95 times in 100.

    Args:
        low: Its lower end.
        high: Its upper end.
    """

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Tell whether a value lies inside."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole: ``part`` of ``whole`` sessions.

    Args:
        part: How many of them, from 0 to ``whole``.
        whole: How many there are.

    Raises:
        ValueError: A part that is larger than the whole, or a negative count.
    """

    part: int
    whole: int

    def __post_init__(self) -> None:
        if not 0 <= self.part <= self.whole:
            raise ValueError("a part lies between nothing and the whole")

    @property
    def value(self) -> float | None:
        """The share from 0 to 1; None where there is nothing to have a share of."""
        return None if self.whole == 0 else self.part / self.whole

    @property
    def interval(self) -> Interval | None:
        """The interval of Wilson; None where there is nothing to have a share of."""
        return None if self.whole == 0 else wilson(self.part, self.whole)


def wilson(part: int, whole: int) -> Interval:
    """Return the 95 % score interval of a share.

    Args:
        part: How many, from 0 to ``whole``.
        whole: Of how many; 1 or more.
    """
    share, squared = part / whole, Z_95**2
    centre = (share + squared / (2 * whole)) / (1 + squared / whole)
    half = (
        Z_95
        * math.sqrt(share * (1 - share) / whole + squared / (4 * whole**2))
        / (1 + squared / whole)
    )
    # Rounding must not leave a share of nothing a hair above or below nothing.
    low = 0.0 if part == 0 else max(centre - half, 0.0)
    high = 1.0 if part == whole else min(centre + half, 1.0)
    return Interval(low, high)


def difference(first: Share, second: Share) -> Interval | None:
    """Return Newcombe's 95 % interval of ``first`` less ``second``; None where either has no whole."""
    if first.whole == 0 or second.whole == 0:
        return None

    one, two = first.part / first.whole, second.part / second.whole
    of_one, of_two = wilson(first.part, first.whole), wilson(second.part, second.whole)
    low = one - two - math.hypot(one - of_one.low, of_two.high - two)
    high = one - two + math.hypot(of_one.high - one, two - of_two.low)
    return Interval(low, high)


@lru_cache(maxsize=256)
def needed_sessions(without: float, with_offers: float, held_out: float) -> int | None:
    """Return how many sessions tell two shares apart four times in five; None where no number does.

    Args:
        without: The share among those who get no offers, from 0 to 1.
        with_offers: The share among those who get them, which is to be told from it.
        held_out: The part of all sessions that gets no offers, from 0 to 1.
    """
    effect = abs(with_offers - without)
    if not 0 < held_out < 1 or effect == 0:
        return None

    shown = 1 - held_out
    pooled = held_out * without + shown * with_offers
    if_equal = pooled * (1 - pooled) * (1 / held_out + 1 / shown)
    if_not = without * (1 - without) / held_out + with_offers * (1 - with_offers) / shown
    return math.ceil(((Z_95 * math.sqrt(if_equal) + _Z_80 * math.sqrt(if_not)) / effect) ** 2)


@lru_cache(maxsize=256)
def missing_sessions(
    held_out: int, shown: int, without: float, with_offers: float, part: float
) -> int | None:
    """Return how many more sessions tell two shares apart four times in five; None where no number does.

    Both arms count as they are: sessions of a time in which fewer were held out make up for none of the hold-out.

    Args:
        held_out: How many there are that got no offers.
        shown: How many there are that got them.
        without: The share among those who get no offers, from 0 to 1.
        with_offers: The share among those who get them, which is to be told from it.
        part: The part of all further sessions that gets no offers, from 0 to 1.
    """
    needed = needed_sessions(without, with_offers, part)
    if needed is None:
        return None

    def is_enough(more: int) -> bool:
        held, rest = held_out + part * more, shown + (1 - part) * more
        if held == 0 or rest == 0:
            return False
        pooled = (held * without + rest * with_offers) / (held + rest)
        if_equal = pooled * (1 - pooled) * (1 / held + 1 / rest)
        if_not = without * (1 - without) / held + with_offers * (1 - with_offers) / rest
        return Z_95 * math.sqrt(if_equal) + _Z_80 * math.sqrt(if_not) <= abs(with_offers - without)

    missing, enough = 0, needed
    while missing < enough:
        middle = (missing + enough) // 2
        if is_enough(middle):
            enough = middle
        else:
            missing = middle + 1
    return missing
