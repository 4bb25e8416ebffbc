"""Stripe, read and written through its own async client.

Responses are taken raw: building a StripeObject from a subscription costs the loop milliseconds. The SDK
does not retry; when to try again is decided once, in core/retry.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar, assert_never, cast

import aiohttp

from aiocancel.billing import parameters
from aiocancel.billing.fair_turns import Turns
from aiocancel.billing.rate_limit import StripeRateLimits
from aiocancel.billing.settings import API_VERSION, StripeBilling, is_account
from aiocancel.core.actions import Action, ActionKind, Write
from aiocancel.core.changes import (
    AddDiscount,
    Change,
    MoveEnd,
    NewCoupon,
    PauseService,
    PlainChange,
    SchedulePrice,
    Update,
)
from aiocancel.core.choose_subscription import ListedSubscription, read_listed
from aiocancel.core.codes import Code, ForeignCode
from aiocancel.core.flow.preview import Preview, read_preview
from aiocancel.core.identifiers import SubscriptionId, is_opaque_id
from aiocancel.core.last_bill import LastBill, last_bill
from aiocancel.core.next_payment import may_tell, next_payment
from aiocancel.core.page_facts import Line, ShownSubscription, line_of_price, read_shown
from aiocancel.core.permissions import permission_named_in
from aiocancel.core.retry import (
    Failure,
    Throttled,
    read_retry_after,
    sort_answer,
    throttled,
)
from aiocancel.core.schedules import (
    CutSchedule,
    EndSchedule,
    MakeSchedule,
    ReleaseSchedule,
    ScheduleChange,
)
from aiocancel.core.sentences import Sentence
from aiocancel.core.subscription import (
    Price,
    Subscription,
    read_price,
    read_schedule,
    read_subscription,
    read_test_clock,
)
from aiocancel.errors import (
    BillingError,
    PacedOutError,
    RejectedBillingError,
    TransientBillingError,
    UnknownBillingError,
)
from aiocancel.ports import BillingReply, SlotSource

if TYPE_CHECKING:
    import stripe

Read = TypeVar("Read")

# Stripe's largest page; ended subscriptions are listed too, so one may not be enough.
LIST_PAGE_SIZE: Final = 100
# Each needs a permission of a restricted key; who cancels needs none of them.
FOR_OFFERS: Final = ("discounts.source.coupon", "customer.discount.source.coupon")
_SEE_DISCOUNTS: Final = (
    None,
    ActionKind.APPLY_OFFER,
    ActionKind.EXPECT_OFFER,
    ActionKind.REMOVE_DISCOUNT,
)
_SEE_INVOICE: Final = (None, ActionKind.APPLY_OFFER)
# Their own changes are in schedules.
_SEE_SCHEDULE: Final = (ActionKind.APPLY_OFFER, ActionKind.KEEP_PLAN)
_END_PAUSES: Final = (ActionKind.END_PAUSE, ActionKind.UNPAUSE)
_AS_READ: Final[Mapping[str, Any]] = {"expand": ["discounts"]}
FOR_FLOW: Final[tuple[str, ...]] = (*FOR_OFFERS, "items.data.price.product")
FOR_PAGES: Final[tuple[str, ...]] = ("discounts", "items.data.price.product")
# What is still open of an overdue one.
OPEN_PAYMENT: Final = "latest_invoice"
_FOR_WORDS: Final[Mapping[str, str]] = {
    "coupon_read": "discounts",
    "product_read": "items.data.price.product",
    "invoice_read": OPEN_PAYMENT,
}
"""What pages can do without, by the permission that a restricted key needs for it."""

MAX_LIST_PAGES: Final = 10
# Stripe's word for a preview where no invoice would come. https://docs.stripe.com/error-codes
NONE_COMES: Final = "invoice_upcoming_none"
BAD_REQUEST: Final = 400
_SCHEDULES: Final = "/v1/subscription_schedules"
# Each way of ending has a key of its own: between two attempts the subscription may change, and so the way.
_KEY_ENDS: Final[Mapping[parameters.SetsEnd, str]] = {
    PlainChange.CANCEL_AT_PERIOD_END: "",
    PlainChange.CANCEL_AT_LAST_PERIOD_END: "-last",
    PlainChange.CANCEL_AT_BILLED_UNTIL: "-billed",
    PlainChange.TELL_REASON: "-reason",
}

_ERRORS: Mapping[Failure, type[BillingError]] = {
    Failure.TRANSIENT: TransientBillingError,
    Failure.UNKNOWN: UnknownBillingError,
    Failure.REJECTED: RejectedBillingError,
}


@asynccontextmanager
async def open_stripe(
    billing: StripeBilling, *, slots: SlotSource | None = None, for_pages: bool = False
) -> AsyncIterator[StripeClient]:
    """Open one session to Stripe and close it at the end; importing the SDK happens in a thread.

    Requests keep to Stripe's limits together with all that take their ``slots`` from the same place; those
    ``for_pages`` go first, and wait for less long.
    """
    tls = await asyncio.to_thread(_warm_up)
    async with aiohttp.ClientSession(
        # The worker's concurrency is the limit; fewer connections than that would make changes wait for each other.
        connector=aiohttp.TCPConnector(ssl=tls, limit=256),
        # A cookie of one account must not travel to another.
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=billing.timeout_s),
    ) as session:
        client = await asyncio.to_thread(_make_client, billing, session)
        if slots is None:
            yield StripeClient(client, billing)
            return

        yield StripeClient(
            client,
            billing,
            StripeRateLimits(billing, slots, for_pages=for_pages),
            StripeRateLimits(billing, slots, for_pages=for_pages, impatient=True),
            StripeRateLimits(billing, slots, impatient=True, for_cancellations=True),
        )


def _warm_up() -> ssl.SSLContext:
    import stripe

    return ssl.create_default_context(cafile=stripe.ca_bundle_path)


def _make_client(billing: StripeBilling, session: aiohttp.ClientSession) -> stripe.StripeClient:
    import stripe

    return stripe.StripeClient(
        billing.api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": billing.api_base},
        max_network_retries=0,
        http_client=stripe.AIOHTTPClient(
            session=_WholeAnswers(session),
            timeout=cast("Any", aiohttp.ClientTimeout(total=billing.timeout_s)),
        ),
    )


class _WholeAnswers:
    """A session for the SDK that returns an answer when its body is there too.

    The SDK reads the body where it handles no errors and closes no connection.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._turns = Turns()

    async def request(self, *args: Any, **kwargs: Any) -> _WholeAnswer:
        await self._turns.take()
        async with self._session.request(*args, **kwargs) as response:
            answer = _WholeAnswer(await response.read(), response.status, response.headers)
        # The SDK and our readers go on from here.
        await self._turns.take()
        return answer


