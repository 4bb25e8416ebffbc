"""What our own flow is handed: by a request, by the owner's settings, and by the pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from aiocancel.core.actions import DEFAULT_AGREED_ENDS, DEFAULT_PERIOD_END, AgreedEnds, PeriodEnd
from aiocancel.core.decision import CancelTiming
from aiocancel.core.declaration import Declaration
from aiocancel.core.flow.eligibility import OwnersBounds
from aiocancel.core.flow.screen import OfferOnScreen, Screen


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a request tells of its customer.

    Args:
        language: The language of the page.
        place: Whose rules hold: a country such as ``DE``, or a part of one such as ``US-MN``; None where nobody knows.
    """

    language: str
    place: str | None = None


@dataclass(frozen=True, slots=True)
class FlowBounds:
    """The owner's settings outside the flow that its screens depend on; ``is_simulated`` is no setting.

    It says that a simulator answers in Stripe's place, whose clock tests move.
    """

    offers: OwnersBounds
    timing: CancelTiming = "at_period_end"
    ends_with: PeriodEnd = DEFAULT_PERIOD_END
    agreed_ends: AgreedEnds = DEFAULT_AGREED_ENDS
    account_column: str | None = None
    hold_out_key: bytes = field(default=b"", repr=False)
    is_simulated: bool = False


Declare: TypeAlias = Callable[[Screen, Sequence[OfferOnScreen], int | None], Declaration]
"""Puts a screen, the offers that were shown and the chosen months into the words that the customer read."""
