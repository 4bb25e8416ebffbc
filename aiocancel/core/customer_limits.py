"""How much one customer may ask for at a time. Each limit keeps its upper half for cancellations.

Rules, in this order:

1. A post that is known, by its grant or its flow session, is never refused here.
2. A wish that equals the customer's newest unfinished one is the same claim.
3. Beyond a limit a post is refused. A cancellation is refused only beyond twice the limit.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiocancel.core.codes import Code


@dataclass(frozen=True, slots=True)
class CustomerLimits:
    """The limits on one customer.

    Args:
        unfinished_offers: How many accepted offers may wait for the flow vendor's word at once.
        unfinished_actions: How many actions may be unfinished at once. One that waits for its date does not count.
        posts_per_minute: How many results are recorded within any minute.
    """

    unfinished_offers: int
    unfinished_actions: int
    posts_per_minute: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What the ledger holds of a customer at the moment of a post.

    ``is_known`` says that this very post, or one about the same flow session, is recorded. ``equal`` is the public
    id of the newest claim about the subscription where that is unfinished and wishes the same.
    """

    is_known: bool
    equal: str | None
    offers: int
    actions: int
    posts: int


def beyond(
    tally: Tally,
    limits: CustomerLimits,
    *,
    changes_billing: bool,
    cancels: bool,
    asks_vendor: bool,
) -> Code | None:
    """Say which limit a new post exceeds, None where it may be recorded.

    Args:
        tally: What is recorded already.
        limits: What is allowed.
        changes_billing: Whether the post leads to any action; a mere note counts as a post alone.
        cancels: Whether the post asks for a cancellation.
        asks_vendor: Whether it leads to a question to the flow vendor about an offer.
    """
    factor = 2 if cancels else 1
    if tally.posts >= limits.posts_per_minute * factor:
        return Code.TOO_MANY_POSTS
    if not changes_billing:
        return None

    too_many_offers = asks_vendor and tally.offers >= limits.unfinished_offers
    if too_many_offers or tally.actions >= limits.unfinished_actions * factor:
        return Code.TOO_MUCH_UNFINISHED
    return None
