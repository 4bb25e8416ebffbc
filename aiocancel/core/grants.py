"""Grants: our signature for one page view, so that a later post can be traced to the page we made.

A grant says who may change which subscription, in which mode and until when. It is not secret from its
owner, only unforgeable. Using it a second time for something else is refused by the ledger, which
remembers the nonce for ever.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiocancel.core.codes import Code
from aiocancel.core.identifiers import CustomerId, Mode, SubscriptionId
from aiocancel.core.signing import to_json, url_safe
from aiocancel.errors import GrantError

_VERSION = "g1"
# Room for ids of 255 characters, of which JSON may need twelve bytes each.
_MAX_LENGTH = 8192


@dataclass(frozen=True, slots=True)
class Grant:
    """One page view's permission; times are whole seconds since the epoch, UTC."""

    customer_id: CustomerId = field(repr=False)
    subscription_id: SubscriptionId
    mode: Mode
    issued_at: int
    expires_at: int
    nonce: str

    def to_json(self) -> str:
        """Return the fields in their order as a compact JSON list."""
        return to_json(
            [
                self.customer_id,
                self.subscription_id,
                self.mode,
                self.issued_at,
                self.expires_at,
                self.nonce,
            ]
        )


class GrantSealer:
    """Seals with the newest key and opens with any of them, so keys can be rotated without a logout.

    ``keys`` holds at least one text, newest first. The keys never appear in a repr or an error.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[str]) -> None:
        # A derived key keeps a grant from ever being valid as another signature made with the same text.
        self._keys = tuple(
            hashlib.sha256(b"aiocancel grant key\0" + key.encode()).digest() for key in keys
        )

    def seal(self, grant: Grant) -> str:
        """Return the grant as URL-safe text."""
        body = f"{_VERSION}.{url_safe(grant.to_json().encode())}"
        mac = hmac.digest(self._keys[0], body.encode(), "sha256")
        return f"{body}.{url_safe(mac)}"

    def open(self, text: str, *, now: int, customer_id: str, mode: Mode) -> Grant:
        """Return the grant that ``seal`` was given, or refuse.

        Raises GrantError with code ``grant_invalid`` (altered, cut, unknown key), ``grant_expired``,
        ``grant_not_yours`` (sealed for another customer) or ``grant_mode`` (live against test).
        """
        grant = self._verified(text)
        if not hmac.compare_digest(_bytes(grant.customer_id), _bytes(customer_id)):
            raise GrantError("The grant was made for another customer.", code=Code.GRANT_NOT_YOURS)
        if grant.mode != mode:
            raise GrantError(
                "The grant was made in the other mode, live or test.", code=Code.GRANT_MODE
            )
        if now >= grant.expires_at:
            raise GrantError("The grant has expired.", code=Code.GRANT_EXPIRED)
        return grant

    def _verified(self, text: str) -> Grant:
        body, _, mac_text = text.rpartition(".")
        version, _, payload = body.partition(".")
        if len(text) > _MAX_LENGTH or version != _VERSION:
            raise _invalid()

        try:
            mac, message = _decode(mac_text), body.encode("ascii")
            fields_text = _decode(payload)
        except (ValueError, binascii.Error):
            raise _invalid() from None

        # Every key is tried, found or not, so that the time taken does not tell which key fits.
        fits = [hmac.compare_digest(hmac.digest(key, message, "sha256"), mac) for key in self._keys]
        if not any(fits):
            raise _invalid()

        customer_id, subscription_id, mode, issued_at, expires_at, nonce = json.loads(fields_text)
        return Grant(customer_id, subscription_id, mode, issued_at, expires_at, nonce)


def _invalid() -> GrantError:
    return GrantError(
        "The grant was altered, or was not made with these keys.", code=Code.GRANT_INVALID
    )


def _bytes(customer_id: str) -> bytes:
    # An id taken from a header may hold halves of surrogate pairs, which plain UTF-8 cannot.
    return customer_id.encode("utf-8", "surrogatepass")


def _decode(text: str) -> bytes:
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    # Base64 has spare bits at its end: only one spelling of the same bytes is accepted.
    if url_safe(data) != text:
        raise ValueError("not the canonical spelling")
    return data
