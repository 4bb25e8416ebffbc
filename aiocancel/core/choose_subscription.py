"""Which of a customer's subscriptions a cancellation is about. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import AmbiguousSubscriptionError

Choice = Literal["newest", "only"]
"""``newest``: the best status first, then the latest start. ``only``: several are an error, not a guess."""

RowRule = (
    Literal["first", "newest"] | Callable[[Sequence[OwnedSubscription]], OwnedSubscription | None]
)
"""``first``: the query's first row. ``newest``: the latest ``created_at`` or ``created``. A function: its answer."""

CREATION_COLUMNS: Final = ("created_at", "created")

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


def choose_owned(
    rows: Sequence[OwnedSubscription], rule: RowRule | None
) -> OwnedSubscription | None:
    """Return the subscription that a page is about when it names none, None when the customer has none.

    Args:
        rows: The customer's subscriptions, each once, in the order of the owner's query.
        rule: The owner's rule for several; None where there is none.

    Raises:
        AmbiguousSubscriptionError: There are several and no rule, or the rule's answer is none of them.
    """
    if len(rows) <= 1:
        return rows[0] if rows else None

    if rule is None:
        raise AmbiguousSubscriptionError(
            f"the subscription query returned {len(rows)} subscriptions of one customer, and no rule chooses "
            "one: name one with button(subscription=...), or write SubscriptionQuery(sql, choose=...)"
        )
    if rule == "first":
        return rows[0]
    if rule == "newest":
        return max(rows, key=_creation)

    chosen = rule(rows)
    if chosen is not None and chosen not in rows:
        raise AmbiguousSubscriptionError(
            "the function given as choose= returned something other than one of its rows or None"
        )
    return chosen


def _creation(row: OwnedSubscription) -> tuple[bool, Any, str]:
    found = (row.record[name] for name in CREATION_COLUMNS if name in row.record)
    value = next(found, None)
    # A row without a date is older than any with one; the id makes the choice the same every time.
    return value is not None, value if value is not None else 0, row.subscription_id


def owned_named(
    rows: Iterable[OwnedSubscription], subscription_id: str
) -> OwnedSubscription | None:
    """Return the customer's own subscription of that id, None where none of theirs has it."""
    return next((row for row in rows if row.subscription_id == subscription_id), None)


def subscription_names(
    choices: Sequence[OwnedSubscription], plans: Sequence[str | None]
) -> list[str]:
    """Return how each is called where the customer chooses: its plan, else its id.

    Two of one name have their ids beside it, so that no two buttons read the same.
    """
    names = [plan or owned.subscription_id for owned, plan in zip(choices, plans, strict=True)]
    return [
        f"{name} ({owned.subscription_id})" if names.count(name) > 1 else name
        for owned, name in zip(choices, names, strict=True)
    ]


def live_subscriptions(
    listed: Iterable[ListedSubscription], *, statuses: Collection[str]
) -> list[ListedSubscription]:
    """Return what may be cancelled of Stripe's list, the best status and then the latest start first."""
    live = [one for one in listed if one.status in statuses and one.status in _RANKS]
    return sorted(live, key=lambda one: (_RANKS[one.status], -one.created, one.subscription_id))


def choose_subscription(
    listed: Iterable[ListedSubscription], *, statuses: Collection[str], choose: Choice
) -> SubscriptionId | None:
    """Return the subscription that the customer may cancel, None when none has one of ``statuses``.

    A choice that changed with our own changes would take a recorded claim's subscription away from its customer. So it
    does not matter whether a cancellation is scheduled.

    Args:
        listed: The customer's subscriptions, in any order.
        statuses: Stripe's statuses that count.
        choose: How one of several is chosen.

    Raises:
        AmbiguousSubscriptionError: Only one may go on, and there are several.
    """
    live = live_subscriptions(listed, statuses=statuses)
    if choose == "only" and len(live) > 1:
        raise AmbiguousSubscriptionError(
            f"the customer has {len(live)} subscriptions at Stripe where one is expected"
        )
    return live[0].subscription_id if live else None
