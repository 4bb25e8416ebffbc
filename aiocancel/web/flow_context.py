"""One request's flow: who asks, for which subscription, and what was minted for the page.

Everything here is lazy. A request whose page never mentions the flow costs an object and nothing else.
"""

from __future__ import annotations

from contextvars import ContextVar
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from weakref import ref

from aiohttp import web
from markupsafe import Markup

from aiocancel.errors import FlowNotResolvedError, UnavailableError
from aiocancel.telemetry import LookupFailed
from aiocancel.web.csp_header import new_nonce
from aiocancel.web.html import button_markup, script_markup, undo_button_markup
from aiocancel.web.site import Site

if TYPE_CHECKING:
    from aiocancel.core.signing import SignedPayload
    from aiocancel.core.subscription import OwnedSubscription
    from aiocancel.intake import SealedFlow


class FlowState(StrEnum):
    """What is known of the page's customer.

    ``unresolved``: not asked yet. ``ready``: there is a subscription. ``anonymous``: nobody is logged
    in. ``no_subscription``: the customer has none. ``unavailable``: the database did not answer.
    """

    UNRESOLVED = "unresolved"
    READY = "ready"
    ANONYMOUS = "anonymous"
    NO_SUBSCRIPTION = "no_subscription"
    UNAVAILABLE = "unavailable"


_NOTHING_TO_CANCEL: Final = (FlowState.ANONYMOUS, FlowState.NO_SUBSCRIPTION)


