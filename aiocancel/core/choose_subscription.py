"""Which of a customer's subscriptions at Stripe a cancellation is about. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiocancel.core.identifiers import SubscriptionId
from aiocancel.errors import AmbiguousSubscriptionError

Choice = Literal["newest", "only"]
"""``newest``: the best status first, then the latest start. ``only``: several are an error, not a guess."""

# The best status first. An ended subscription has no place here: it can never be chosen.
_RANKS: Final[Mapping[str, int]] = {
    "active": 0,
    "trialing": 0,
    "past_due": 1,
    "unpaid": 2,
    "paused": 3,
    "incomplete": 4,
}

CHOOSABLE_STATUSES: Final = tuple(_RANKS)

# An incomplete one was never paid for, and Stripe ends it by itself within a day.
DEFAULT_STATUSES: Final = ("active", "trialing", "past_due", "unpaid", "paused")


@dataclass(frozen=True, slots=True)
class ListedSubscription:
    """As much of a subscription in Stripe's list as the choice needs; ``created`` is seconds since the epoch."""

    subscription_id: SubscriptionId
    status: str
    created: int


def read_listed(data: Mapping[str, Any]) -> ListedSubscription:
    """Read an entry of Stripe's list; raises ValueError when it is not a subscription."""
    try:
        if data["object"] != "subscription":
            raise ValueError("Stripe listed something other than a subscription")
        return ListedSubscription(
            SubscriptionId(str(data["id"])), str(data["status"]), int(data["created"])
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"Stripe's subscription lacks a field: {type(error).__name__}") from error


def choose_subscription(
    listed: Iterable[ListedSubscription], *, statuses: Collection[str], choose: Choice
) -> SubscriptionId | None:
    """Return the subscription that the customer may cancel, None when none has one of ``statuses``.

    The order of ``listed`` does not matter, nor whether a cancellation is scheduled: a choice that changed
    with our own changes would take a recorded claim's subscription away from its customer. Raises
    AmbiguousSubscriptionError where only one may go on.
    """
    live = [one for one in listed if one.status in statuses and one.status in _RANKS]
    if choose == "only" and len(live) > 1:
        raise AmbiguousSubscriptionError(
            f"the customer has {len(live)} subscriptions at Stripe where one is expected"
        )
    best = min(
        live, key=lambda one: (_RANKS[one.status], -one.created, one.subscription_id), default=None
    )
    return None if best is None else best.subscription_id
