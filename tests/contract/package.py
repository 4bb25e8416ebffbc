"""The package's own way with a row's subscription: it reads, decides, writes and reads again, as its worker does.

The ledger is left out: a row's subscription has no history, and one attempt is enough for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

from aiocancel.billing.client import StripeClient
from aiocancel.billing.transport import Transport
from aiocancel.core.actions import (
    Action,
    ActionKind,
    AwaitPayment,
    Defer,
    Done,
    PlainKind,
    Refuse,
    Step,
    Supersede,
    Wait,
    Write,
    WriteKind,
    next_step,
    past_the_schedule,
    wants_to_tell,
)
from aiocancel.core.changes import AddDiscount, Change, PlainChange
from aiocancel.core.claim import NO_REASON, CancelReason
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offers.apply import offer_step
from aiocancel.core.offers.offer_rules import DEFAULT_RULES, OfferRules
from aiocancel.core.offers.progress import Progress
from aiocancel.core.offers.terms import AcceptedOffer, PlanTerms, Terms
from aiocancel.core.schedules import DEFAULT_SCHEDULE_POLICY
from aiocancel.core.subscription import Subscription
from tests.contract.stage import Stage

# A schedule, the change itself, and the reason.
MOST_WRITES: Final = 4
_OUTCOMES: Final[Mapping[type[Step], str]] = {
    Done: "done",
    Refuse: "parked",
    Supersede: "refused",
    Defer: "promised",
    Wait: "waits",
    AwaitPayment: "waits for the payment",
}


@dataclass(frozen=True)
class Wish:
    """What a customer chose, why, and the owner's standing answers."""

    kind: WriteKind
    terms: Terms | None = None
    rules: OfferRules = DEFAULT_RULES
    reason: CancelReason = NO_REASON


@dataclass(frozen=True)
class Ended:
    """What became of a wish, the coupon that it made, and what its requests had Stripe expand."""

    outcome: str
    code: str | None = None
    coupon: str | None = None
    expanded: tuple[str, ...] = ()


@dataclass
class _Heard:
    """A transport that notes what requests expand: each needs a permission of a restricted key."""

    transport: Transport
    expanded: list[str] = field(default_factory=list)

    async def send(self, method: str, path: str, params: Mapping[str, Any], **options: Any) -> Any:
        self.expanded += params.get("expand", [])
        return await self.transport.send(method, path, params, **options)


def as_the_package_does(wish: Wish) -> Callable[[Stage], Awaitable[None]]:
    """Return the script that carries a wish out; its end is the row's result."""

    async def run(stage: Stage) -> None:
        await grant(stage, wish)

    return run


async def grant(stage: Stage, wish: Wish) -> None:
    """Carry a wish out, and keep how it ended, and the coupon that it made, as the result."""
    ended = await carry_out(stage, wish)
    coupon: Mapping[str, Any] = {}
    if ended.coupon is not None:
        path = f"/v1/coupons/{ended.coupon}"
        coupon = await stage.send("get", path)
        stage.tidy_later("delete", path)

    expanded = sorted(set(ended.expanded))
    stage.result = {
        "outcome": ended.outcome,
        "code": ended.code,
        "coupon": coupon,
        "expanded": expanded,
    }


async def carry_out(stage: Stage, wish: Wish) -> Ended:
    """Carry a wish out as far as it goes by itself; raises BillingError."""
    heard = _Heard(stage.client._transport)
    client = StripeClient(cast("Transport", heard), stage.client._billing)
    offer = None if wish.terms is None else AcceptedOffer("offr_contract", wish.terms)
    action = Action(wish.kind, SubscriptionId(stage.subscription), wish.reason, offer=offer)
    earlier: Change | None = None

    for _ in range(MOST_WRITES):
        subscription = await client.read(action.subscription_id, wish.kind)
        now = datetime.fromtimestamp(stage.now, UTC)
        step = await _decide(client, wish, offer, subscription, now, earlier)
        if isinstance(step, Done) and wants_to_tell(action, subscription):
            step = Write(PlainChange.TELL_REASON)
        if not isinstance(step, Write):
            break

        await client.apply(action, step, idempotency_key=uuid.uuid4().hex)
        earlier = step.kept if step.schedule is None else earlier

    made = earlier.made if isinstance(earlier, AddDiscount) else None
    code = step.code if isinstance(step, Refuse | Supersede) else None
    return Ended(
        _OUTCOMES.get(type(step), "unfinished"),
        None if code is None else str(code),
        None if made is None else made.coupon_id,
        tuple(heard.expanded),
    )


async def _decide(
    client: StripeClient,
    wish: Wish,
    offer: AcceptedOffer | None,
    subscription: Subscription,
    now: datetime,
    earlier: Change | None,
) -> Step:
    if offer is None:
        step = next_step(_plain(wish.kind), subscription)
        return past_the_schedule(step, subscription, DEFAULT_SCHEDULE_POLICY)

    terms = offer.terms
    price = await client.read_price(terms.price_id) if isinstance(terms, PlanTerms) else None
    step = offer_step(
        offer,
        subscription,
        now=subscription.frozen_at or now,
        progress=Progress(earlier),
        rules=wish.rules,
        price=price,
    )

    return past_the_schedule(step, subscription, DEFAULT_SCHEDULE_POLICY)


def _plain(kind: WriteKind) -> PlainKind:
    # The undos of an offer need the ledger.
    assert kind in (ActionKind.CANCEL_AT_PERIOD_END, ActionKind.CANCEL_NOW, ActionKind.RESUME)
    return kind
