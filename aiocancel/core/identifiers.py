"""Names for the ids that pass through, and the one check that makes an id safe inside a URL path."""

from __future__ import annotations

import re
from typing import Literal, NewType

CustomerId = NewType("CustomerId", str)
"""The application's own id of its customer, whatever that is; at most 255 characters."""

SubscriptionId = NewType("SubscriptionId", str)
"""Stripe's id of a subscription, opaque: ``sub_…``."""

FlowSessionId = NewType("FlowSessionId", str)
"""The flow vendor's id of one customer's run through one flow, opaque."""

Mode = Literal["live", "test"]
"""Which of two worlds a key, a grant or a subscription belongs to; they never mix."""

# Ids are opaque, but they end up in URL paths: dots, slashes and percent signs must not get there.
_OPAQUE_ID = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)


def is_opaque_id(text: str) -> bool:
    """Tell whether ``text`` (1 to 255 letters, digits, ``_`` or ``-``) may stand in a provider's URL path."""
    return _OPAQUE_ID.fullmatch(text) is not None
