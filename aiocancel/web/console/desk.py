"""What every one of the owner's pages is made with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeVar

from aiocancel.core.offers.offer_rules import DEFAULT_RULES, OfferRules
from aiocancel.core.offers.terms import NO_LIMITS, OfferLimits
from aiocancel.errors import UnavailableError
from aiocancel.postgres.console import ConsoleStore
from aiocancel.web.console.page import Page
from aiocancel.web.console.words import Writing

if TYPE_CHECKING:
    from aiohttp import web

    from aiocancel.config import Settings
    from aiocancel.web.languages import Words

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Desk:
    """What a page is made with.

    Args:
        settings: Of the plug-in.
        store: Returns what reads the ledger; raises UnavailableError.
        writing: Writes for the owner.
        customers_words: The words that most customers read.
        personal_data: Whether a session's page shows who it is about.
        now: The present, aware.
        decide_on: The day that the owner fixed for comparing with the hold-out; None for none.
        offer_rules: How offers are carried out.
        offer_limits: What an offer may give away at most.
    """

    settings: Settings
    store: Callable[[], Awaitable[ConsoleStore]]
    writing: Writing
    customers_words: Words
    personal_data: bool
    now: Callable[[], datetime]
    decide_on: date | None = None
    offer_rules: OfferRules = DEFAULT_RULES
    offer_limits: OfferLimits = NO_LIMITS


MakePage = Callable[[Desk, "web.Request"], Awaitable[Page]]
"""Makes one page; raises RangeError for an address that names what cannot be, and UnavailableError."""


async def or_none(figure: Awaitable[_T]) -> _T | None:
    """Return a figure, None where the database did not answer in time: only its block is left out."""
    try:
        return await figure
    except UnavailableError:
        return None


def which_of(row: Mapping[str, object]) -> str:
    """Return the name of a session in addresses; a claim without one has a name of its own."""
    return f"s{row['session']}" if row["session"] is not None else f"c{row['claim']}"
