"""Subscriptions, prices and previews, read from Stripe as they are now; changes go out through ``billing/writes``."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar, cast

import aiohttp

from aiocancel.billing import parameters
from aiocancel.billing.rate_limit import StripeRateLimits
from aiocancel.billing.settings import StripeBilling, is_account
from aiocancel.billing.transport import (
    Limits,
    Transport,
    make_client,
    schedule_path,
    subscription_path,
    warm_up,
)
from aiocancel.billing.writes import StripeWrites, needs_schedule
from aiocancel.core.actions import Action, ActionKind, Write
from aiocancel.core.changes import (
    AddDiscount,
    Change,
    PlainChange,
)
from aiocancel.core.choose_subscription import ListedSubscription, read_listed
from aiocancel.core.codes import Code
from aiocancel.core.flow.preview import Preview, read_preview
from aiocancel.core.identifiers import SubscriptionId, is_opaque_id
from aiocancel.core.last_bill import LastBill, last_bill
from aiocancel.core.next_payment import may_tell, next_payment
from aiocancel.core.page_facts import Line, ShownSubscription, line_of_price, read_shown
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
    RejectedBillingError,
    UnknownBillingError,
)
from aiocancel.ports import BillingReply, SlotSource

Read = TypeVar("Read")
# Stripe's largest page; ended subscriptions are listed too, so one may not be enough.
LIST_PAGE_SIZE: Final = 100
# Each needs a permission of a restricted key; a cancellation needs none of them.
FOR_OFFERS: Final = ("discounts.source.coupon", "customer.discount.source.coupon")
_SEE_DISCOUNTS: Final = (
    None,
    ActionKind.APPLY_OFFER,
    ActionKind.EXPECT_OFFER,
    ActionKind.REMOVE_DISCOUNT,
)
_SEE_INVOICE: Final = (None, ActionKind.APPLY_OFFER)
_END_PAUSES: Final = (ActionKind.END_PAUSE, ActionKind.UNPAUSE)
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


@asynccontextmanager
async def open_stripe(
    billing: StripeBilling, *, slots: SlotSource | None = None, for_pages: bool = False
) -> AsyncIterator[StripeClient]:
    """Open one session to Stripe and close it at the end; importing the SDK happens in a thread.

    Args:
        billing: The account's settings.
        slots: Where the slots of Stripe's rate limits come from; all requests with the same source keep to the limits
            together. None keeps to no limit.
        for_pages: The requests are those of pages: they go first, and wait for less long.
    """
    tls = await asyncio.to_thread(warm_up)
    async with aiohttp.ClientSession(
        # The worker's concurrency is the limit; fewer connections than that would make changes wait for each other.
        connector=aiohttp.TCPConnector(ssl=tls, limit=256),
        # A cookie of one account must not travel to another.
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=billing.timeout_s),
    ) as session:
        client = await asyncio.to_thread(make_client, billing, session)
        if slots is None:
            yield StripeClient(Transport(client, billing), billing)
            return

        limits = Limits(
            patient=StripeRateLimits(billing, slots, for_pages=for_pages),
            impatient=StripeRateLimits(billing, slots, for_pages=for_pages, impatient=True),
            first=StripeRateLimits(billing, slots, impatient=True, for_cancellations=True),
        )
        yield StripeClient(Transport(client, billing, limits), billing)


class _Expanded:
    """What reads ask for beside the subscription: less, once Stripe says that a restricted key may not read it.

    A key's permissions hold on every account, so that all clients of one key share it.
    """

    def __init__(self) -> None:
        self.for_pages: tuple[str, ...] = (*FOR_PAGES, OPEN_PAYMENT)
        self.for_flow: tuple[str, ...] = (*FOR_FLOW, OPEN_PAYMENT)


class StripeClient:
    """The Billing of Stripe.

    Args:
        transport: Sends the requests, for the account of the settings.
        billing: The owner's settings.
        expanded: What the key may read; shared by all clients of one key.
    """

    def __init__(
        self, transport: Transport, billing: StripeBilling, expanded: _Expanded | None = None
    ) -> None:
        self._transport = transport
        self._billing = billing
        self._expanded = _Expanded() if expanded is None else expanded
        self._writes = StripeWrites(transport, billing)

    def on(self, account: str | None) -> StripeClient:
        """Return the same client for the objects of another account; None stands for that of the settings."""
        if account is None or account == self._billing.stripe_account:
            return self
        if not is_account(account):
            raise RejectedBillingError(
                "the database holds an account that is none of Stripe's", code=Code.BAD_ACCOUNT
            )

        there = dataclasses.replace(self._billing, stripe_account=account)
        return StripeClient(self._transport.with_billing(there), there, self._expanded)

    def without_waiting(self) -> StripeClient:
        """Return the same client for those who hold a place: where no turn is near, it fails at once."""
        return StripeClient(self._transport.without_waiting(), self._billing, self._expanded)

    def coming_first(self) -> StripeClient:
        """Return the same client for a worker's cancellations, whose requests come before those of other changes."""
        return StripeClient(self._transport.coming_first(), self._billing, self._expanded)

    async def apply(self, action: Action, write: Write, *, idempotency_key: str) -> BillingReply:
        """Send one change; the reply shows its effect, unless Stripe repeats an old one."""
        return await self._writes.apply(action, write, idempotency_key=idempotency_key)

    async def read(
        self, subscription_id: SubscriptionId, kind: ActionKind | None = None, /
    ) -> Subscription:
        """Return the subscription as Stripe has it now, with the schedule where the policy needs it.

        For an offer the coupons are read, the discount of the customer and, where a payment is missing, its invoice;
        to end a pause, the invoice of the time after it. A cancellation needs no permission beyond subscriptions.
        """
        expand: tuple[str, ...] = ("discounts",) if kind in _SEE_DISCOUNTS else ()
        expand = FOR_OFFERS if kind is ActionKind.APPLY_OFFER else expand

        subscription = await self._read(
            subscription_path(subscription_id), expand, read_subscription
        )
        ends_pause = kind in _END_PAUSES and subscription.status == "paused"
        waits_for_payment = kind in _SEE_INVOICE and subscription.pending_update is not None
        if waits_for_payment or ends_pause:
            subscription = await self._read(
                subscription_path(subscription_id), [*expand, "latest_invoice"], read_subscription
            )
        if subscription.schedule_id is not None and needs_schedule(
            subscription, self._billing.schedule_policy, kind
        ):
            schedule = await self._read(schedule_path(subscription.schedule_id), [], read_schedule)
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
        path = subscription_path(SubscriptionId(subscription_id))
        shown, self._expanded.for_flow = await self._read_most(path, self._expanded.for_flow)
        subscription = shown.subscription
        if subscription.schedule_id is not None and needs_schedule(
            subscription, self._billing.schedule_policy, ActionKind.APPLY_OFFER
        ):
            schedule = await self._read(schedule_path(subscription.schedule_id), [], read_schedule)
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
        withdrawal: PlainChange | None = None,
    ) -> Preview:
        """Return the next invoice as it would be with this change.

        A coupon that nobody has taken yet is made first: Stripe previews only what exists.

        Args:
            subscription_id: The subscription.
            change: The change; None leaves the subscription as it is.
            proration_date: The second that prices are reckoned with.
            withdrawal: Takes a cancellation back in the same update.
        """
        subscription_path(SubscriptionId(subscription_id))
        codes = self._billing.promotion_codes
        params = parameters.preview(subscription_id, change, proration_date, codes, withdrawal)
        try:
            return await self._preview(params, proration_date)
        except RejectedBillingError as error:
            new = change.made if isinstance(change, AddDiscount) else None
            if new is None or error.code != Code.RESOURCE_MISSING:
                raise
            await self._writes.make_coupon(new, f"aiocancel-preview-{new.coupon_id}")
            return await self._preview(params, proration_date)

    async def _preview(self, params: Mapping[str, Any], proration_date: int) -> Preview:
        response = await self._transport.send("post", "/v1/invoices/create_preview", params)
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
        path = subscription_path(subscription_id)
        subscription, latest = await self._read(path, ["latest_invoice"], _with_latest_invoice)
        if subscription.has_ended:
            return last_bill(subscription, ends_at, None, latest)
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
        path = subscription_path(SubscriptionId(subscription_id))
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
        response = await self._transport.send("get", path, {"expand": [*expand]} if expand else {})
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
        response = await self._transport.send("get", path, params or {})
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
            await self._transport.send(method, path, params)
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
            response = await self._transport.send("get", "/v1/subscriptions", params)
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


def _with_latest_invoice(data: Mapping[str, Any]) -> tuple[Subscription, object]:
    return read_subscription(data), data.get("latest_invoice")


def _without(expand: tuple[str, ...], error: BillingError) -> tuple[str, ...]:
    """Leave out what the key may not read, the last thing where Stripe does not say which that is."""
    optional = [each for each in expand if each in _FOR_WORDS.values()]
    named = _FOR_WORDS.get(error.permission or "", optional[-1] if optional else None)
    return tuple(each for each in expand if each != named)


def _plan(data: Mapping[str, Any]) -> tuple[Price, Line]:
    return read_price(data), line_of_price(data, quantity=1)
