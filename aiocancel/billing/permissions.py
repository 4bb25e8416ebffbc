"""What a restricted key must be allowed to do, as the very requests that will be made.

Each is put to Stripe about an object that does not exist: a key that may ask hears that there is no such object, and
one that may not is refused before that. Nothing is changed, and nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiocancel.billing import parameters
from aiocancel.billing.client import FOR_OFFERS, FOR_PAGES, OPEN_PAYMENT, StripeClient
from aiocancel.billing.settings import StripeBilling
from aiocancel.core.changes import PlainChange
from aiocancel.core.claim import NO_REASON
from aiocancel.core.schedules import MakeSchedule
from aiocancel.core.stripe_news import EVENT_TYPES

# No object of Stripe's has an id like that.
NOBODY: Final = "aiocancel_check_asks_for_nothing"
_SUBSCRIPTION: Final = f"/v1/subscriptions/sub_{NOBODY}"


@dataclass(frozen=True, slots=True)
class Needs:
    """What this installation will ask of Stripe, beyond cancelling.

    Args:
        makes_offers: This application carries offers out.
        plans_ahead: Another plan may come when the period ends, by a schedule.
        watches_offers: The flow vendor does, and Stripe is read until it shows them.
        lists_customers: Subscriptions are found at Stripe by the customer.
        hears_news: Stripe's list of events is read.
        shows_prices: A flow of our own shows offers with the price that Stripe previews.
        shows_plans: It offers another plan, by its name.
        tells_next_payment: Letters, or the pages of such a flow, tell the next payment or that none follows.
    """

    makes_offers: bool = False
    watches_offers: bool = False
    plans_ahead: bool = False
    lists_customers: bool = False
    hears_news: bool = False
    shows_prices: bool = False
    shows_plans: bool = False
    tells_next_payment: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """One request, and its purpose; what is not ``required`` only leaves something out."""

    method: str
    path: str
    purpose: str
    expected: str
    params: Mapping[str, Any] = field(default_factory=dict)
    required: bool = True


@dataclass(frozen=True, slots=True)
class Missing:
    """A permission that the key lacks, for which purposes."""

    permission: str
    purpose: str
    required: bool


def probes(billing: StripeBilling, needs: Needs) -> Iterator[Probe]:
    """Yield every kind of request that will be made, the most important first."""
    end = parameters.end(PlainChange.CANCEL_AT_PERIOD_END, NO_REASON, billing, NOBODY)
    yield Probe("get", _SUBSCRIPTION, "cancelling", "subscription_read")
    yield Probe("post", _SUBSCRIPTION, "cancelling", "subscription_write", end)
    sees_schedules = billing.schedule_policy == "amend"
    if sees_schedules or (billing.schedule_policy == "release" and needs.makes_offers):
        schedule = f"/v1/subscription_schedules/sub_sched_{NOBODY}"
        yield Probe("get", schedule, "schedules", "subscription_read")
    if billing.schedule_policy != "park":
        release = f"/v1/subscription_schedules/sub_sched_{NOBODY}/release"
        yield Probe("post", release, "schedules", "subscription_write")

    if needs.plans_ahead and billing.schedule_policy != "park":
        made = parameters.schedule_change(MakeSchedule(f"sub_{NOBODY}"))
        purpose = "another plan when the period ends"
        yield Probe("post", "/v1/subscription_schedules", purpose, "subscription_write", made)

    if needs.makes_offers or needs.watches_offers:
        yield _reading(("discounts",), "offers", "coupon_read")
    if needs.makes_offers:
        yield _reading(FOR_OFFERS, "offers", "coupon_read")
        yield _reading((*FOR_OFFERS, "latest_invoice"), "payments that are missing", "invoice_read")
        yield Probe("post", f"/v1/coupons/{NOBODY}", "offers of coupons", "coupon_write")
        yield Probe("get", f"/v1/prices/price_{NOBODY}", "offers of another plan", "plan_read")

    if needs.watches_offers:
        # A customer who ends a pause of the vendor's is shown where to pay.
        yield _reading(("latest_invoice",), "the end of a pause", "invoice_read")
    if needs.shows_prices:
        yield _previewing("the prices of a flow of our own")
    elif needs.tells_next_payment:
        yield _previewing("the next payment", required=False)

    if needs.shows_plans:
        # A screen names the plan.
        expanded = {"expand": ["product"]}
        purpose = "other plans in a flow of our own"
        yield Probe("get", f"/v1/prices/price_{NOBODY}", purpose, "product_read", expanded)

    if needs.lists_customers:
        listed = {"customer": f"cus_{NOBODY}", "status": "all", "limit": 1}
        purpose = "finding a customer's subscriptions"
        yield Probe("get", "/v1/subscriptions", purpose, "subscription_read", listed)
    if needs.hears_news:
        listed = {"types": list(EVENT_TYPES), "limit": 1}
        yield Probe("get", "/v1/events", "Stripe's news", "event_read", listed)

    invoices = {"subscription": f"sub_{NOBODY}", "limit": 1}
    purpose = "reading who is still there"
    yield Probe("get", "/v1/invoices", purpose, "invoice_read", invoices, required=False)
    yield _reading((OPEN_PAYMENT,), "what is still open", "invoice_read", required=False)
    for end_of in range(len(FOR_PAGES), 0, -1):
        yield _reading(FOR_PAGES[:end_of], "what pages say", "product_read", required=False)


def _reading(
    expand: tuple[str, ...], purpose: str, expected: str, *, required: bool = True
) -> Probe:
    return Probe(
        "get", _SUBSCRIPTION, purpose, expected, {"expand": list(expand)}, required=required
    )


def _previewing(purpose: str, *, required: bool = True) -> Probe:
    asked = parameters.preview(f"sub_{NOBODY}", None, 0)
    path = "/v1/invoices/create_preview"
    return Probe("post", path, purpose, "invoice_write", asked, required=required)


async def missing_permissions(
    client: StripeClient, billing: StripeBilling, needs: Needs
) -> list[Missing]:
    """Return what the key may not do, each permission once; raises BillingError where Stripe does not answer."""
    found: dict[str, Missing] = {}
    for probe in probes(billing, needs):
        refused = await client.refusal(probe.method, probe.path, probe.params)
        if refused is not None:
            permission = refused.permission or probe.expected
            missing = Missing(permission, probe.purpose, probe.required)
            found.setdefault(permission, missing)
    return list(found.values())