class FlowContext:
    """The flow of one request; ``await resolve()`` first wherever you can."""

    __slots__ = (
        "_has_button",
        "_headers_are_sent",
        "_nonce",
        "_owned",
        "_request",
        "_sealed",
        "_site",
        "_state",
        "hooked_response",
    )

    def __init__(self, site: Site, request: web.Request) -> None:
        self._site = site
        # The request holds us; holding it too would leave both to the garbage collector.
        self._request = ref(request)
        self._state = FlowState.UNRESOLVED
        self._owned: OwnedSubscription | None = None
        self._sealed: SealedFlow | None = None
        self._nonce: str | None = None
        self._has_button = False
        self._headers_are_sent = False
        # The response for which aiohttp is calling this request's hook right now.
        self.hooked_response: web.StreamResponse | None = None

    @property
    def site(self) -> Site:
        """The plug-in that this request belongs to."""
        return self._site

    @property
    def state(self) -> FlowState:
        """What is known so far."""
        return self._state

    @property
    def subscription(self) -> OwnedSubscription | None:
        """The customer's subscription, once resolved."""
        return self._owned

    async def resolve(self) -> FlowContext:
        """Find out who asks and for which subscription, once per request; never raises for an outage."""
        if self._state is not FlowState.UNRESOLVED:
            return self
        request = self._request()
        if request is None:
            raise FlowNotResolvedError(
                "the request is over: resolve its flow while it is being handled"
            )
        try:
            customer_id = await self._site.customer_id(request)
            if customer_id is None:
                self._state = FlowState.ANONYMOUS
                return self
            service = await self._site.service()
            self._owned = await service.find(customer_id)
        except UnavailableError as error:
            # The page must come up all the same; its button still leads to the plain form.
            self._site.on_event(LookupFailed(str(error)))
            self._state = FlowState.UNAVAILABLE
            return self
        if self._owned is None:
            self._state = FlowState.NO_SUBSCRIPTION
        else:
            self._sealed = service.seal(self._owned)
            self._state = FlowState.READY
        return self

    @property
    def sealed(self) -> SealedFlow | None:
        """The signed payload and the grant of this page view; None unless ready."""
        return self._sealed

    @property
    def signed_payload(self) -> SignedPayload | None:
        """The vendor's payload and its signature; None when there is nothing to cancel, or the vendor signs nothing.

        Raises FlowNotResolvedError when nobody has resolved the flow of this request.
        """
        self._require_resolved("signed_payload")
        return self._sealed.signed_payload if self._sealed else None

    @property
    def grant(self) -> str | None:
        """Our grant for a form of your own; None when there is nothing to cancel. Raises FlowNotResolvedError."""
        self._require_resolved("grant")
        return self._sealed.grant if self._sealed else None

    @property
    def nonce(self) -> str:
        """The CSP nonce of this response, minted at first use.

        Raises FlowNotResolvedError when the headers are already on their way and cannot carry it.
        """
        if self._nonce is None:
            if self._headers_are_sent:
                raise FlowNotResolvedError(
                    "the response's headers are already sent; ask for cancel_flow.nonce before streaming starts"
                )
            self._nonce = new_nonce()
        return self._nonce

    def write_headers(self, response: web.StreamResponse) -> None:
        """Write the policy to a response that is about to be sent, opened for the widget if the flow is used."""
        self._headers_are_sent = True
        nonce = self._nonce
        is_resolved = self._state is not FlowState.UNRESOLVED
        self._site.policy.write(
            response,
            nonce,
            has_flow=is_resolved or self._has_button or nonce is not None,
            is_private=nonce is not None or self._sealed is not None,
        )

    def script(self) -> Markup:
        """Return the script element that makes the button open the flow; empty when there is nothing to cancel."""
        if self._state in _NOTHING_TO_CANCEL:
            return Markup()
        return script_markup(self._site, self.nonce, self._sealed)

    def button(self, label: str | None = None) -> Markup:
        """Return the button, a form that also works without JavaScript; empty when there is nothing to cancel.

        Args:
            label: The words on the button; None takes the text ``cancel_button``.
        """
        if self._state in _NOTHING_TO_CANCEL:
            return Markup()
        self._has_button = True
        return button_markup(self._site, self._label(label, "cancel_button"), self._owned)

    def resume_button(self, label: str | None = None) -> Markup:
        """Return a button that leads to withdrawing a scheduled cancellation; empty without a subscription.

        Only Stripe knows whether a cancellation is scheduled: show the button where your page says so.

        Args:
            label: The words on the button; None takes the text ``keep_button``.
        """
        return self._undo_button("resume", label, "keep_button")

    def unpause_button(self, label: str | None = None) -> Markup:
        """Return a button that leads to ending a pause; empty without a subscription.

        Show it where your page says that payments are paused.

        Args:
            label: The words on the button; None takes the text ``unpause_button``.
        """
        return self._undo_button("unpause", label, "unpause_button")

    def remove_discount_button(self, label: str | None = None) -> Markup:
        """Return a button that leads to removing the discount of an accepted offer; empty without a subscription.

        Show it where your page says that there is one. A discount of another origin is never removed.

        Args:
            label: The words on the button; None takes the text ``remove_discount_button``.
        """
        return self._undo_button("remove_discount", label, "remove_discount_button")

    def _undo_button(self, change: str, label: str | None, text: str) -> Markup:
        if self._state in _NOTHING_TO_CANCEL:
            return Markup()
        self._has_button = True
        return undo_button_markup(self._site, change, self._label(label, text))

    def _label(self, given: str | None, text: str) -> str:
        return self._site.settings.text(text) if given is None else given

    def _require_resolved(self, what: str) -> None:
        if self._state is FlowState.UNRESOLVED:
            raise FlowNotResolvedError(
                f"cancel_flow.{what} is not there yet: mark the handler with @cancel.flow_page (or name the page "
                "in flow_pages), or render with an enable_async=True environment, or leave it out and let "
                "cancel_flow.script() fetch it on click"
            )


FLOW_KEY: Final = web.RequestKey("aiocancel_flow", FlowContext)
CURRENT_FLOW: Final[ContextVar[FlowContext | None]] = ContextVar("aiocancel_flow", default=None)


def current_flow() -> FlowContext:
    """Return the flow of the request being handled; raises FlowNotResolvedError outside of one."""
    flow = CURRENT_FLOW.get()
    if flow is None:
        raise FlowNotResolvedError(
            "cancel_flow was used outside a request that passed aiocancel's middleware: "
            "call cancel.setup(app) or app.middlewares.append(cancel.middleware)"
        )
    return flow


async def get_cancel_flow(request: web.Request) -> FlowContext:
    """Return the resolved flow of ``request``; raises FlowNotResolvedError without the middleware."""
    flow: FlowContext | None = request.get(FLOW_KEY)
    if flow is None:
        raise FlowNotResolvedError(
            "this request did not pass aiocancel's middleware: "
            "call cancel.setup(app) or app.middlewares.append(cancel.middleware)"
        )
    await flow.resolve()
    return flow
