"""What a plain page asks, or why there is nothing to ask: decided by what Stripe has of the subscription. Pure.

Without Stripe's word everything is asked as before: a customer who wants to leave is never sent away on a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aiocancel.core.page_facts import ShownSubscription, period_end, still_open
from aiocancel.core.sentences import Sentence
from aiocancel.core.subscription import OwnedSubscription, Subscription
from aiocancel.core.undo import Undo

if TYPE_CHECKING:
    from aiocancel.core.decision import CancelTiming


@dataclass(frozen=True, slots=True)
class PlainPage:
    """The words of a page.

    ``nothing_to`` names the reason where nothing is asked. ``offers_resume`` and ``offers_unpause`` say what the
    customer could take back instead.
    """

    title: Sentence
    lines: tuple[Sentence, ...]
    nothing_to: str | None = None
    offers_resume: bool = False
    offers_unpause: bool = False


def cancel_page(
    owned: OwnedSubscription | None,
    shown: ShownSubscription | None,
    timing: CancelTiming,
    now: datetime,
) -> PlainPage:
    """Return the page on which a customer cancels; ``now`` is aware."""
    if shown is not None and shown.subscription.has_ended:
        return ended_page(shown.subscription.ends_at)
    if shown is not None and shown.subscription.is_ending and timing == "at_period_end":
        return already_page(shown.subscription.ends_at)

    title = Sentence("confirm_title")
    lines = [Sentence("confirm_text_now")] if timing == "now" else [_when(owned, shown, now)]
    if shown is None:
        return PlainPage(title, tuple(lines))

    subscription = shown.subscription
    is_paused = subscription.paused is not None or subscription.status == "paused"
    if is_paused:
        lines.append(Sentence("confirm_paused"))
    if (owed := still_open(shown)) is not None:
        lines.append(owed)
    if len(shown.lines) > 1:
        lines.append(Sentence("confirm_several"))
    return PlainPage(title, tuple(lines), offers_unpause=is_paused)


def undo_page(undo: Undo, shown: ShownSubscription | None) -> PlainPage:
    """Return the page on which a customer takes something back."""
    asks = PlainPage(Sentence(f"{undo.name}_title"), (Sentence(f"{undo.name}_text"),))
    if shown is None:
        return asks

    subscription = shown.subscription
    if subscription.has_ended:
        return ended_page(subscription.ends_at, "too_late")
    there_is = {
        # A schedule may end it as well, of which a page does not read.
        "resume": subscription.is_ending or subscription.schedule_id is not None,
        "unpause": subscription.paused is not None or subscription.status == "paused",
        "remove_discount": bool(subscription.discounts),
        "keep_plan": subscription.schedule_id is not None,
    }
    if there_is.get(undo.name, True):
        return asks
    return PlainPage(
        Sentence("outcome_title"),
        (Sentence(f"nothing_to_{undo.name}"),),
        nothing_to=f"nothing_to_{undo.name}",
    )


def _when(
    owned: OwnedSubscription | None, shown: ShownSubscription | None, now: datetime
) -> Sentence:
    plain = "confirm_text_at_period_end"
    at = period_end(owned, shown, now)
    if at is None or (shown is not None and _ends_otherwise(shown.subscription)):
        return Sentence(plain)
    is_trial = shown is not None and shown.subscription.status == "trialing"
    key = "confirm_trial_at" if is_trial else f"{plain}_at"
    return Sentence(key, {"date": at}, plain=plain)


def _ends_otherwise(subscription: Subscription) -> bool:
    """Whether the end of the period may not be the end: a schedule, a date, or lines with periods of their own."""
    return (
        subscription.schedule_id is not None
        or subscription.set_end is not None
        or subscription.paid_until != subscription.current_period_end
    )


def already_page(at: datetime | None) -> PlainPage:
    """Return the page of a customer who has cancelled already; ``at`` is when it ends, None where nobody knows."""
    line = (
        Sentence("already_text")
        if at is None
        else Sentence("already_text_at", {"date": at}, plain="already_text")
    )
    return PlainPage(
        Sentence("already_title"), (line,), nothing_to="already_cancelled", offers_resume=True
    )


def ended_page(at: datetime | None, key: str = "ended_text") -> PlainPage:
    """Return the page of a subscription that has ended; ``at`` is when, None where nobody knows."""
    title = Sentence("ended_title") if at is None else Sentence("ended_title_at", {"date": at})
    return PlainPage(title, (Sentence(key),), nothing_to="ended")
