"""The limits on one customer, each a row of a table."""

from __future__ import annotations

import pytest

from aiocancel.core.codes import Code
from aiocancel.core.customer_limits import CustomerLimits, Tally, beyond

LIMITS = CustomerLimits(unfinished_offers=3, unfinished_actions=20, posts_per_minute=30)
POSTS, UNFINISHED = Code.TOO_MANY_POSTS, Code.TOO_MUCH_UNFINISHED


@pytest.mark.parametrize(
    ("wish", "offers", "actions", "posts", "code"),
    [
        ("offer", 0, 0, 0, None),
        ("offer", 2, 19, 29, None),
        ("offer", 3, 3, 3, UNFINISHED),
        ("offer", 0, 20, 20, UNFINISHED),
        ("offer", 0, 0, 30, POSTS),
        ("resume", 3, 19, 29, None),
        ("resume", 0, 20, 20, UNFINISHED),
        ("resume", 0, 0, 30, POSTS),
        ("cancel", 3, 39, 59, None),
        ("cancel", 3, 40, 59, UNFINISHED),
        ("cancel", 0, 0, 60, POSTS),
        ("note", 3, 40, 29, None),
        ("note", 0, 0, 30, POSTS),
    ],
)
def test_a_customer_may_ask_for_so_much_and_can_still_cancel(
    wish: str, offers: int, actions: int, posts: int, code: Code | None
) -> None:
    tally = Tally(is_known=False, equal=None, offers=offers, actions=actions, posts=posts)

    found = beyond(
        tally,
        LIMITS,
        changes_billing=wish != "note",
        cancels=wish == "cancel",
        asks_vendor=wish == "offer",
    )

    assert found is code
