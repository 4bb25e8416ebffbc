"""One request's flow: its customer, its subscription, and what was minted for the page.

Everything here is lazy. A request whose page never mentions the flow costs an object and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from aiohttp import web
from markupsafe import Markup

from aiocancel.core.codes import Code
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import (
    AmbiguousSubscriptionError,
    FlowNotResolvedError,
    UnavailableError,
)
from aiocancel.telemetry import LookupFailed
from aiocancel.texts.statutory import CONTRACTS_BUTTON
from aiocancel.web.caching import forbids_sharing
from aiocancel.web.csp_header import new_nonce
from aiocancel.web.html import button_markup, script_markup, undo_button_markup
from aiocancel.web.site import Site

if TYPE_CHECKING:
    from multidict import CIMultiDict

    from aiocancel.core.signing import SignedPayload
    from aiocancel.intake import FlowService, SealedFlow
    from aiocancel.web.languages import Words
    from aiocancel.web.site import Options


class FlowState(StrEnum):
    """What is known of the page's customer.

    ``unresolved``: not asked yet. ``ready``: there is a subscription. ``anonymous``: nobody is logged
    in. ``no_subscription``: the customer has none, or none of the id that was named. ``several``: the
    customer has several, and neither a name nor a rule says which. ``unavailable``: the database did not answer.
    """

    UNRESOLVED = "unresolved"
    READY = "ready"
    ANONYMOUS = "anonymous"
    NO_SUBSCRIPTION = Code.NO_SUBSCRIPTION.value
    SEVERAL = "several"
    UNAVAILABLE = "unavailable"


_NOTHING_TO_CANCEL: Final = (FlowState.ANONYMOUS, FlowState.NO_SUBSCRIPTION)


class FlowContext:
    """The flow of one request; ``await resolve()`` first wherever you can."""

    __slots__ = (
        "_carries_grant",
        "_has_button",
        "_headers_are_sent",
        "_named",
        "_nonce",
        "_options",
        "_owned",
        "_page",
        "_problem",
        "_request",
        "_sealed",
        "_sent_headers",
        "_service",
        "_site",
        "_state",
        "hooked_response",
    )

    def __init__(
        self,
        site: Site,
        request: web.Request,
        *,
        named: str | None = None,
        page: FlowContext | None = None,
    ) -> None:
        """Make the flow of a request, or of one named subscription on its page.

        Args:
            site: The plug-in.
            request: The request.
            named: The id of the customer's subscription; None leaves it to the owner's rule.
            page: The request's own flow, whose response this one is shown on.
        """
        self._site = site
        self._named = named
        self._page = page
        self._carries_grant = False
        self._problem: UnavailableError | None = None
        # The request holds us; holding it too would leave both to the garbage collector.
        self._request = ref(request)
        self._state = FlowState.UNRESOLVED

        self._owned: OwnedSubscription | None = None
        self._service: FlowService | None = None
        self._options: Options | None = None
        self._sealed: SealedFlow | None = None
        self._nonce: str | None = None
        self._has_button = False
        self._headers_are_sent = False
        self._sent_headers: CIMultiDict[str] | None = None
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
    def problem(self) -> UnavailableError:
        """Why it is ``unavailable``."""
        return self._problem or UnavailableError()

    @property
    def subscription(self) -> OwnedSubscription | None:
        """The customer's subscription, once resolved."""
        return self._owned

    def about(self, subscription_id: str) -> FlowContext:
        """Return the flow of one of the customer's own subscriptions, shown on the same response."""
        request = self._request()
        if request is None:
            raise FlowNotResolvedError("the request is over: ask for its flow while it is handled")
        return FlowContext(self._site, request, named=subscription_id, page=self)

    async def resolve(self, *, may_refuse: bool = False) -> FlowContext:
        """Find out who asks and for which subscription, once per request; never raises for an outage.

        ``may_refuse`` is as in ``FlowService.find``.
        """
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
            self._owned = await service.find(customer_id, self._named, may_refuse=may_refuse)
        except AmbiguousSubscriptionError as error:
            self._site.on_event(LookupFailed(str(error)))
            self._state = FlowState.SEVERAL if service.can_list else FlowState.UNAVAILABLE
            return self
        except UnavailableError as error:
            self._cannot_tell(error)
            return self

        await self._found(request, service)
        return self

    async def use(self, subscription_id: str | None, row: Mapping[str, Any]) -> FlowContext:
        """Take the subscription that the handler has at hand, without a query; see ``CancelFlow.use``."""
        request = self._request()
        if request is None:
            raise FlowNotResolvedError("the request is over: use it while the request is handled")
        if self._headers_are_sent:
            # They let shared caches keep the page, which would hold a customer's grant.
            raise FlowNotResolvedError(
                "the response's headers are already sent; call use before streaming starts"
            )

        self._owned = self._sealed = self._service = None
        try:
            customer_id = await self._site.customer_id(request)
            if customer_id is None:
                self._state = FlowState.ANONYMOUS
                return self
            service = await self._site.service()
        except UnavailableError as error:
            self._cannot_tell(error)
            return self

        if subscription_id:
            self._owned = OwnedSubscription(
                CustomerId(customer_id), SubscriptionId(subscription_id), row
            )
        await self._found(request, service)
        return self

    def _cannot_tell(self, error: UnavailableError) -> None:
        # The page must come up all the same; its button still leads to the plain form.
        self._site.on_event(LookupFailed(str(error)))
        self._problem = error
        self._state = FlowState.UNAVAILABLE

    async def _found(self, request: web.Request, service: FlowService) -> None:
        if self._owned is None:
            self._state = FlowState.NO_SUBSCRIPTION
            return

        self._service = service
        if self._site.options is not None:
            self._options = await self._site.options_for(request)
        self._state = FlowState.READY
        # Already now: it may be asked for when the headers are gone.
        (self._page or self)._carries_grant = True

    @property
    def sealed(self) -> SealedFlow | None:
        """The signed payload and the grant of this page view, made at first use; None unless ready.

        Raises FlowNotResolvedError where the response's headers are sent and let shared caches keep it.
        """
        if self._sealed is None and self._service is not None and self._owned is not None:
            if (self._page or self)._may_be_shared:
                raise FlowNotResolvedError(
                    "the response's headers are already sent, and let others keep what is for one customer; "
                    "resolve the flow before streaming starts"
                )
            self._sealed = self._service.seal(self._owned, self._options)
        return self._sealed

    @property
    def _may_be_shared(self) -> bool:
        """Whether the headers of the page's response are sent, and let others keep it."""
        sent = self._sent_headers
        return sent is not None and not forbids_sharing(sent)

    @property
    def signed_payload(self) -> SignedPayload | None:
        """The vendor's payload and its signature; None when there is nothing to cancel, or the vendor signs nothing.

        Raises FlowNotResolvedError when nobody has resolved the flow of this request.
        """
        self._require_resolved("signed_payload")
        sealed = self.sealed
        return sealed.signed_payload if sealed else None

    @property
    def grant(self) -> str | None:
        """Our grant for a form of your own; None when there is nothing to cancel. Raises FlowNotResolvedError."""
        self._require_resolved("grant")
        sealed = self.sealed
        return sealed.grant if sealed else None

    @property
    def nonce(self) -> str:
        """The CSP nonce of this response, minted at first use.

        Raises FlowNotResolvedError when the headers are already on their way and cannot carry it.
        """
        if self._page is not None:
            return self._page.nonce
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
        # No cache keeps what a socket says.
        self._sent_headers = None if response.status == 101 else response.headers
        nonce = self._nonce
        is_private = nonce is not None or self._carries_grant
        has_flow = is_private or self._has_button or self._state is not FlowState.UNRESOLVED
        self._site.policy.write(response, nonce, has_flow=has_flow, is_private=is_private)

    def public_exit_link(self) -> Markup:
        """Return the link to the public exit; its words are the law's."""
        return Markup('<a href="{}/public" lang="de">{}</a>').format(
            self._site.path, CONTRACTS_BUTTON
        )

    def script(self) -> Markup:
        """Return the script element that makes the button open the flow; empty when there is nothing to cancel."""
        if self._state in _NOTHING_TO_CANCEL:
            return Markup()
        return script_markup(self._site.scripts[self._words.language].url, self.nonce, self.sealed)

    def button(self, label: str | None = None, *, subscription: str | None = None) -> Markup:
        """Return the button, a form that also works without JavaScript; empty when there is nothing to cancel.

        Args:
            label: The words on the button; None takes the text ``cancel_button``.
            subscription: The id of one of the customer's own subscriptions; None is the page's own. That it is
                the customer's is checked when the button is used.
        """
        if self._state in _NOTHING_TO_CANCEL:
            return Markup()
        named = self._named if subscription is None else subscription
        (self._page or self)._has_button = True
        return button_markup(self._site, self._label(label, "cancel_button"), self._owned, named)

    def resume_button(self, label: str | None = None, *, subscription: str | None = None) -> Markup:
        """Return a button that leads to withdrawing a scheduled cancellation; empty without a subscription.

        Only Stripe knows whether a cancellation is scheduled: show the button where your page says so.

        Args:
            label: The words on the button; None takes the text ``keep_button``.
            subscription: As for ``button``.
        """
        return self._undo_button("resume", label, subscription)

    def unpause_button(
        self, label: str | None = None, *, subscription: str | None = None
    ) -> Markup:
        """Return a button that leads to ending a pause; empty without a subscription.

        Show it where your page says that payments are paused.

        Args:
            label: The words on the button; None takes the text ``unpause_button``.
            subscription: As for ``button``.
        """
        return self._undo_button("unpause", label, subscription)

    def remove_discount_button(
        self, label: str | None = None, *, subscription: str | None = None
    ) -> Markup:
        """Return a button that leads to removing the discount of an accepted offer; empty without a subscription.

        Show it where your page says that there is one. A discount of another origin is never removed.

        Args:
            label: The words on the button; None takes the text ``remove_discount_button``.
            subscription: As for ``button``.
        """
        return self._undo_button("remove_discount", label, subscription)

    def keep_plan_button(
        self, label: str | None = None, *, subscription: str | None = None
    ) -> Markup:
        """Return a button that leads to keeping the plan; empty without a subscription.

        Show it where your page says that an accepted offer changes the plan when the period ends.

        Args:
            label: The words on the button; None takes the text ``keep_plan_button``.
            subscription: As for ``button``.
        """
        return self._undo_button("keep_plan", label, subscription)

    def _undo_button(self, change: str, label: str | None, subscription: str | None) -> Markup:
        if self._state in _NOTHING_TO_CANCEL:
            return Markup()
        # Late: the table of undos brings the core's decisions with it, which most pages do not need.
        from aiocancel.core.undo import UNDOS

        (undo,) = (each for each in UNDOS if each.name == change)
        named = self._named if subscription is None else subscription
        (self._page or self)._has_button = True
        return undo_button_markup(self._site, change, self._label(label, undo.button), named)

    def _label(self, given: str | None, text: str) -> str:
        return self._words.text(text) if given is None else given

    @property
    def _words(self) -> Words:
        languages = self._site.languages
        if not languages.depends_on_browser or (request := self._request()) is None:
            return languages.default
        return languages.of(request)

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


async def get_cancel_flow(request: web.Request, *, subscription: str | None = None) -> FlowContext:
    """Return the resolved flow of ``request``.

    Args:
        request: The request that is being handled.
        subscription: The id of one of the customer's own subscriptions. The flow returned is about that one,
            and the template variable stays about the page's own: hand this one to the template. Its state is
            ``no_subscription`` where it is not the customer's. None leaves the choice to the owner's rule.

    Raises:
        FlowNotResolvedError: The request did not pass the middleware.
    """
    flow: FlowContext | None = request.get(FLOW_KEY)
    if flow is None:
        raise FlowNotResolvedError(
            "this request did not pass aiocancel's middleware: "
            "call cancel.setup(app) or app.middlewares.append(cancel.middleware)"
        )
    if subscription is not None:
        flow = flow.about(subscription)
    await flow.resolve()
    return flow
