"""The interfaces between the edges, and the types of what an application hands in.

The ledger has none: its transactions are the point of it, so intake and worker use it directly.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiocancel.errors import ConfigurationError, MalformedClaimError

if TYPE_CHECKING:
    from aiocancel.core.actions import Action, ActionKind, Write
    from aiocancel.core.changes import Change, PlainChange
    from aiocancel.core.claim import FlowClaim
    from aiocancel.core.codes import Code
    from aiocancel.core.decision import Applier
    from aiocancel.core.flow.preview import Preview
    from aiocancel.core.flow_session import FlowSession, VendorEvent
    from aiocancel.core.identifiers import FlowSessionId, Mode, SubscriptionId
    from aiocancel.core.mail import MailMessage, MailResult
    from aiocancel.core.outcome import Outcome
    from aiocancel.core.page_facts import Line, ShownSubscription
    from aiocancel.core.rate_limit import Limit, Slots
    from aiocancel.core.stripe_news import StripeEvent, SubscriptionChange
    from aiocancel.core.subscription import OwnedSubscription, Price, Subscription
    from aiocancel.errors import PropertyError

# An application may import these, from here or from ``aiocancel``. The others join our own parts.
__all__ = [
    "ChangeHook",
    "CustomOffer",
    "FlowVendor",
    "Mailer",
    "OfferHandler",
    "OutcomeHook",
    "SubscriptionResolver",
]


@dataclass(frozen=True, slots=True)
class CustomOffer:
    """A custom offer that the vendor has confirmed, for the application's own handler.

    Args:
        offer_id: The vendor's id of the offer.
        metadata: What the owner wrote beside the offer at the vendor.
        customer_id: The customer, as ``identify`` named them.
        subscription_id: The customer's subscription at Stripe.
        key: The same each time the handler is called for this offer, after a failure or a crash, too.
    """

    offer_id: str
    metadata: Mapping[str, str]
    customer_id: str = field(repr=False)
    subscription_id: str
    key: str


OfferHandler = Callable[[CustomOffer], Awaitable[None]]
"""The application's own handler of a custom offer."""

OutcomeHook = Callable[["Outcome"], Awaitable[None]]
"""The application's hook for claims that have ended."""


ChangeHook = Callable[["SubscriptionChange"], Awaitable[None]]
"""The application's hook for subscriptions that have changed at Stripe."""


class StripePosts(Protocol):
    """Reads what Stripe's webhook posts."""

    async def open(self, body: bytes, signature: str) -> StripeEvent:
        """Return the event; raises MalformedClaimError where Stripe did not sign it, or not now."""
        ...

    def why_not_ours(self, event: StripeEvent) -> Code | None:
        """Say why nothing is to be done about an event that Stripe did sign; None for one of ours."""
        ...


class SlotSource(Protocol):
    """Hands out slots of budgets that all processes share; both methods may raise UnavailableError."""

    async def lease(self, name: str, limit: Limit, *, want: int, horizon_s: float) -> Slots:
        """Take up to ``want`` slots of the budget ``name``."""
        ...

    async def strike(self, name: str, *, pause_s: float) -> None:
        """Stop everybody for a moment, and make them slower for a while."""
        ...


class SubscriptionResolver(Protocol):
    """Finds a customer's subscription in the application's own data."""

    async def resolve(self, customer_id: str) -> OwnedSubscription | None:
        """Return the subscription that a page is about when it names none, or None.

        A resolver that also has ``async resolve_all(customer_id)`` returns all of the customer's there, so
        that a page may name one.
        """
        ...


FindSubscription = Callable[[str, str], Awaitable["OwnedSubscription | None"]]
"""Finds one of a customer's own subscriptions: takes the customer's id and the subscription's."""


async def all_owned(
    resolver: SubscriptionResolver, customer_id: str
) -> Sequence[OwnedSubscription]:
    """Return all of a customer's subscriptions, or the one that a resolver without a list finds."""
    resolve_all = getattr(resolver, "resolve_all", None)
    if resolve_all is not None:
        listed: Sequence[OwnedSubscription] = await resolve_all(customer_id)
        return listed

    owned = await resolver.resolve(customer_id)
    return () if owned is None else (owned,)


@dataclass(frozen=True, slots=True)
class BilledCustomer:
    """A customer's id at Stripe, and every column of the row that it came from."""

    stripe_customer_id: str
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class WidgetSettings:
    """What the page script needs to start a vendor's client.

    ``driver`` names the part of the page script that knows the client, ``script_url`` and
    ``script_integrity`` (SRI, may be None) where the client comes from, ``options`` go to the client as
    they are, and ``window`` holds global variables to set before it loads (debug hosts of a simulator).
    A client that binds itself to our button finds ``button_attributes`` there, and the subscription's id in
    ``subscription_attribute``; ``init_function`` is the global function that starts it.
    """

    driver: str
    script_url: str
    script_integrity: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    window: Mapping[str, str] = field(default_factory=dict)
    init_function: str | None = None
    button_attributes: Mapping[str, str] = field(default_factory=dict)
    subscription_attribute: str | None = None


