"""Who gets no offers, so that the rest can be compared with them. Pure.

The draw is a keyed hash of the subscription: the same for every session, every process and every restored backup. The
owner, who has the key, can prove it afterwards. Nobody can choose an arm without the key.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

_BITS: Final = 64


def is_held_out(key: bytes, subscription_id: str, percent: int) -> bool:
    """Tell whether a subscription gets no offers.

    Args:
        key: Secret, at least 16 bytes, and the same for as long as the figures are to be compared.
        subscription_id: Stripe's id.
        percent: How many of a hundred are held out. Who was held out at a lower percentage stays so at a higher one.

    Raises:
        ValueError: The key is too short to keep a secret.
    """
    if len(key) < 16:
        raise ValueError("the key of a hold-out has at least 16 bytes")
    digest = hmac.new(key, f"hold-out|{subscription_id}".encode(), hashlib.sha256).digest()
    drawn = int.from_bytes(digest[: _BITS // 8])
    # In whole numbers: nobody at 0, and everybody at 100.
    return drawn * 100 < percent << _BITS
