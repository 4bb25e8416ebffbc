"""Sign a flow vendor's payload: the bytes signed are the bytes sent.

Source of the algorithm: ProsperStack, "Embedding the flow", section on signed requests: lowercase hex
HMAC-SHA256 over the exact payload text, keyed with the account's client secret.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NoReturn

# Made once: an encoder costs more than a short text (tests/benchmarks/page.py).
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def to_json(value: object) -> str:
    """Encode as compact ASCII-only JSON.

    Raises ValueError for NaN and infinities, TypeError for a value that JSON cannot hold.
    """
    return _ENCODER.encode(value)


def mac(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of a message."""
    keyed = _keyed(key).copy()
    keyed.update(message)
    return keyed.digest()


# What depends on the key alone is done once: a page makes three signatures (tests/benchmarks/page.py).
@lru_cache(maxsize=64)
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod=hashlib.sha256)


def url_safe(data: bytes) -> str:
    """Encode as base64 for URLs, without padding."""
    return url_safe_bytes(data).decode("ascii")


def url_safe_bytes(data: bytes) -> bytes:
    """Encode as base64 for URLs, without padding, as ASCII bytes that can be signed."""
    # One call where base64.urlsafe_b64encode makes four: a page encodes six times (tests/benchmarks/page.py).
    return binascii.b2a_base64(data, newline=False).translate(_FOR_URLS, b"=")


_FOR_URLS: Final = bytes.maketrans(b"+/", b"-_")


class SignedPayload(dict[str, str]):
    """A payload text with its signature, read-only; a ``dict``, so that any JSON encoder can write it.

    Args:
        payload: The JSON text that was signed.
        signature: Its signature.
    """

    __slots__ = ()

    def __init__(self, payload: str, signature: str) -> None:
        dict.__init__(self, payload=payload, signature=signature)

    @property
    def payload(self) -> str:
        """The JSON text that was signed, to be passed on as this very string."""
        return self["payload"]

    @property
    def signature(self) -> str:
        """64 lowercase hexadecimal digits."""
        return self["signature"]

    def _read_only(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a SignedPayload cannot be changed: its signature would no longer fit")

    def __reduce__(self) -> tuple[type[SignedPayload], tuple[str, str]]:
        # copy and pickle would fill an empty one key by key.
        return type(self), (self.payload, self.signature)

    __setitem__ = __delitem__ = __ior__ = update = pop = popitem = clear = setdefault = _read_only


def sign_text(text: str, secret: str) -> SignedPayload:
    """Sign ``text`` as it stands, UTF-8 encoded."""
    return SignedPayload(text, mac(secret.encode(), text.encode()).hex())


def sign_payload(payload: Mapping[str, Any], secret: str) -> SignedPayload:
    """Encode ``payload`` once as compact ASCII-only JSON and sign exactly that text.

    Args:
        payload: What the flow vendor is told, as JSON values.
        secret: The key that the vendor has as well; it never leaves your server.

    Raises:
        ValueError: A value is NaN or infinite.
        TypeError: JSON cannot hold a value.
    """
    return sign_text(to_json(dict(payload)), secret)
