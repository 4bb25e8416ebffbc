"""Changes sent to Stripe, each once under its key: the address, the parameters, and what the answer shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, assert_never, cast

from aiocancel.billing import parameters
from aiocancel.billing.settings import StripeBilling
from aiocancel.billing.transport import (
    SCHEDULES,
    Transport,
    is_replayed,
    schedule_path,
    subscription_path,
)
from aiocancel.core.actions import Action, ActionKind, Write
from aiocancel.core.changes import (
    AddDiscount,
    MoveEnd,
    NewCoupon,
    PauseService,
    PlainChange,
    SchedulePrice,
    Update,
)
from aiocancel.core.codes import Code
from aiocancel.core.schedules import (
    CutSchedule,
    EndSchedule,
    MakeSchedule,
    ReleaseSchedule,
    ScheduleChange,
    SchedulePolicy,
)
from aiocancel.core.subscription import (
    Subscription,
    read_subscription,
)
from aiocancel.errors import (
    RejectedBillingError,
)
from aiocancel.ports import BillingReply

if TYPE_CHECKING:
    import stripe

_AS_READ: Final[Mapping[str, Any]] = {"expand": ["discounts"]}
BAD_REQUEST: Final = 400
# Their own changes are in schedules.
_SEE_SCHEDULE: Final = (ActionKind.APPLY_OFFER, ActionKind.KEEP_PLAN)
# Each way of ending has a key of its own: between two attempts the subscription may change, and so the way.
_KEY_ENDS: Final[Mapping[parameters.SetsEnd, str]] = {
    PlainChange.CANCEL_AT_PERIOD_END: "",
    PlainChange.CANCEL_AT_LAST_PERIOD_END: "-last",
    PlainChange.CANCEL_AT_BILLED_UNTIL: "-billed",
    PlainChange.TELL_REASON: "-reason",
}


class StripeWrites:
    """Sends changes for one account.

    Args:
        transport: Sends the requests.
        billing: The owner's settings.
    """

    def __init__(self, transport: Transport, billing: StripeBilling) -> None:
        self._transport = transport
        self._billing = billing

    async def apply(self, action: Action, write: Write, *, idempotency_key: str) -> BillingReply:
        """Send one change; the reply shows its effect, unless Stripe repeats an old one."""
        path, change, key = subscription_path(action.subscription_id), write.change, idempotency_key
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
                # An offer that was accepted since, and does not fit into one update with it, goes out next.
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
                    await self.make_coupon(change.made, key)
                return await self._make_change(path, change, key, write.withdrawal)

    async def _cancel(self, path: str, params: Mapping[str, Any]) -> BillingReply:
        # Stripe ignores keys on DELETE: repeating it is safe only because we read before and after.
        return self._reply(await self._transport.send("delete", path, params))

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
        return await self._post_apart(schedule_path(change.schedule_id), planned, key)

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

    async def _make_change(
        self, path: str, change: Update, key: str, withdrawal: PlainChange | None
    ) -> BillingReply:
        params = parameters.gift(change, key, self._billing.promotion_codes)
        if withdrawal is not None:
            by_date = withdrawal is PlainChange.WITHDRAW_CANCELLATION_BY_DATE
            params = {**params, **parameters.resume(clears_cancel_at=by_date)}
            # Another body needs another key.
            key = f"{key}-{'keeps-at' if by_date else 'keeps'}"

        try:
            return await self._update(path, params, key)
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
        """Send an update for which discounts do not matter: a key that may change subscriptions may send it."""
        response = await self._transport.send("post", path, params, idempotency_key=idempotency_key)
        return self._reply(response)

    async def _post_apart(
        self, path: str, params: Mapping[str, Any], idempotency_key: str
    ) -> BillingReply:
        """Send a call that is no update of the subscription: its answer does not show the subscription."""
        response = await self._transport.send("post", path, params, idempotency_key=idempotency_key)
        return BillingReply(response.request_id, replayed=is_replayed(response.headers))

    def _reply(self, response: stripe.StripeResponse) -> BillingReply:
        replayed, subscription = is_replayed(response.headers), None
        if not replayed:
            with suppress(ValueError):
                subscription = read_subscription(cast("Mapping[str, Any]", response.data))

        if subscription is not None and (
            subscription.pending_update
            or subscription.test_clock
            or needs_schedule(subscription, self._billing.schedule_policy)
        ):
            # A reply does not tell enough of these.
            subscription = None
        return BillingReply(response.request_id, replayed, subscription)

    async def _change_schedule(self, change: ScheduleChange, idempotency_key: str) -> BillingReply:
        # The same action's own change goes out next, and another schedule may come: each has a key of its own.
        match change:
            case ReleaseSchedule(schedule_id, keeps_end):
                path = f"{schedule_path(schedule_id)}/release"
                step = "release-keeping-the-end" if keeps_end else "release"
            case EndSchedule(schedule_id, cancels):
                path, step = schedule_path(schedule_id), "end" if cancels else "keep"
            case CutSchedule(schedule_id):
                path, step = schedule_path(schedule_id), "cut"
            case MakeSchedule():
                # Of two schedules the second is refused by Stripe.
                path, step, schedule_id = SCHEDULES, "schedule", ""
            case _:  # pragma: no cover - mypy shows that no case is left
                assert_never(change)

        key = f"{idempotency_key}-{step}-{schedule_id[-64:]}".rstrip("-")
        return await self._post_apart(path, parameters.schedule_change(change), key)

    async def make_coupon(self, new: NewCoupon, idempotency_key: str) -> None:
        """Make a coupon, unless another worker has made the same one first."""
        try:
            await self._transport.send(
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


def needs_schedule(
    subscription: Subscription, policy: SchedulePolicy, kind: ActionKind | None = None
) -> bool:
    """Tell whether the next step depends on the schedule that the subscription is under."""
    is_asked = policy == "amend" or (policy == "release" and kind in _SEE_SCHEDULE)
    return subscription.schedule_id is not None and is_asked


def _key_end(change: parameters.SetsEnd | MoveEnd) -> str:
    if isinstance(change, MoveEnd):
        return f"-{change.to}" if isinstance(change.to, str) else "-agreed"
    return _KEY_ENDS[change]
