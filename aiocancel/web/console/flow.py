"""The page of our own flow: its definition as tables, and why offers were left out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from aiocancel.core.flow.cost import MONTHLY, YEARLY, cost_of, gifts_a_year
from aiocancel.core.flow.definition import FlowDefinition, FlowOffer, kind_of
from aiocancel.core.flow.describe import offer_told
from aiocancel.core.flow.own_words import words_in
from aiocancel.core.flow.rules import PLACE_RULES
from aiocancel.core.flow.walk import Walked, walk
from aiocancel.errors import AiocancelError
from aiocancel.web.console.desk import Desk, or_none
from aiocancel.web.console.page import Page
from aiocancel.web.console.range import read_range
from aiocancel.web.console.words import Writing, flat

_HEAD: Final = (
    "order",
    "offer",
    "kind",
    "gives",
    "terms",
    "made_to",
    "costs_monthly",
    "costs_yearly",
)
# A walk through more takes seconds of a processor that customers' requests need.
MOST_WALKED: Final = 3
# A condition has its own column, and the key is the name of the row.
_NOT_TERMS: Final = ("key", "when", "kind")


async def flow_page(desk: Desk, request: web.Request) -> Page:
    """Make the page from the definition that customers were shown last."""
    days = read_range(request.query, desk.now(), desk.settings.time_zone)
    store = await desk.store()
    stored = await store.definition()
    left_out = await or_none(store.figures.left_out(days.since, days.until))

    writing = desk.writing
    version, data, stored_at = stored or (None, {}, None)
    definition = _read(data)
    rows = [] if definition is None else offer_rows(definition, desk)
    walked = None if definition is None else await _walked(definition, desk)
    return Page(
        "flow.html",
        writing.t("flow"),
        values={
            "version": version,
            "stored_at": stored_at,
            "is_readable": definition is not None,
            "reasons": [] if definition is None else reason_rows(definition, writing),
            "offers": rows,
            "settings": [] if definition is None else _settings(definition, writing),
            "walked": walked,
            "rules": []
            if definition is None
            else [writing.say(each.as_sentence()) for each in definition.rules],
            "left_out": None if left_out is None else _explained(left_out, writing),
            "range": days,
        },
        data={
            "version": version,
            "stored_at": stored_at,
            "definition": data or None,
            "left_out": left_out,
        },
        head=_HEAD,
        rows=rows,
    )


def _read(data: Mapping[str, Any]) -> FlowDefinition | None:
    """Return the definition, None where there is none or another release wrote it."""
    if not data:
        return None
    try:
        return FlowDefinition.from_json(data)
    except (AiocancelError, KeyError, TypeError, ValueError):
        return None


async def _walked(definition: FlowDefinition, desk: Desk) -> Walked | None:
    """Walk every path of a small definition; None for a larger one, which the command line walks."""
    if len(definition.offers) > MOST_WALKED:
        return None
    return await asyncio.to_thread(
        walk,
        definition,
        place_rules=PLACE_RULES,
        rules=desk.offer_rules,
        limits=desk.offer_limits,
    )


def offer_rows(definition: FlowDefinition, desk: Desk) -> list[tuple[Any, ...]]:
    """Return a row for each offer, the one that is tried first at the top, with the most it costs a customer a year."""
    writing, gifts = desk.writing, gifts_a_year(definition, desk.offer_limits)

    return [
        (
            number,
            offer.key,
            kind_of(offer),
            writing.say(offer_told(offer, writing.language)),
            terms_of(offer),
            writing.t("everybody") if offer.when is None else writing.say(offer.when.as_sentence()),
            writing.say(cost_of(offer, MONTHLY, desk.offer_rules, gifts).as_sentence()),
            writing.say(cost_of(offer, YEARLY, desk.offer_rules, gifts).as_sentence()),
        )
        for number, offer in enumerate(definition.offers, start=1)
    ]


def terms_of(offer: FlowOffer) -> str:
    """Return the terms of an offer as names and values."""
    names = [name for name in type(offer).__slots__ if name not in _NOT_TERMS]
    terms = {name: getattr(offer, name) for name in names}
    return "; ".join(f"{name} {value}" for name, value in flat(terms))


def reason_rows(definition: FlowDefinition, writing: Writing) -> list[tuple[str, str, str, str]]:
    """Return a row for each reason: its key, its words, Stripe's word, and whether it has a field."""
    return [
        (
            each.key,
            writing.t("standard_words")
            if each.words is None
            else words_in(each.words, writing.language),
            each.feedback_option or each.stripe_feedback,
            writing.t("yes") if each.has_field else writing.t("no"),
        )
        for each in definition.reasons
    ]


def _settings(definition: FlowDefinition, writing: Writing) -> list[tuple[str, str]]:
    days = definition.at_most_one_gift_in_days
    return [
        ("hold_out_percent", str(definition.hold_out_percent)),
        ("offers_at_most", str(definition.offers_at_most)),
        ("at_most_one_gift_in_days", writing.t("not_set") if days is None else str(days)),
    ]


def _explained(left_out: Mapping[str, int], writing: Writing) -> list[tuple[str, int, str]]:
    return [(code, times, writing.code(code)[0]) for code, times in left_out.items()]
