"""What a customer read and pressed on a screen of our own flow, in the words that it had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiocancel.core.declaration import Declaration, ShownBlock, shown_to_json
from aiocancel.web.own_flow.view import (
    accept_label,
    block_of,
    exit_label,
    fact_lines,
    keep_label,
    titled,
)

if TYPE_CHECKING:
    from aiocancel.core.flow.screen import OfferOnScreen, Screen
    from aiocancel.own_flow import Declare
    from aiocancel.web.languages import Words


def exit_declared(words: Words) -> Declare:
    """Return how a cancellation is put into words."""

    def declare(screen: Screen, offers: Sequence[OfferOnScreen], months: int | None) -> Declaration:
        shown = [block_of(screen.facts, each, words) for each in offers]
        pressed = exit_label(screen.facts, words)
        return Declaration(words.language, pressed, shown_to_json(_page(screen, words), shown))

    return declare


def offer_declared(words: Words) -> Declare:
    """Return how the acceptance of an offer is put into words."""

    def declare(screen: Screen, offers: Sequence[OfferOnScreen], months: int | None) -> Declaration:
        shown = [block_of(screen.facts, each, words, months) for each in offers]
        label = keep_label if screen.after else accept_label
        pressed = next((label(screen.facts, each, words) for each in offers), None)
        return Declaration(words.language, pressed, shown_to_json(_page(screen, words), shown))

    return declare


def _page(screen: Screen, words: Words) -> ShownBlock:
    if screen.after:
        # It is the page of the cancellation's outcome.
        at, plan = screen.facts.ends_at, screen.facts.plan
        heading = words.text("badge_cancelled")
        if at is not None and plan is not None:
            heading = words.text("title_scheduled_plan", plan=plan, date=at)
        return ShownBlock(heading, (words.text("flow_takes_back"),))
    title = titled("flow_title", screen.facts.plan, words)
    return ShownBlock(title, tuple(fact_lines(screen.facts, words)))
