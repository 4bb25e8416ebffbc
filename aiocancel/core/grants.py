"""Grants: our signature for one page view, so that a later post can be traced to the page we made.

A grant says who may change which subscription, in which mode and until when. It is not secret from its
owner, only unforgeable. Using it a second time for something else is refused by the ledger, which
remembers the nonce for ever.

A proof says the same and travels another way: in the flow vendor's signed payload, to come back from the
vendor's API. It shows that a page of ours opened the flow session, and for whom.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from aiocancel.core.codes import Code
from aiocancel.core.identifiers import CustomerId, Mode, SubscriptionId
from aiocancel.core.signing import mac, url_safe, url_safe_bytes
from aiocancel.errors import GrantError

_VERSION = b"g1"
_PROOF_VERSION = b"p1"
_LINK_VERSION = b"l1"
_PAGE_VERSION = b"x1"
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

    @classmethod
    def without_page(
        cls, customer_id: CustomerId, subscription_id: SubscriptionId, mode: Mode, nonce: str
    ) -> Grant:
        """Return a grant that no page view had and nobody can post: it only names a claim in the ledger.

        Args:
            customer_id: Whose claim it is; empty where nobody knows.
            subscription_id: Which one it is about.
            mode: Live or test.
            nonce: One of core/claim_nonces.py.
        """
        return cls(customer_id, subscription_id, mode, issued_at=0, expires_at=0, nonce=nonce)

    def to_json(self) -> str:
        """Return the fields in their order as a compact JSON list, in ASCII."""
        return _fields_to_json(
            self.customer_id,
            self.subscription_id,
            self.mode,
            self.issued_at,
            self.expires_at,
            self.nonce,
        )


class GrantSealer:
    """Seals with the newest key and opens with any of them, so keys can be rotated without a logout.

    ``keys`` holds at least one text, newest first. The keys never appear in a repr or an error.
    """

    __slots__ = ("_keys", "_link_keys", "_oldest", "_page_keys", "_proof_keys")

    def __init__(self, keys: Sequence[str]) -> None:
        # A derived key keeps a grant from ever being valid as another signature made with the same text.
        self._keys = _derived(b"aiocancel grant key\0", keys)
        self._proof_keys = _derived(b"aiocancel flow proof key\0", keys)
        self._link_keys = _derived(b"aiocancel letter link key\0", keys)
        self._page_keys = _derived(b"aiocancel public page key\0", keys)
        self._oldest = _derived(b"aiocancel hold-out key\0", keys[-1:])

    @property
    def hold_out_key(self) -> bytes:
        """The key that draws who is held out, where the owner gave none: from the oldest, so that a new one waits."""
        return self._oldest[0]

    @property
    def fingerprint(self) -> str:
        """Equal for equal keys in the same order, and of no use for making one."""
        return hashlib.sha256(b"aiocancel fingerprint\0" + b"".join(self._keys)).hexdigest()

    def seal(self, grant: Grant) -> str:
        """Return the grant as URL-safe text."""
        return _sealed(_VERSION, grant.to_json(), self._keys[0])

    def prove(self, grant: Grant, vendor: str) -> str:
        """Return the proof that a page with this grant opened a flow of ``vendor``, as URL-safe text."""
        return self._proved(grant.to_json(), vendor)

    def _proved(self, fields: str, vendor: str) -> str:
        return _sealed(_PROOF_VERSION, f"[{quoted(vendor)},{fields[1:]}", self._proof_keys[0])

    def mint(
        self,
        customer_id: CustomerId,
        subscription_id: SubscriptionId,
        mode: Mode,
        issued_at: int,
        expires_at: int,
        nonce: str,
        *,
        prove_to: str | None,
    ) -> tuple[str, str | None]:
        """Return what ``seal`` and ``prove`` return for a Grant of these fields, which are written once.

        Every page with the flow needs both, and no Grant (tests/benchmarks/page.py).

        Args:
            customer_id: As in Grant, and so are the fields up to ``nonce``.
            subscription_id: See there.
            mode: See there.
            issued_at: See there.
            expires_at: See there.
            nonce: See there.
            prove_to: The flow vendor that the proof is for; None makes none.
        """
        fields = _fields_to_json(customer_id, subscription_id, mode, issued_at, expires_at, nonce)
        proof = None if prove_to is None else self._proved(fields, prove_to)
        return _sealed(_VERSION, fields, self._keys[0]), proof

    def open(self, text: str, *, now: int, customer_id: str, mode: Mode) -> Grant:
        """Return the grant that ``seal`` was given, or refuse.

        Raises GrantError with code ``grant_invalid`` (altered, cut, unknown key), ``grant_expired``,
        ``grant_not_yours`` (sealed for another customer) or ``grant_mode`` (live against test).
        """
        grant = self.read(text)
        if not hmac.compare_digest(_bytes(grant.customer_id), _bytes(customer_id)):
            raise GrantError("The grant was made for another customer.", code=Code.GRANT_NOT_YOURS)
        if grant.mode != mode:
            raise GrantError(
                "The grant was made in the other mode, live or test.", code=Code.GRANT_MODE
            )
        if now >= grant.expires_at:
            raise GrantError("The grant has expired.", code=Code.GRANT_EXPIRED)
        return grant

    def read(self, text: str) -> Grant:
        """Return the grant that ``seal`` was given, for any customer and however old it is.

        It says which page was posted from, and allows nothing. Raises GrantError with code ``grant_invalid``.
        """
        fields = _opened(text, _VERSION, self._keys)
        if fields is None:
            raise _invalid()
        return Grant(*fields)

    def open_proof(self, text: str, *, vendor: str, mode: Mode) -> Grant | None:
        """Return the grant of the page that made this proof; None where no page of ours did.

        Args:
            text: What came back from the flow vendor's API, as it came.
            vendor: The vendor that it came from.
            mode: Live or test; a proof of the other one proves nothing.
        """
        fields = _opened(text, _PROOF_VERSION, self._proof_keys)
        if fields is None or fields[0] != vendor:
            return None
        grant = Grant(*fields[1:])
        return grant if grant.mode == mode else None

    def seal_link(self, letter_id: str, *, expires_at: int) -> str:
        """Return what opens one letter's page without a login, as URL-safe text.

        Args:
            letter_id: The letter's id.
            expires_at: Seconds since the epoch.
        """
        return _sealed(_LINK_VERSION, json.dumps([letter_id, expires_at]), self._link_keys[0])

    def seal_page(self, nonce: str, *, issued_at: int) -> str:
        """Return what shows that a form of the public exit came from a page of ours.

        Args:
            nonce: The page's own.
            issued_at: Seconds since the epoch.
        """
        return _sealed(_PAGE_VERSION, json.dumps([nonce, issued_at]), self._page_keys[0])

    def open_page(self, text: str) -> tuple[str, int] | None:
        """Return the nonce and the time of a page of ours, however old it is; None for anything else."""
        fields = _opened(text, _PAGE_VERSION, self._page_keys)
        return None if fields is None else (fields[0], fields[1])

    def keyed(self, text: str) -> str:
        """Return a text as 32 characters that only a holder of the newest key can make again."""
        return hmac.digest(self._page_keys[0], text.encode("utf-8", "replace"), "sha256").hex()[:32]

    def open_link(self, text: str) -> tuple[str, int] | None:
        """Return the letter's id and the end of a link of ours, however old it is; None for anything else."""
        fields = _opened(text, _LINK_VERSION, self._link_keys)
        return None if fields is None else (fields[0], fields[1])


