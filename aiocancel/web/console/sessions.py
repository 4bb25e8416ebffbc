"""The pages of sessions: a list to search, and one session as a story."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from aiocancel.core.storable_text import is_storable
from aiocancel.postgres.console import LAST_ID, MOST_FOUND, PAGE_SIZE, Search
from aiocancel.web.console.desk import Desk, which_of
from aiocancel.web.console.page import Page
from aiocancel.web.console.range import (
    LONGEST_SEARCH,
    OUTCOMES,
    RangeError,
    of_micros,
    read_range,
    to_micros,
)
from aiocancel.web.console.story import timeline

_HEAD: Final = (
    "session",
    "started_at",
    "outcome",
    "plan",
    "price_minor",
    "currency",
    "reason",
    "held_out",
    "offers_shown",
    "offer",
    "day_30",
    "subscription",
)
# Whatever there is; the list ends after a page anyway.
_USUAL_DAYS: Final = "3650"


async def sessions_page(desk: Desk, request: web.Request) -> Page:
    """Make the list of sessions, the newest first."""
    query, zone = request.query, desk.settings.time_zone
    days = read_range({**query, "days": query.get("days") or _USUAL_DAYS}, desk.now(), zone)
    start = _text(query.get("q"))
    until, below = _before(query.get("before"), days.until)
    search = Search(
        days.since,
        until,
        outcome=_one_of(query.get("outcome"), OUTCOMES),
        reason=_text(query.get("reason")),
        start=start,
        by_customer=desk.personal_data,
        below=below,
    )
    found = await (await desk.store()).sessions(search)

    listed = [{**each, "which": which_of(each)} for each in found.rows[:PAGE_SIZE]]
    more = _end_of(listed[-1]) if len(found.rows) > PAGE_SIZE else None
    rows = [_row(each) for each in listed]
    return Page(
        "sessions.html",
        desk.writing.t("sessions"),
        values={
            "found": listed,
            "too_short": MOST_FOUND if found.is_short else None,
            "q": start or "",
            "range": days if query.get("from") or query.get("to") else None,
            "outcome": query.get("outcome", ""),
            "reason": query.get("reason", ""),
            "outcomes": OUTCOMES,
            "is_filtered": any(
                query.get(name) for name in ("q", "from", "to", "outcome", "reason")
            ),
            "more": more,
            "by_customer": desk.personal_data,
        },
        data={
            "sessions": [dict(zip(_HEAD, row, strict=True)) for row in rows],
            "before": more,
            "is_short": found.is_short,
        },
        head=_HEAD,
        rows=rows,
    )


def _row(each: Mapping[str, Any]) -> tuple[Any, ...]:
    names = (*_HEAD[1:-1], "subscription_id")
    return (each["which"], *(each[name] for name in names))


async def story_page(desk: Desk, request: web.Request) -> Page:
    """Make the page of one session, with all that happened in it."""
    which = request.match_info["which"]
    number = int(which[1:])
    store = await desk.store()
    story = await (store.story(session=number) if which[0] == "s" else store.story(claim=number))
    if story is None:
        raise web.HTTPNotFound

    told = timeline(story, desk.writing, personal_data=desk.personal_data)
    about = story.session or story.claims[0]
    customer = (about["customer_id"] or None) if desk.personal_data else None
    head = ("at", "what", "detail", "request_id")
    rows = [(each.at, each.what, each.detail, each.request_id) for each in told]
    return Page(
        "story.html",
        desk.writing.t("story"),
        values={
            "which": which,
            "told": told,
            "about": about,
            "session": story.session,
            "claims": story.claims,
            "actions": [each["id"] for each in story.actions],
            "readings": story.readings,
            "payments": story.payments,
            "price": desk.writing.price(story.session and story.session["snapshot"]),
            "customer": customer,
            "personal_data": desk.personal_data,
        },
        data={
            "session": which,
            "subscription": about["subscription_id"],
            "customer": customer,
            "erased_at": about["erased_at"],
            "snapshot": _snapshot(story.session, personal_data=desk.personal_data),
            "claims": [str(each["public_id"]) for each in story.claims],
            "timeline": [
                {**dict(zip(head, row, strict=True)), "inside": dict(each.inside)}
                for row, each in zip(rows, told, strict=True)
            ],
            "readings": [
                {name: each[name] for name in ("day", "read_at", "state", "kept", "is_late")}
                for each in story.readings
            ],
            "payments": [
                {
                    name: each[name]
                    for name in ("day", "currency", "invoices", "paid_minor", "given_minor")
                }
                for each in story.payments
            ],
        },
        head=head,
        rows=rows,
    )


def _snapshot(session: Mapping[str, Any] | None, *, personal_data: bool) -> Any:
    """Return the snapshot; the columns of the application's own row may name the customer."""
    snapshot = session and session["snapshot"]
    if not isinstance(snapshot, dict):
        return None
    return {name: each for name, each in snapshot.items() if personal_data or name != "columns"}


def _text(text: str | None) -> str | None:
    """Return what was searched for, None for nothing; raises RangeError."""
    cleaned = (text or "").strip()
    if len(cleaned) > LONGEST_SEARCH:
        raise RangeError("search_is_long", most=LONGEST_SEARCH)
    if not is_storable(cleaned):
        raise RangeError("search_is_unreadable")
    return cleaned or None


def _one_of(text: str | None, known: tuple[str, ...]) -> str | None:
    if text and text not in known:
        raise RangeError("outcome_is_unknown", known=", ".join(known))
    return text or None


def _end_of(last: Mapping[str, Any]) -> str:
    """Return where a page of the list ends, for the address of the next."""
    return f"{to_micros(last['started_at'])}-{last['which']}"


def _before(text: str | None, usual: datetime) -> tuple[datetime, tuple[int, int]]:
    """Return the moment at which a page of the list begins, and the ids below which those of that moment count."""
    if not text:
        return usual, (0, 0)
    known = re.fullmatch(r"([0-9]{1,16})(?:-([sc])([0-9]{1,18}))?", text, re.ASCII)
    at = None if known is None else of_micros(known[1])
    if known is None or at is None:
        raise RangeError("no_such_page")

    if at >= usual:
        return usual, (0, 0)
    number = int(known[3] or 0)
    # Of one moment the sessions come before the claims.
    return at, (number, LAST_ID) if known[2] == "s" else (0, number)