class _WholeAnswer:
    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        self._body = body
        self.status = status
        self.headers = headers

    @property
    def content(self) -> _WholeAnswer:
        return self

    async def read(self) -> bytes:
        return self._body


class _Expanded:
    """What reads ask for beside the subscription: less, once Stripe says that a restricted key may not read it.

    A key's permissions hold on every account, so that all clients of one key share it.
    """

    def __init__(self) -> None:
        self.for_pages: tuple[str, ...] = (*FOR_PAGES, OPEN_PAYMENT)
        self.for_flow: tuple[str, ...] = (*FOR_FLOW, OPEN_PAYMENT)


class StripeClient:
    """The Billing of Stripe."""

    def __init__(
        self,
        client: stripe.StripeClient,
        billing: StripeBilling,
        paces: StripeRateLimits | None = None,
        impatient_paces: StripeRateLimits | None = None,
        first_paces: StripeRateLimits | None = None,
        expanded: _Expanded | None = None,
    ) -> None:
        self._client = client
        self._billing = billing
        self._paces = paces
        self._impatient_paces = impatient_paces
        self._first_paces = first_paces
        self._expanded = _Expanded() if expanded is None else expanded

    def on(self, account: str | None) -> StripeClient:
        """Return the same client for the objects of another account; None stands for that of the settings."""
        if account is None or account == self._billing.stripe_account:
            return self
        if not is_account(account):
            raise RejectedBillingError(
                "the database holds an account that is none of Stripe's", code=Code.BAD_ACCOUNT
            )

        there = dataclasses.replace(self._billing, stripe_account=account)
        return StripeClient(
            self._client,
            there,
            self._paces,
            self._impatient_paces,
            self._first_paces,
            self._expanded,
        )

    def without_waiting(self) -> StripeClient:
        """Return the same client for those who hold a place: where no turn is near, it fails at once."""
        paces = self._impatient_paces
        return StripeClient(
            self._client, self._billing, paces, paces, self._first_paces, self._expanded
        )

    def coming_first(self) -> StripeClient:
        """Return the same client for a worker's cancellations, whose requests come before those of other changes."""
        paces = self._first_paces
        return StripeClient(self._client, self._billing, paces, paces, paces, self._expanded)

    def _on_account(self) -> Mapping[str, str]:
        account = self._billing.stripe_account
        if account is None:
            return {}
        # The older header knows no paths, and no organisations.
        is_path = "/" in account or self._billing.is_organisations
        return {"stripe_context" if is_path else "stripe_account": account}

    async def read(
        self, subscription_id: SubscriptionId, kind: ActionKind | None = None, /
    ) -> Subscription:
        """Return the subscription as Stripe has it now, with the schedule where the policy needs it.

        For an offer the coupons are read, the discount of the customer and, where a payment is missing, its invoice;
        to end a pause, the invoice of the time after it. A cancellation needs no permission beyond subscriptions.
        """
        expand: tuple[str, ...] = ("discounts",) if kind in _SEE_DISCOUNTS else ()
        expand = FOR_OFFERS if kind is ActionKind.APPLY_OFFER else expand

        subscription = await self._read(_path(subscription_id), expand, read_subscription)
        ends_pause = kind in _END_PAUSES and subscription.status == "paused"
        waits_for_payment = kind in _SEE_INVOICE and subscription.pending_update is not None
        if waits_for_payment or ends_pause:
            subscription = await self._read(
                _path(subscription_id), [*expand, "latest_invoice"], read_subscription
            )
        if subscription.schedule_id is not None and self._needs_schedule(subscription, kind):
            schedule = await self._read(_schedule_path(subscription.schedule_id), [], read_schedule)
            subscription = dataclasses.replace(subscription, schedule=schedule)
        if subscription.test_clock is not None:
            frozen_at = await self._time_on(subscription.test_clock)
            subscription = dataclasses.replace(subscription, frozen_at=frozen_at)
        return subscription

    async def _time_on(self, clock_id: str) -> datetime | None:
        """Return the time on a test clock; None where the key may not read it, which only tests would notice."""
        if self._billing.mode == "live" or not is_opaque_id(clock_id):
            return None
        try:
            return await self._read(f"/v1/test_helpers/test_clocks/{clock_id}", [], read_test_clock)
        except BillingError as error:
            if error.code == Code.PERMISSION_MISSING:
                return None
            raise

    async def read_price(self, price_id: str) -> Price:
        """Return a price that an offer names."""
        if not is_opaque_id(price_id):
            raise RejectedBillingError(
                "the offer names a price by something that is no id", code=Code.BAD_OFFER_ID
            )
        return await self._read(f"/v1/prices/{price_id}", [], read_price)

    async def read_for_flow(self, subscription_id: str) -> ShownSubscription:
        """Return the subscription as ``read`` does for an offer, with the names of its products, in one request.

        A schedule, where the policy needs it, and the time on a test clock are one more each.
        """
        path = _path(SubscriptionId(subscription_id))
        shown, self._expanded.for_flow = await self._read_most(path, self._expanded.for_flow)
        subscription = shown.subscription
        if subscription.schedule_id is not None and self._needs_schedule(
            subscription, ActionKind.APPLY_OFFER
        ):
            schedule = await self._read(_schedule_path(subscription.schedule_id), [], read_schedule)
            subscription = dataclasses.replace(subscription, schedule=schedule)

        if subscription.test_clock is not None:
            frozen_at = await self._time_on(subscription.test_clock)
            subscription = dataclasses.replace(subscription, frozen_at=frozen_at)
        return dataclasses.replace(shown, subscription=subscription)

    async def read_plan(self, price_id: str) -> tuple[Price, Line]:
        """Return a price that an offer names, and how a screen tells it."""
        if not is_opaque_id(price_id):
            raise RejectedBillingError(
                "the offer names a price by something that is no id", code=Code.BAD_OFFER_ID
            )
        return await self._read(f"/v1/prices/{price_id}", ["product"], _plan)

    async def preview(
        self,
        subscription_id: str,
        change: Change | PlainChange | None = None,
        *,
        proration_date: int,
    ) -> Preview:
        """Return the next invoice as it would be with this change; None leaves the subscription as it is.

        A coupon that nobody has taken yet is made first: Stripe previews only what exists.
        """
        _path(SubscriptionId(subscription_id))
        codes = self._billing.promotion_codes
        params = parameters.preview(subscription_id, change, proration_date, codes)
        try:
            return await self._preview(params, proration_date)
        except RejectedBillingError as error:
            new = change.made if isinstance(change, AddDiscount) else None
            if new is None or error.code != Code.RESOURCE_MISSING:
                raise
            await self._make_coupon(new, f"aiocancel-preview-{new.coupon_id}")
            return await self._preview(params, proration_date)

    async def _preview(self, params: Mapping[str, Any], proration_date: int) -> Preview:
        response = await self._request("post", "/v1/invoices/create_preview", params)
        try:
            return read_preview(cast("Mapping[str, Any]", response.data), proration_date)
        except ValueError as error:
            raise UnknownBillingError(
                str(error), code=Code.UNREADABLE, request_id=response.request_id
            ) from None

    async def last_bill(
        self, subscription_id: SubscriptionId, ends_at: datetime
    ) -> LastBill | None:
        """Return what the customer of a subscription that was cancelled still pays; None where Stripe does not tell.

        Args:
            subscription_id: Which one.
            ends_at: The end that the customer is told of.
        """
        path = _path(subscription_id)
        subscription, latest = await self._read(path, ["latest_invoice"], _with_latest_invoice)
        try:
            upcoming: Preview | None = await self.preview(subscription_id, proration_date=0)
        except RejectedBillingError as error:
            if error.code != NONE_COMES:
                raise
            upcoming = None
        return last_bill(subscription, ends_at, upcoming, latest)

    async def next_payment(self, subscription_id: SubscriptionId, now: datetime) -> Sentence | None:
        """Return the amount and the day of the next payment; None where Stripe does not tell them for certain.

        Args:
            subscription_id: Which one.
            now: Aware; a test clock's own time counts instead.
        """
        shown = await self.read_for_flow(subscription_id)
        if not may_tell(shown):
            return None
        preview = await self.preview(subscription_id, proration_date=0)
        return next_payment(shown, preview, now=shown.subscription.frozen_at or now)

    async def read_for_page(self, subscription_id: str) -> ShownSubscription:
        """Return the subscription with its discounts, products and open invoice, as far as the key may read them."""
        path = _path(SubscriptionId(subscription_id))
        shown, self._expanded.for_pages = await self._read_most(path, self._expanded.for_pages)
        return shown

    async def _read_most(
        self, path: str, expand: tuple[str, ...]
    ) -> tuple[ShownSubscription, tuple[str, ...]]:
        """Return what the key may read, and what to ask for the next time."""
        while True:
            try:
                return await self._read(path, expand, read_shown), expand
            except BillingError as error:
                less = _without(expand, error)
                if error.http_status != HTTPStatus.FORBIDDEN or less == expand:
                    raise
                expand = less

    async def _read(
        self, path: str, expand: Sequence[str], read: Callable[[Mapping[str, Any]], Read]
    ) -> Read:
        response = await self._request("get", path, {"expand": [*expand]} if expand else {})
        try:
            return read(cast("Mapping[str, Any]", response.data))
        except ValueError as error:
            raise UnknownBillingError(
                str(error), code=Code.UNREADABLE, request_id=response.request_id
            ) from None

    async def get(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the body and the headers of Stripe's answer; for checking an account, not its subscriptions."""
        response = await self._request("get", path, params or {})
        if not isinstance(response.data, dict):
            raise UnknownBillingError("Stripe's answer cannot be read", code=Code.UNREADABLE)
        return response.data, response.headers

    async def refusal(
        self, method: str, path: str, params: Mapping[str, Any]
    ) -> BillingError | None:
        """Ask about an object that does not exist; returns the refusal where the key may not ask at all.

        Stripe looks at permissions before it looks for the object, so that a change of nothing tells what is allowed.
        """
        try:
            await self._request(method, path, params)
        except BillingError as error:
            if error.http_status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                return error
            if not isinstance(error, RejectedBillingError):
                raise
        return None

    async def list_subscriptions(self, stripe_customer_id: str) -> list[ListedSubscription]:
        """Return all subscriptions of a customer at Stripe, whatever their status; several pages are one list.

        Rather than leaving some out, a list of more than ``MAX_LIST_PAGES`` pages is an UnknownBillingError.
        """
        params: dict[str, Any] = {
            "customer": stripe_customer_id,
            "status": "all",
            "limit": LIST_PAGE_SIZE,
        }
        listed: list[ListedSubscription] = []
        for _ in range(MAX_LIST_PAGES):
            response = await self._request("get", "/v1/subscriptions", params)
            try:
                page = cast("Mapping[str, Any]", response.data)
                listed += map(read_listed, page["data"])
                if not page["has_more"]:
                    return listed
                params["starting_after"] = listed[-1].subscription_id
            except (ValueError, LookupError, TypeError) as error:
                raise UnknownBillingError(
                    f"Stripe's list cannot be read ({type(error).__name__})",
                    code=Code.UNREADABLE,
                    request_id=response.request_id,
                ) from None

        raise UnknownBillingError(
            "the customer has too many subscriptions to list", code=Code.TOO_MANY_SUBSCRIPTIONS
        )

    async def apply(self, action: Action, write: Write, *, idempotency_key: str) -> BillingReply:
        """Send one change; the reply shows its effect, unless Stripe repeats an old one."""
        path, change, key = _path(action.subscription_id), write.change, idempotency_key
        if write.schedule is not None:
            return await self._change_schedule(write.schedule, key)

        match change:
            case (
                PlainChange.CANCEL_AT_PERIOD_END
                | PlainChange.CANCEL_AT_LAST_PERIOD_END
                | PlainChange.CANCEL_AT_BILLED_UNTIL
                | PlainChange.TELL_REASON
                | MoveEnd()
            ):
                params = parameters.end(change, action.reason, self._billing, key)
                if not params:
                    return BillingReply(None, replayed=False)
                key = f"{key}{_key_end(change)}"
                return await self._leave(
                    params, lambda sent, end: self._update_plainly(path, sent, f"{key}{end}")
                )
            case PlainChange.CANCEL_NOW:
                ending = parameters.cancel_now(action.reason, self._billing)
                return await self._leave(ending, lambda sent, _: self._cancel(path, sent))
            case PlainChange.WITHDRAW_CANCELLATION:
                # An offer that was accepted since takes it back first, and its own change goes out next.
                key = f"{key}-resume" if action.kind is ActionKind.APPLY_OFFER else key
                params = parameters.resume(clears_cancel_at=False)
                return await self._resume(action, path, params, key)
            case PlainChange.WITHDRAW_CANCELLATION_BY_DATE:
                # Another body under the same key would be an error at Stripe.
                params = parameters.resume(clears_cancel_at=True)
                return await self._resume(action, path, params, f"{key}-at")
            case PlainChange.COLLECT_PAYMENTS:
                return await self._update_plainly(path, parameters.unpause(), key)
            case PlainChange.RESUME_SERVICE:
                return await self._resume_service(path, f"{key}-on")
            case PlainChange.ONLY_THE_SCHEDULE:
                return BillingReply(None, replayed=False)
            case PauseService() | SchedulePrice():
                return await self._make_apart(path, change, key)
            case _:
                if isinstance(change, AddDiscount) and change.made is not None:
                    await self._make_coupon(change.made, key)
                return await self._make_change(path, change, key)

    async def _cancel(self, path: str, params: Mapping[str, Any]) -> BillingReply:
        # Stripe ignores keys on DELETE: repeating it is safe only because we read before and after.
        return self._reply(await self._request("delete", path, params))

    async def _leave(
        self,
        params: Mapping[str, Any],
        send: Callable[[Mapping[str, Any], str], Awaitable[BillingReply]],
    ) -> BillingReply:
        """Send an end, and once more without the owner's feedback option where Stripe does not know that one."""
        try:
            return await send(params, "")
        except RejectedBillingError as error:
            details = params.get("cancellation_details", {})
            is_ours = error.http_status == BAD_REQUEST and error.code == Code.RESOURCE_MISSING
            if not is_ours or "feedback_option" not in details:
                raise
            plain = {name: text for name, text in details.items() if name != "feedback_option"}
            # Another body needs another key.
            return await send({**params, "cancellation_details": plain}, "-plain")

    async def _make_apart(
        self, path: str, change: PauseService | SchedulePrice, key: str
    ) -> BillingReply:
        """Send a change that Stripe takes at another address than the subscription's own."""
        if isinstance(change, PauseService):
            return await self._post_apart(f"{path}/pause", parameters.pause_service(change), key)
        planned = parameters.plan_at_period_end(change)
        return await self._post_apart(_schedule_path(change.schedule_id), planned, key)

    async def _resume_service(self, path: str, key: str) -> BillingReply:
        try:
            return await self._post_apart(f"{path}/resume", parameters.end_pause(), key)
        except RejectedBillingError as error:
            if error.code != Code.RESOURCE_MISSING:
                raise
            # The subscription is there, as it was read just now: what is missing is a default payment method.
            # https://docs.stripe.com/billing/subscriptions/pause
            raise RejectedBillingError(
                "the customer has no payment method",
                code=Code.NO_PAYMENT_METHOD,
                http_status=error.http_status,
                request_id=error.request_id,
                replayed=error.replayed,
            ) from None

    async def _make_change(self, path: str, change: Update, key: str) -> BillingReply:
        try:
            return await self._update(
                path, parameters.gift(change, key, self._billing.promotion_codes), key
            )
        except RejectedBillingError as error:
            keeps = isinstance(change, AddDiscount) and change.inherits
            if not keeps or error.code != Code.RESOURCE_MISSING:
                raise
            # Whether Stripe takes the customer's discount by its id here is unverified; without it nothing is done.
            raise RejectedBillingError(
                "Stripe does not keep the discount of the customer",
                code=Code.CUSTOMER_DISCOUNT_WOULD_BE_LOST,
                http_status=error.http_status,
                request_id=error.request_id,
                replayed=error.replayed,
            ) from None

    async def _resume(
        self, action: Action, path: str, params: Mapping[str, Any], key: str
    ) -> BillingReply:
        """Take a cancellation back; an offer that comes next is decided by a look at coupons and customer as well."""
        is_for_offer = action.kind is ActionKind.APPLY_OFFER
        update = self._post_apart if is_for_offer else self._update_plainly
        return await update(path, params, key)

    async def _update(
        self, path: str, params: Mapping[str, Any], idempotency_key: str
    ) -> BillingReply:
        """Send an update of the subscription, whose answer shows the subscription with its discounts."""
        return await self._update_plainly(path, {**params, **_AS_READ}, idempotency_key)

    async def _update_plainly(
        self, path: str, params: Mapping[str, Any], idempotency_key: str
    ) -> BillingReply:
        """Send an update for which discounts do not matter: who may change subscriptions may send it."""
        response = await self._request("post", path, params, idempotency_key=idempotency_key)
        return self._reply(response)

    async def _post_apart(
        self, path: str, params: Mapping[str, Any], idempotency_key: str
    ) -> BillingReply:
        """Send a call that is no update of the subscription: its answer does not show the subscription."""
        response = await self._request("post", path, params, idempotency_key=idempotency_key)
        return BillingReply(response.request_id, replayed=_is_replayed(response.headers))

    def _reply(self, response: stripe.StripeResponse) -> BillingReply:
        replayed, subscription = _is_replayed(response.headers), None
        if not replayed:
            with suppress(ValueError):
                subscription = read_subscription(cast("Mapping[str, Any]", response.data))

        if subscription is not None and (
            subscription.pending_update
            or subscription.test_clock
            or self._needs_schedule(subscription)
        ):
            # A reply does not tell enough of these.
            subscription = None
        return BillingReply(response.request_id, replayed, subscription)

    def _needs_schedule(self, subscription: Subscription, kind: ActionKind | None = None) -> bool:
        policy = self._billing.schedule_policy
        is_asked = policy == "amend" or (policy == "release" and kind in _SEE_SCHEDULE)
        return subscription.schedule_id is not None and is_asked

    async def _change_schedule(self, change: ScheduleChange, idempotency_key: str) -> BillingReply:
        # The same action's own change goes out next, and another schedule may come: each has a key of its own.
        match change:
            case ReleaseSchedule(schedule_id):
                path, step = f"{_schedule_path(schedule_id)}/release", "release"
            case EndSchedule(schedule_id, cancels):
                path, step = _schedule_path(schedule_id), "end" if cancels else "keep"
            case CutSchedule(schedule_id):
                path, step = _schedule_path(schedule_id), "cut"
            case MakeSchedule():
                # Of two schedules the second is refused by Stripe.
                path, step, schedule_id = _SCHEDULES, "schedule", ""
            case _:  # pragma: no cover - mypy shows that no case is left
                assert_never(change)

        key = f"{idempotency_key}-{step}-{schedule_id[-64:]}".rstrip("-")
        return await self._post_apart(path, parameters.schedule_change(change), key)

    async def _make_coupon(self, new: NewCoupon, idempotency_key: str) -> None:
        try:
            await self._request(
                "post",
                "/v1/coupons",
                parameters.coupon(new, self._billing),
                # The words may change between two attempts.
                idempotency_key=f"{idempotency_key}-coupon-{self._billing.coupon_words}",
            )
        except RejectedBillingError as error:
            # Its id is made from its definition: another worker has made the same coupon first.
            if error.code != Code.RESOURCE_ALREADY_EXISTS:
                raise

    async def _request(
        self, method: str, path: str, params: Mapping[str, Any], **options: Any
    ) -> stripe.StripeResponse:
        import stripe

        if self._paces is not None:
            try:
                await self._paces.of(method, path).take()
            except PacedOutError as error:
                raise TransientBillingError(
                    str(error), code=Code.RATE_BUDGET, retry_after_s=error.retry_after_s
                ) from None
        options |= self._on_account()
        try:
            return cast(
                "stripe.StripeResponse",
                await self._client.raw_request_async(method, path, **params, **options),
            )
        except stripe.StripeError as error:
            translated, whose = _translate(error)
            if self._paces is not None and whose in ("account", "endpoint"):
                limits = self._paces.throttled(method, path, endpoint_only=whose == "endpoint")
                await limits.strike(translated.retry_after_s)
            raise translated from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # The SDK stumbles over a body that is JSON but not Stripe's.
            raise UnknownBillingError(
                "Stripe's answer cannot be read", code=ForeignCode.of_error(error)
            ) from None


def _with_latest_invoice(data: Mapping[str, Any]) -> tuple[Subscription, object]:
    return read_subscription(data), data.get("latest_invoice")


def _without(expand: tuple[str, ...], error: BillingError) -> tuple[str, ...]:
    """Leave out what the key may not read, the last thing where Stripe does not say which that is."""
    optional = [each for each in expand if each in _FOR_WORDS.values()]
    named = _FOR_WORDS.get(error.permission or "", optional[-1] if optional else None)
    return tuple(each for each in expand if each != named)


def _plan(data: Mapping[str, Any]) -> tuple[Price, Line]:
    return read_price(data), line_of_price(data, quantity=1)


def _key_end(change: parameters.SetsEnd | MoveEnd) -> str:
    if isinstance(change, MoveEnd):
        return f"-{change.to}" if isinstance(change.to, str) else "-agreed"
    return _KEY_ENDS[change]


def _path(subscription_id: SubscriptionId) -> str:
    if not is_opaque_id(subscription_id):
        raise RejectedBillingError(
            "the database holds an id that is no Stripe subscription", code=Code.BAD_SUBSCRIPTION_ID
        )
    return f"/v1/subscriptions/{subscription_id}"


def _schedule_path(schedule_id: str) -> str:
    if not is_opaque_id(schedule_id):
        raise UnknownBillingError(
            "Stripe names a schedule by something that is no id", code=Code.UNREADABLE
        )
    return f"{_SCHEDULES}/{schedule_id}"


def _translate(error: stripe.StripeError) -> tuple[BillingError, Throttled | None]:
    detail = error.json_body.get("error") if isinstance(error.json_body, dict) else None
    if isinstance(detail, dict):
        # The SDK leaves .code empty on a 429; the body always has it.
        status, word = error.http_status, detail.get("code") or detail.get("type")
    else:
        # A proxy's page is no answer of Stripe's, whatever its status.
        status, word = None, error.code
    code = None if word is None else Code.of_stripe(str(word))
    hint = {"true": True, "false": False}.get(_header(error.headers, "stripe-should-retry") or "")
    failure = sort_answer(status, code, should_retry=hint)
    # An older release or other settings sent another body under this key: only a new key can help.
    key_is_taken = code == Code.IDEMPOTENCY_ERROR
    if key_is_taken:
        failure = Failure.UNKNOWN
    whose = throttled(status, code, _header(error.headers, "stripe-rate-limited-reason"))
    if whose is not None:
        code = Code.RESOURCE_RATE_LIMIT if whose == "object" else Code.RATE_LIMIT
    # Stripe's message may quote our request, so only the code goes on.
    permission = None
    if status == HTTPStatus.FORBIDDEN and code in (None, Code.INVALID_REQUEST_ERROR):
        message = detail.get("message") if isinstance(detail, dict) else None
        permission, code = permission_named_in(message), Code.PERMISSION_MISSING
    code = code or ForeignCode.of_error(error.__cause__ or error)
    translated = _ERRORS[failure](
        f"Stripe answered {error.http_status or 'nothing'} ({code})",
        code=code,
        http_status=error.http_status,
        request_id=error.request_id,
        permission=permission,
        replayed=key_is_taken or _is_replayed(error.headers),
        # A stored failure says no, too, but the next attempt has another key and is no repetition.
        retry_after_s=read_retry_after(
            _header(error.headers, "retry-after"),
            should_retry=hint if failure is Failure.TRANSIENT else None,
        ),
    )

    return translated, whose


def _is_replayed(headers: Mapping[str, str] | None) -> bool:
    return _header(headers, "idempotent-replayed") == "true"


def _header(headers: Mapping[str, str] | None, name: str) -> str | None:
    return next((value for key, value in (headers or {}).items() if key.lower() == name), None)
