"""What the tests of the web edge share: doubles that count, and a reader for what a page carries."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from aiocancel import ProsperStack, SignedPayload, sign_payload
from aiocancel.core.grants import Grant, GrantSealer
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.signing import sign_text
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import UnavailableError
from aiocancel.vendors.prosperstack.access import PROOF
from tests.support.saas import CLIENT_SECRET, GRANT_KEYS

# Nothing listens there: a test that names it shows that no database was needed.
NOWHERE = "postgresql://user:a-database-password@127.0.0.1:9/nowhere"

STYLE_HASH = "'sha256-0II5nSAFgTOkBtdLO4MKsacG8pcjGGaEgpxvoOFKjm8='"
SCRIPT = "https://cdn.prosperstack.com/flow/2.19.0/flow.min.js"
STRICT_POLICY_WIDENED = (
    "default-src 'self'; base-uri 'self'; object-src 'none'; frame-ancestors 'self'; form-action 'self'; "
    f"script-src 'self' {SCRIPT}; style-src 'self' {STYLE_HASH}; "
    "connect-src 'self' https://api.prosperstack.com; frame-src 'self' https://app.prosperstack.com"
)


def widened_with(nonce: str) -> str:
    """The strict policy as a page that uses the nonce sends it."""
    return STRICT_POLICY_WIDENED.replace("/flow.min.js", f"/flow.min.js 'nonce-{nonce}'", 1)


class Subscriptions:
    """A resolver that counts: everybody has ``sub_<id>``, unless the id is in ``without`` or ``is_down``."""

    def __init__(self, *, without: tuple[str, ...] = ()) -> None:
        self.without = without
        self.is_down = False
        self.asked: list[str] = []

    async def resolve(self, customer_id: str) -> OwnedSubscription | None:
        self.asked.append(customer_id)
        await asyncio.sleep(0)
        if self.is_down:
            raise UnavailableError("the database did not answer (ConnectionRefusedError)")
        if customer_id in self.without:
            return None
        return OwnedSubscription(CustomerId(customer_id), subscription_of(customer_id))


def subscription_of(customer_id: str) -> SubscriptionId:
    return SubscriptionId(f"sub_{customer_id}")


def expected_payload(customer_id: str) -> SignedPayload:
    """What is signed for a customer, without the proof."""
    return sign_payload(
        {"clientId": "acct_test", "subscription": {"platformId": subscription_of(customer_id)}},
        CLIENT_SECRET,
    )


def without_proof(signed: Mapping[str, str], secret: str = CLIENT_SECRET) -> SignedPayload:
    """What was signed less its proof, which a page of ours has to have made for this subscription."""
    assert signed == sign_text(signed["payload"], secret)
    payload = json.loads(signed["payload"])

    assert take_proof(payload).subscription_id == payload["subscription"]["platformId"]

    return sign_payload(payload, secret)


def take_proof(payload: dict[str, Any]) -> Grant:
    """Take the proof out of a payload, which holds nothing else of its kind, and open it."""
    meta = payload.pop("meta")
    assert list(meta) == [PROOF]
    grant = GrantSealer(GRANT_KEYS).open_proof(meta[PROOF], vendor="prosperstack", mode="test")
    assert grant is not None
    return grant


@dataclass(frozen=True)
class CountingVendor(ProsperStack):
    """ProsperStack that remembers for whom it signed."""

    client_id: str = "acct_test"
    client_secret: str = field(default=CLIENT_SECRET, repr=False)
    # A subclass without slots of its own loses the default of an inherited one.
    name: str = field(default="prosperstack", init=False)
    signed: list[str] = field(default_factory=list)

    def sign(self, subscription: OwnedSubscription, proof: str | None = None) -> SignedPayload:
        self.signed.append(subscription.customer_id)
        return super().sign(subscription, proof)


class Page(HTMLParser):
    """A page read as a browser reads it: elements with their attributes, and the text of each script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.script_texts: list[str] = []
        self.text = ""
        self._in_script = False
        self._labels: list[str] = []
        self._texts: list[str] = []
        self._reads: list[str] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._in_script = tag == "script"
        if tag in ("dt", "dd"):
            self._reads = self._labels if tag == "dt" else self._texts
            self._reads.append("")
        if self._in_script:
            self.script_texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False
        if tag in ("dt", "dd"):
            self._reads = None

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.script_texts[-1] += data
        else:
            self.text += data
        if self._reads is not None:
            self._reads[-1] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def one(self, tag: str) -> dict[str, str]:
        (attributes,) = self.all(tag)
        return attributes

    @property
    def rows(self) -> dict[str, str]:
        """What the page says of the account and the subscription, by label."""
        return dict(zip(self._labels, self._texts, strict=True))

    @property
    def controls(self) -> list[tuple[str, dict[str, str]]]:
        """Everything that can be pressed or filled in, in the order of the Tab key."""
        return [
            (tag, attributes)
            for tag, attributes in self.elements
            if tag in ("a", "button", "textarea", "select")
            or (tag == "input" and attributes.get("type") != "hidden")
        ]

    @property
    def flow(self) -> Any:
        """What the page script is given, None where it has to fetch."""
        carried = self.one("script")["data-aiocancel"]
        return json.loads(carried) if carried else None

    @property
    def fields(self) -> dict[str, str]:
        """The values of a form's inputs."""
        return {attributes["name"]: attributes.get("value", "") for attributes in self.all("input")}


def nonces_in(policy: str) -> list[str]:
    return re.findall(r"'nonce-([^']+)'", policy)


def plain_text(text: str) -> str:
    return html.unescape(text)