@dataclass(frozen=True, slots=True)
class SigningTrial:
    """What a flow vendor said to one flow session with a signature and one without, in its test mode.

    Each is the answer's HTTP status, None where there was no answer. ``is_required`` is the vendor's own word for
    whether it insists on signatures, None where it said nothing.
    """

    signed: int | None
    unsigned: int | None
    is_required: bool | None = None


class PageFacts(Protocol):
    """Tells pages what Stripe has of a subscription."""

    async def shown(
        self, subscription_id: str, *, holds: Callable[[ShownSubscription], bool] | None = None
    ) -> ShownSubscription:
        """Return the subscription, as new as ``holds`` asks for; raises BillingError and TimeoutError."""
        ...


class FlowReader(Protocol):
    """Reads Stripe for the screens of our own flow; every method may raise BillingError."""

    def on(self, account: str | None) -> FlowReader:
        """Return the same for the objects of another account; None stands for that of the settings."""
        ...

    async def read_for_flow(self, subscription_id: str) -> ShownSubscription:
        """Return the subscription with all that offers are decided by, and the names of its products."""
        ...

    async def read_plan(self, price_id: str) -> tuple[Price, Line]:
        """Return a price that an offer names, and how a screen tells it."""
        ...

    async def preview(
        self,
        subscription_id: str,
        change: Change | PlainChange | None,
        *,
        proration_date: int,
        withdrawal: PlainChange | None = None,
    ) -> Preview:
        """Return the next invoice as it would be with this change; None leaves the subscription as it is.

        Args:
            subscription_id: Which one.
            change: The change.
            proration_date: The second that prorations are reckoned with.
            withdrawal: What takes a cancellation back in the same update.
        """
        ...


class FlowVendor(Protocol):
    """The company that runs the cancellation widget; what only some vendors have has a default here."""

    __slots__ = ()

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

    def page_data(
        self, subscription: OwnedSubscription, proof: str | None = None
    ) -> Mapping[str, Any]:
        """Return what opens a flow for this subscription, as JSON values; ``signedPayload`` where the vendor signs.

        Args:
            subscription: Whose flow it is, with the columns of the application's row.
            proof: Our sealed text, which travels in what is signed where ``proof_in`` names a place for it.
        """
        ...

    def read_result(self, result: Mapping[str, Any]) -> FlowClaim:
        """Read what the widget handed to the page.

        Args:
            result: The object as the page posted it; a customer may have written it by hand.

        Raises:
            MalformedClaimError: It cannot be what the widget hands over.
        """
        ...

    # What not every vendor has

    def with_options(self, options: Mapping[str, Any]) -> FlowVendor:
        """Return the vendor with these options of one request in place of its own.

        The flow then opens with ``widget().options`` of what is returned.

        Args:
            options: What ``CancelFlow(options=…)`` returned for the request.

        Raises:
            ConfigurationError: An option is unknown or wrong, or the vendor takes none at all.
        """
        raise ConfigurationError("options= is for ProsperStack: this vendor has none")

    @property
    def has_api(self) -> bool:
        """Whether the vendor has an API and a webhook at all, whatever the settings hold."""
        return False

    @property
    def names_customers(self) -> bool:
        """Whether flow sessions name the application's customer instead of Stripe's subscription."""
        return False

    @property
    def reports_sessions(self) -> bool:
        """Whether the vendor's API tells us how flow sessions end, beside the browser."""
        return False

    @property
    def proof_in(self) -> str | None:
        """Where a flow session brings our proof back, as ``FlowSession.marks`` names it; None where none can."""
        return None

    @property
    def trusts_vendor_sessions(self) -> bool:
        """Whether the owner says that the vendor opens no session without a signature."""
        return False

    @property
    def test_mode(self) -> bool:
        """Whether the widget runs in the vendor's test mode, whose sessions no event tells of."""
        return False

    async def try_unsigned(self) -> SigningTrial | None:
        """Ask the vendor to open a flow session without a signature; None for a vendor that signs nothing."""
        return None

    @property
    def webhook_token(self) -> str | None:
        """The end of the path of the vendor's webhook; None where there is no webhook."""
        return None

    @property
    def webhook_tokens(self) -> Sequence[str]:
        """Every token that opens the webhook: while it is changed, the one before as well."""
        return () if self.webhook_token is None else (self.webhook_token,)

    def read_webhook(self, body: bytes) -> str:
        """Return the id of the event that a webhook's body names.

        Args:
            body: As it came; anybody may have sent it.

        Raises:
            MalformedClaimError: It names no event.
        """
        raise MalformedClaimError("This vendor has no webhook.")

    def open_verifier(
        self, slots: SlotSource | None = None
    ) -> AbstractAsyncContextManager[OutcomeVerifier] | None:
        """Open the vendor's API for asking about flow sessions; None where the settings hold no key for it.

        Args:
            slots: Where requests get their turns: all that share it keep to the vendor's limit together. None counts
                this process alone.
        """
        return None

    @property
    def columns(self) -> Collection[str]:
        """The columns of the application's row that the vendor's payload takes values from."""
        return ()

    def left_out(self, subscription: OwnedSubscription) -> Sequence[PropertyError]:
        """Return why values of this row do not go into the payload; empty when all do.

        Args:
            subscription: With the columns of the application's row.
        """
        return ()


