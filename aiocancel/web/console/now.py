"""The page *now*: what waits for a person, the oldest first, and how the machinery is."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, get_args
from urllib.parse import quote

from aiohttp import web

from aiocancel.core.actions import WriteKind
from aiocancel.core.measures.report import counts_as_json
from aiocancel.postgres.console import MOST_WAITING, WaitingAction
from aiocancel.web.answer_texts import message_of
from aiocancel.web.console.desk import Desk, or_none, which_of
from aiocancel.web.console.page import Page
from aiocancel.web.console.range import to_micros

if TYPE_CHECKING:
    from aiocancel.core.decision import Answer
    from aiocancel.core.identifiers import Mode
    from aiocancel.postgres.console import Machinery
    from aiocancel.web.console.words import Writing

# More than so many of one sort fold into one group; the oldest stays a card.
FOLD_ABOVE: Final = 3
# A worker that lives takes what is due within seconds.
STANDS_STILL_S: Final = 60.0
# Stripe and the vendor are asked every minute.
_UNASKED_S: Final = 600.0
_HEAD: Final = ("action", "waits_since", "kind", "code", "subscription", "attempts", "told")


@dataclass(frozen=True, slots=True)
class Card:
    """One action that waits for a person, as its card shows it."""

    id: int
    kind: str
    what: str
    subscription: str
    price: str
    waits: str
    told: str | None
    is_told_read: bool
    code: str
    why: str
    advice: str
    which: str
    parked: str
    at_stripe: str

    @property
    def changes_stripe(self) -> bool:
        """Whether it reads the subscription at Stripe and writes there, and so does nothing twice."""
        return self.kind in get_args(WriteKind)

    @property
    def sort(self) -> str:
        """What cards that are alike have in common."""
        return f"{self.code}:{self.kind}"


@dataclass(frozen=True, slots=True)
class Alike:
    """Cards of one sort that are folded; all of their ids stand in one form."""

    sort: str
    what: str
    cards: Sequence[Card]

    @property
    def oldest(self) -> Card:
        """The one that waits longest."""
        return self.cards[0]


async def now_page(desk: Desk, request: web.Request) -> Page:
    """Make the page of what waits for a person."""
    store, now = await desk.store(), desk.now()
    waiting = await store.waiting()
    told = await or_none(store.told([each.claim for each in waiting]))
    machinery = await or_none(store.machinery())
    last_day = await or_none(store.figures.counts(now - timedelta(days=1), now))

    cards = [
        card_of(each, (told or {}).get(each.claim), desk, now, is_read=told is not None)
        for each in waiting
    ]
    wanted = request.query.get("alike")
    shown, folded = fold(cards, wanted)
    count = len(waiting) if machinery is None else max(machinery.parked, len(waiting))
    rows = [
        (
            each.action_id,
            each.parked_at,
            each.kind,
            each.code,
            each.subscription_id,
            each.attempts,
            card.told,
        )
        for each, card in zip(waiting, cards, strict=True)
    ]
    return Page(
        "now.html",
        desk.writing.t("now"),
        values={
            "count": count,
            "oldest": cards[0].waits if cards else "",
            "cards": shown,
            "folded": folded,
            "opened": [each for each in cards if each.sort == wanted],
            "not_listed": count - len(waiting) if len(waiting) == MOST_WAITING else 0,
            "machinery": None
            if machinery is None
            else machinery_lines(machinery, desk.writing, now),
            "last_day": last_day,
            "refreshes": request.query.get("refresh") == "30",
        },
        data={
            "waiting": [dict(zip(_HEAD, row, strict=True)) for row in rows],
            "machinery": None if machinery is None else asdict(machinery),
            "last_24_hours": None if last_day is None else counts_as_json(last_day),
            # The parts that are null because they could not be read.
            "missing": [
                name
                for name, block in (
                    ("told", told),
                    ("machinery", machinery),
                    ("last_24_hours", last_day),
                )
                if block is None
            ],
        },
        head=_HEAD,
        rows=rows,
        missing=("told",) if told is None else (),
    )


async def close_page(desk: Desk, request: web.Request) -> Page:
    """Make the page that asks why one action is closed."""
    wanted = int(request.match_info["action"])
    store = await desk.store()
    found = next((each for each in await store.waiting() if each.action_id == wanted), None)
    if found is None:
        raise web.HTTPNotFound
    told = await store.told([found.claim])

    card = card_of(found, told.get(found.claim), desk, desk.now())
    return Page(
        "close.html",
        desk.writing.t("close"),
        values={"card": card, "will_tell": desk.customers_words.text("closed_by_hand")},
        data=asdict(card),
        head=tuple(asdict(card)),
        rows=[tuple(asdict(card).values())],
    )


def card_of(
    each: WaitingAction, told: Answer | None, desk: Desk, now: datetime, *, is_read: bool = True
) -> Card:
    """Return the card of an action.

    Args:
        each: The action.
        told: What its customer may be told, None where nobody can say.
        desk: What the page is made with.
        now: The present.
        is_read: Whether the database answered in time when it was asked for ``told``.
    """
    writing = desk.writing
    why, advice = writing.code(each.code)
    # What the application is to be told, and a mail, are no part of the customer's answer.
    is_asked_for = each.kind not in ("run_hooks", "end_pause", "acknowledge")
    said = message_of(told, desk.customers_words) if told is not None and is_asked_for else None

    return Card(
        id=each.action_id,
        kind=each.kind,
        what=writing.kind(each.kind),
        subscription=each.subscription_id,
        price=writing.price(each.snapshot),
        waits=writing.wait(now - each.parked_at),
        told=said,
        is_told_read=is_read,
        code=each.code,
        why=why,
        advice=advice,
        which=which_of({"session": each.session, "claim": each.claim}),
        parked=str(to_micros(each.parked_at)),
        at_stripe=page_at_stripe(each.subscription_id, desk.settings.mode),
    )


def page_at_stripe(subscription_id: str, mode: Mode) -> str:
    """Return the address of a subscription in Stripe's dashboard.

    Stripe documents no such address; public projects have written it so for years.

    Args:
        subscription_id: Which one.
        mode: Stripe's mode; the test mode has addresses of its own.
    """
    folder = "test/" if mode == "test" else ""
    return f"https://dashboard.stripe.com/{folder}subscriptions/{quote(subscription_id, safe='')}"


def fold(cards: Sequence[Card], wanted: str | None) -> tuple[list[Card], list[Alike]]:
    """Return the cards to show, the oldest first, and the groups that are folded.

    Args:
        cards: All of them, the oldest first.
        wanted: The sort whose group is to be open.
    """
    in_order = sorted(cards, key=lambda card: card.sort)
    groups = [list(each) for _, each in itertools.groupby(in_order, key=lambda card: card.sort)]
    large = [Alike(each[0].sort, each[0].what, each) for each in groups if len(each) > FOLD_ABOVE]

    hidden = {card.id for group in large if group.sort != wanted for card in group.cards[1:]}
    folded = [group for group in large if group.sort != wanted]
    return [card for card in cards if card.id not in hidden], folded


def machinery_lines(
    machinery: Machinery, writing: Writing, now: datetime
) -> list[Mapping[str, Any]]:
    """Return a line for each part of the machinery; only trouble is marked, and says so in words."""
    t, waits = writing.t, machinery.waiting + machinery.running
    stands_still = machinery.oldest_due_s > STANDS_STILL_S
    oldest = writing.wait(timedelta(seconds=machinery.oldest_due_s))
    queue = t("queue_waits", count=waits, oldest=oldest) if waits else t("queue_empty")
    lines = [
        (
            t("queue"),
            t("queue_stands", count=waits, oldest=oldest) if stands_still else queue,
            stands_still,
        ),
        (t("workers"), t("workers_busy", count=machinery.workers_busy), False),
        _stripe_line(machinery, writing, now),
        _asked_line(t("stripe_news"), machinery.stripe_s, writing),
        _asked_line(t("vendor"), machinery.vendor_s, writing),
    ]

    if machinery.vendor_events_late:
        said = t("vendor_events_late", count=machinery.vendor_events_late)
        lines.append((t("vendor_events"), said, True))
    slowness = machinery.slowness
    is_slow = slowness is not None and slowness > 1
    lines.append(
        (
            t("rates"),
            t("rates_slow", times=f"{slowness:.0f}") if is_slow else t("rates_usual"),
            is_slow,
        )
    )
    late = machinery.readings_late
    lines.append(
        (t("readings"), t("readings_late", count=late) if late else t("readings_ok"), late > 0)
    )
    drifted = machinery.drifted
    named = ", ".join(drifted[:20]) + (" …" if len(drifted) > 20 else "")
    said = t("drift_on", subscriptions=named) if drifted else t("drift_none")
    lines.append((t("drift"), said, bool(drifted)))
    return [{"name": name, "said": said, "is_trouble": trouble} for name, said, trouble in lines]


def _stripe_line(machinery: Machinery, writing: Writing, now: datetime) -> tuple[str, str, bool]:
    name = writing.t("stripe")
    if not machinery.sent:
        return name, writing.t("stripe_unused"), False
    counts = {"sent": machinery.sent, "accepted": machinery.accepted}
    if machinery.unanswered:
        said = writing.t("stripe_unanswered", count=machinery.unanswered, **counts)
        return name, said, True
    if machinery.accepted_at is None:
        return name, writing.t("stripe_refuses", sent=machinery.sent), True
    last = writing.wait(now - machinery.accepted_at)
    return name, writing.t("stripe_answers", last=last, **counts), False


def _asked_line(name: str, ago_s: float | None, writing: Writing) -> tuple[str, str, bool]:
    if ago_s is None:
        return name, writing.t("not_asked"), False
    ago = writing.wait(timedelta(seconds=ago_s))
    is_late = ago_s > _UNASKED_S
    return name, writing.t("asked_late" if is_late else "asked", ago=ago), is_late
