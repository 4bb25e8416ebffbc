"""Tokens of the owner's forms: an operator may post a form only after we have shown it to that operator. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from aiocancel.core.signing import url_safe

LASTS_S: Final = 12 * 3600
_MAX_LENGTH: Final = 100


class FormTokens:
    """Makes and checks tokens with the keys of the grants; the newest makes, all check.

    Args:
        keys: At least one text, newest first. They never appear in a repr or an error.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[str]) -> None:
        # A derived key keeps a token from ever being valid as another signature made with the same text.
        self._keys = tuple(
            hashlib.sha256(b"aiocancel form key\0" + key.encode()).digest() for key in keys
        )

    def make(self, operator: str, *, now: int) -> str:
        """Return a token for the forms that one operator is shown now.

        Args:
            operator: The name that the application gave.
            now: Seconds since 1970.
        """
        expires_at = now + LASTS_S
        return f"{expires_at}.{_signature(self._keys[0], operator, expires_at)}"

    def fits(self, token: str, operator: str, *, now: int) -> bool:
        """Tell whether a token was made for this operator, and not too long ago.

        Args:
            token: As it was posted.
            operator: The name that the application gives now.
            now: Seconds since 1970.
        """
        stamp, _, signature = token.partition(".")
        if len(token) > _MAX_LENGTH or not (stamp.isascii() and stamp.isdigit()):
            return False
        if not signature.isascii():
            return False

        expires_at = int(stamp)
        # Every key is tried, found or not, so that the time taken does not tell which key fits.
        found = [
            hmac.compare_digest(_signature(key, operator, expires_at), signature)
            for key in self._keys
        ]
        return any(found) and now < expires_at


def _signature(key: bytes, operator: str, expires_at: int) -> str:
    text = f"{expires_at}:{operator}".encode("utf-8", "surrogatepass")
    return url_safe(hmac.digest(key, text, "sha256"))