class OutcomeVerifier(Protocol):
    """Asks the flow vendor itself; every method may raise one of the two VendorError kinds.

    A verifier that also has ``without_waiting()`` returns there one that never waits for its turn under a rate limit.
    """

    async def flow_session(self, session_id: FlowSessionId) -> FlowSession | None:
        """Return the flow session as it is now, None if the vendor knows none of that id."""
        ...

    async def event(self, event_id: str) -> VendorEvent | None:
        """Return the event, None if the vendor knows none of that id."""
        ...

    async def events_after(self, after_id: str | None, *, limit: int) -> list[VendorEvent]:
        """Return the events that came after one, oldest first."""
        ...

    async def tells_of(self, session: FlowSession) -> bool:
        """Tell whether an event says that this flow session has ended; none does in the vendor's test mode."""
        ...


def without_waiting(verifier: OutcomeVerifier | None) -> OutcomeVerifier | None:
    """Return the verifier for a worker, whose places are few: it does not wait for its turn, where it can help it."""
    impatient = getattr(verifier, "without_waiting", None)
    if impatient is None:
        return verifier
    made: OutcomeVerifier = impatient()
    return made


@dataclass(frozen=True, slots=True)
class BillingReply:
    """What a write came back with.

    ``subscription`` is how the provider shows it right after this very change. It is None where the reply may be
    an old one, repeated, or cannot be read: then the subscription has to be read again.
    """

    request_id: str | None
    replayed: bool
    subscription: Subscription | None = None


class Billing(Protocol):
    """The billing provider; every method may raise one of the three BillingError kinds.

    One that also has ``coming_first()`` returns there the same provider for cancellations: they come before others.
    """

    def on(self, account: str | None) -> Billing:
        """Return the same provider for the objects of another account; None stands for that of the settings."""
        ...

    async def read(
        self, subscription_id: SubscriptionId, kind: ActionKind | None = None, /
    ) -> Subscription:
        """Return the subscription as it is now, with all that an action of this kind is decided by."""
        ...

    async def read_price(self, price_id: str) -> Price:
        """Return a price that an offer names."""
        ...

    async def apply(self, action: Action, write: Write, *, idempotency_key: str) -> BillingReply:
        """Tell the provider once; safe to repeat with the same key."""
        ...


def coming_first(billing: Billing) -> Billing:
    """Return the billing provider for cancellations, which come before other changes where it can tell them apart."""
    first = getattr(billing, "coming_first", None)
    if first is None:
        return billing
    made: Billing = first()
    return made


EMAIL: Final = "email"
"""The column of the subscription query that holds a customer's address, unless the owner names another."""

ChooseEmail = Callable[[str], "str | Awaitable[str | None] | None"]
"""``(customer_id) -> str | None``, sync or async: where a customer is written to."""


async def mail_address_of(
    email: str | ChooseEmail, customer_id: str, owned: OwnedSubscription | None
) -> object:
    """Return what the owner tells, whatever it is; None where it is nothing. Raises what the function raises.

    Args:
        email: The owner's column, or function.
        customer_id: Whose address is asked for; nobody's where it is empty.
        owned: The application's row, of which a column is read.
    """
    found: object = None
    if isinstance(email, str):
        found = None if owned is None else owned.record.get(email)
    elif customer_id:
        answer = email(customer_id)
        found = await answer if inspect.isawaitable(answer) else answer
    if found is None or found == "":
        return None
    return found.strip() if isinstance(found, str) else found


ChoosePlace = Callable[[str], "str | Awaitable[str | None] | None"]
"""``(customer_id) -> str | None``, sync or async: a country such as ``DE``, or a part of one such as ``US-MN``."""


class Mailer(Protocol):
    """Hands mails to a mail server; ``SmtpMailer`` is one, and an object of the application's own is another.

    One that also has ``async close()`` is closed when the plug-in stops.
    """

    async def send(self, message: MailMessage, /) -> MailResult:
        """Hand one mail over, once.

        Called again with the same ``message_id`` after ``TryAgain``, after an error, and where the process stopped in
        between. Whatever it raises counts as ``TryAgain``.
        """
        ...
