"""The narrow interfaces between the parts; edges implement them, everything else knows only these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiocancel.core.actions import Action, Write
from aiocancel.core.decision import Applier
from aiocancel.core.flow import FlowClaim
from aiocancel.core.identifiers import FlowSessionId, Mode, SubscriptionId
from aiocancel.core.sessions import FlowSession
from aiocancel.core.signing import SignedPayload
from aiocancel.core.subscription import OwnedSubscription, Subscription


class SubscriptionResolver(Protocol):
    """Finds a customer's subscription in the application's own data."""

    async def resolve(self, customer_id: str) -> OwnedSubscription | None:
        """Return the subscription that ``customer_id`` may change, or None."""
        ...


@dataclass(frozen=True, slots=True)
class WidgetSettings:
    """What the page script needs to start a vendor's client.

    ``driver`` names the part of the page script that knows the client, ``script_url`` and
    ``script_integrity`` (SRI, may be None) where the client comes from, ``options`` go to the client as
    they are, and ``window`` holds global variables to set before it loads (debug hosts of a simulator).
    """

    driver: str
    script_url: str
    script_integrity: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    window: Mapping[str, str] = field(default_factory=dict)


class FlowVendor(Protocol):
    """The company that runs the cancellation widget."""

    @property
    def name(self) -> str:
        """One lowercase word, stored with every claim."""
        ...

    @property
    def mode(self) -> Mode | None:
        """Live or test, None where the settings do not tell."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether the settings name hosts that are not the vendor's own."""
        ...

    @property
    def applies_cancellation(self) -> Applier:
        """Who changes Stripe after a cancellation."""
        ...

    @property
    def applies_offers(self) -> Applier:
        """Who changes Stripe after an accepted offer."""
        ...

    def csp_sources(self) -> Mapping[str, Sequence[str]]:
        """Return, for each CSP directive, the sources that the widget needs."""
        ...

    def widget(self) -> WidgetSettings:
        """Return what the page script starts."""
        ...

    def sign(self, subscription: OwnedSubscription) -> SignedPayload:
        """Return the signed payload that opens a flow for this subscription."""
        ...

    def read_result(self, result: Mapping[str, Any]) -> FlowClaim:
        """Read what the widget handed to the page; raises MalformedClaimError."""
        ...


class OutcomeVerifier(Protocol):
    """Asks the flow vendor itself; every method may raise one of the two VendorError kinds."""

    async def flow_session(self, session_id: FlowSessionId) -> FlowSession | None:
        """Return the flow session as it is now, None if the vendor knows none of that id."""
        ...


class BillingReader(Protocol):
    """Reads subscriptions; every method may raise one of the three BillingError kinds."""

    async def read(self, subscription_id: SubscriptionId) -> Subscription:
        """Return the subscription as it is now."""
        ...


@dataclass(frozen=True, slots=True)
class BillingReply:
    """What a write came back with, for the attempt's row; the change itself is read back, not taken from here."""

    request_id: str | None
    replayed: bool


class BillingExecutor(Protocol):
    """Carries out one action; every method may raise one of the three BillingError kinds."""

    async def apply(self, action: Action, write: Write, *, idempotency_key: str) -> BillingReply:
        """Tell the provider once; safe to repeat with the same key."""
        ...
