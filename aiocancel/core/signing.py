"""Sign a flow vendor's payload: the bytes signed are the bytes sent.

Source of the algorithm: ProsperStack, "Embedding the flow", section on signed requests: lowercase hex
HMAC-SHA256 over the exact payload text, keyed with the account's client secret.
"""

from __future__ import annotations

import hmac
import json
from binascii import b2a_base64
from collections.abc import Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any, Final, NoReturn

# One encoder for all: making one for each text costs more than the text.
to_json: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Encode as compact ASCII-only JSON; raises ValueError for NaN and infinities, TypeError for what JSON cannot hold."""


quoted: Final = encode_basestring_ascii
"""Encode one text as ASCII-only JSON."""


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def url_safe(data: bytes) -> str:
    """Encode as base64 for URLs, without padding."""
    return b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


class SignedPayload(dict[str, str]):
    """A payload text with its signature, read-only; a ``dict``, so that any JSON encoder can write it."""

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


@lru_cache(maxsize=16)
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


def mac(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of ``message``; what depends on the key alone is computed once and copied."""
    state = _keyed(key).copy()
    state.update(message)
    return state.digest()


def sign_text(text: str, secret: str) -> SignedPayload:
    """Sign ``text`` as it stands, UTF-8 encoded."""
    return SignedPayload(text, mac(secret.encode(), text.encode()).hex())


def sign_payload(payload: Mapping[str, Any], secret: str) -> SignedPayload:
    """Encode ``payload`` once as compact ASCII-only JSON and sign exactly that text.

    Raises ValueError for NaN and infinities, TypeError for what JSON cannot hold.
    """
    return sign_text(to_json(dict(payload)), secret)