def _derived(purpose: bytes, keys: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(hashlib.sha256(purpose + key.encode()).digest() for key in keys)


def _fields_to_json(
    customer_id: str, subscription_id: str, mode: str, issued_at: int, expires_at: int, nonce: str
) -> str:
    # Written out: an encoder takes several times as long (tests/benchmarks/page.py).
    return (
        f"[{quoted(customer_id)},{quoted(subscription_id)},{quoted(mode)},"
        f"{issued_at},{expires_at},{quoted(nonce)}]"
    )


def _sealed(version: bytes, content: str, key: bytes) -> str:
    # Bytes until the end, because the signature is made over bytes.
    body = b"%b.%b" % (version, url_safe_bytes(content.encode()))
    return (b"%b.%b" % (body, url_safe_bytes(mac(key, body)))).decode("ascii")


def _opened(text: str, wanted: bytes, keys: Sequence[bytes]) -> list[Any] | None:
    """Return what was sealed with one of the keys, None for anything else."""
    body, _, mac_text = text.rpartition(".")
    version, _, payload = body.partition(".")
    if len(text) > _MAX_LENGTH or version != wanted.decode():
        return None

    try:
        given, message = _decode(mac_text), body.encode("ascii")
        content = _decode(payload)
    except (ValueError, binascii.Error):
        return None

    # Every key is tried, found or not, so that the time taken does not tell which key fits.
    fits = [hmac.compare_digest(mac(key, message), given) for key in keys]
    if not any(fits):
        return None
    fields: list[Any] = json.loads(content)
    return fields


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
