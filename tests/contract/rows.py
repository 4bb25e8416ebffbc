"""The contract with Stripe: a subscription of some shape, what is done to it, and what Stripe answers and shows.

``answer`` is the status and, where a source names it, the code. ``shows`` are fields of the subscription afterwards
by their path, or of the answer where the path begins with ``result``; ``@now``, ``@first_end`` and ``@last_end``
stand for moments of the row's test clock. A row without a source is unverified and says so in its id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

from aiocancel.core.actions import ActionKind
from aiocancel.core.changes import PlainChange
from aiocancel.core.claim import CancelReason
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.terms import CouponTerms, PauseTerms, PlanTerms, TrialTerms
from tests.contract.package import Wish, as_the_package_does, grant
from tests.contract.stage import DAY, OLD_VERSION, Stage

Evidence = Literal["SDK types", "documentation", "third party", "unverified"]
Script = Callable[[Stage], Awaitable[None]]

PAUSE_PAGE: Final = "https://docs.stripe.com/billing/subscriptions/pause"
COUPON_PAGE: Final = "https://docs.stripe.com/billing/subscriptions/coupons"
ENDS_PAGE: Final = "https://docs.stripe.com/changelog/basil/2025-07-30/cancel-at-enums"
PREBILLING_PAGE: Final = "https://docs.stripe.com/billing/subscriptions/prebilling"
CLOCKS_PAGE: Final = "https://docs.stripe.com/billing/testing/test-clocks"
PENDING_PAGE: Final = "https://docs.stripe.com/billing/subscriptions/pending-updates"
PERMISSIONS_PAGE: Final = "https://docs.stripe.com/stripe-apps/reference/permissions"
PREVIEW_PAGE: Final = "https://docs.stripe.com/api/invoices/create_preview"
SCHEDULES_PAGE: Final = "https://docs.stripe.com/billing/subscriptions/subscription-schedules"
RELEASE_PAGE: Final = "https://docs.stripe.com/api/subscription_schedules/release"
SDK_PHASES: Final = "SubscriptionScheduleUpdateParams, stripe-python 16.1.0"
SDK_UPDATE: Final = "SubscriptionUpdateParams, stripe-python 16.1.0"
SDK_STATUS: Final = "Subscription.status, stripe-python 16.1.0"


# --- shapes -------------------------------------------------------------------------------------------


async def monthly(stage: Stage) -> None:
    await stage.open()
    await stage.subscribe(await stage.price())


async def trialing(stage: Stage) -> None:
    await stage.open()
    await stage.subscribe(await stage.price(), trial_period_days=14)


async def mixed(stage: Stage) -> None:
    await stage.open()
    await stage.subscribe(await stage.price(), await stage.price(29000, "year"))


async def yearly(stage: Stage) -> None:
    await stage.open()
    await stage.subscribe(await stage.price(29000, "year"))


async def yearly_paid_soon(stage: Stage) -> None:
    await yearly(stage)
    await stage.advance(stage.notes["first_end"] - 20 * DAY)


async def paid_in_20_hours(stage: Stage) -> None:
    await monthly(stage)
    await stage.advance(stage.notes["first_end"] - 20 * 3600)


async def sent_invoices(stage: Stage) -> None:
    await stage.open()
    price = await stage.price()
    await stage.subscribe(price, collection_method="send_invoice", days_until_due=30)


async def classic(stage: Stage) -> None:
    await stage.open()
    await stage.subscribe(await stage.price(), billing_mode={"type": "classic"})


async def paused(stage: Stage) -> None:
    await monthly(stage)
    await stage.post("/pause")
    stage.note(stage.result)


async def paused_without_card(stage: Stage) -> None:
    await paused(stage)
    settings = {"default_payment_method": ""}
    await stage.send("post", f"/v1/customers/{stage.customer}", invoice_settings=settings)


async def paused_with_bad_card(stage: Stage) -> None:
    await paused(stage)
    await stage.use_card("pm_card_chargeCustomerFail")


async def resuming(stage: Stage) -> None:
    await paused(stage)
    await stage.post("/resume", payment_behavior="resume_on_payment_attempt")


async def resuming_with_bad_card(stage: Stage) -> None:
    await resuming(stage)
    await stage.use_card("pm_card_chargeCustomerFail")


async def incomplete(stage: Stage) -> None:
    await stage.open("pm_card_authenticationRequired")
    await stage.subscribe(await stage.price())


async def past_due(stage: Stage) -> None:
    await monthly(stage)
    await stage.use_card("pm_card_chargeCustomerFail")
    # Stripe finalizes a renewal's invoice about an hour after it is made.
    await stage.advance(stage.notes["first_end"] + 7200)
    stage.note(await stage.read())


async def ended(stage: Stage) -> None:
    await monthly(stage)
    await stage.act(PlainChange.CANCEL_NOW)


async def ending(stage: Stage) -> None:
    await monthly(stage)
    await stage.act(PlainChange.CANCEL_AT_PERIOD_END)


async def ending_by_date(stage: Stage) -> None:
    await monthly(stage)
    await stage.post(cancel_at="min_period_end")


async def ending_far_away(stage: Stage) -> None:
    await monthly(stage)
    await stage.post(cancel_at=stage.now + 700 * DAY)


async def ending_beyond_its_period(stage: Stage) -> None:
    await monthly(stage)
    # An end that is set when a subscription is made was agreed on; this one is asked for later.
    await stage.advance(stage.now + 3600)
    await stage.post(cancel_at="min_period_end")
    items = [{"id": stage.item, "price": await stage.price(900, "week")}]
    await stage.post(items=items, proration_behavior="none")


async def scheduled(stage: Stage) -> None:
    await monthly(stage)
    made = await stage.send(
        "post", "/v1/subscription_schedules", from_subscription=stage.subscription
    )
    stage.notes["schedule"] = made["id"]


async def planned(stage: Stage) -> None:
    await monthly(stage)
    await stage.make_schedule()
    await stage.plan(await stage.price(900))


async def discounted_and_scheduled(stage: Stage) -> None:
    await discounted(stage)
    await stage.make_schedule()


async def scheduled_to_end(stage: Stage) -> None:
    await scheduled(stage)
    path = f"/v1/subscription_schedules/{stage.notes['schedule']}"
    await stage.send("post", path, end_behavior="cancel")


async def discounted(stage: Stage) -> None:
    await monthly(stage)
    await stage.post(
        discounts=[{"coupon": await stage.coupon(40, "forever")}], expand=["discounts"]
    )
    stage.notes["discount"] = stage.result["discounts"][0]["id"]


async def discounted_once(stage: Stage) -> None:
    await monthly(stage)
    await stage.post(discounts=[{"coupon": await stage.coupon(50, "once")}])


async def discounted_customer(stage: Stage) -> None:
    await monthly(stage)
    coupon = await stage.coupon(30, "forever")
    customer = f"/v1/customers/{stage.customer}"
    await stage.send("post", customer, coupon=coupon, version=OLD_VERSION)
    stage.notes["discount"] = (await stage.read())["customer"]["discount"]["id"]


async def waiting_for_payment(stage: Stage) -> None:
    await monthly(stage)
    year = await stage.price(29000, "year")
    await stage.use_card("pm_card_authenticationRequired")
    items = [{"id": stage.item, "price": year}]
    await stage.post(items=items, payment_behavior="pending_if_incomplete")


SHAPES: Final[Mapping[str, Script]] = {
    "monthly": monthly,
    "in a trial": trialing,
    "monthly and yearly items": mixed,
    "yearly": yearly,
    "yearly, paid in 20 days": yearly_paid_soon,
    "paid in 20 hours": paid_in_20_hours,
    "sends invoices": sent_invoices,
    "classic billing mode": classic,
    "paused itself": paused,
    "paused itself, no default card": paused_without_card,
    "paused itself, card declined": paused_with_bad_card,
    "resuming on attempt": resuming,
    "resuming on attempt, card declined": resuming_with_bad_card,
    "incomplete": incomplete,
    "past due": past_due,
    "ended": ended,
    "ends with its period": ending,
    "ends by date": ending_by_date,
    "ends by date in two years": ending_far_away,
    "ends by date beyond a weekly period": ending_beyond_its_period,
    "under a schedule": scheduled,
    "under a schedule that ends it": scheduled_to_end,
    "another plan comes with its schedule": planned,
    "40 % forever": discounted,
    "40 % forever, under a schedule": discounted_and_scheduled,
    "50 % once": discounted_once,
    "customer has 30 % forever": discounted_customer,
    "a change waits for its payment": waiting_for_payment,
}


# --- actions ------------------------------------------------------------------------------------------


def post(path: str = "", **params: Any) -> Script:
    async def run(stage: Stage) -> None:
        await stage.post(path, **params)

    return run


def act(change: PlainChange) -> Script:
    async def run(stage: Stage) -> None:
        await stage.act(change)

    return run


def then_pass(first: Script, days: float) -> Script:
    async def run(stage: Stage) -> None:
        await first(stage)
        await stage.advance(stage.now + int(days * DAY))

    return run


def past_period_end(first: Script | None = None) -> Script:
    async def run(stage: Stage) -> None:
        if first is not None:
            await first(stage)
        await stage.advance(stage.notes["first_end"] + 7200)

    return run


async def pay(stage: Stage) -> None:
    invoice = (await stage.read())["latest_invoice"]["id"]
    stage.result = await stage.send("post", f"/v1/invoices/{invoice}/pay")


async def add_coupon(stage: Stage) -> None:
    await stage.post(discounts=[{"coupon": await stage.coupon(10, "forever")}])


async def stay_for_a_coupon(stage: Stage) -> None:
    coupon = await stage.coupon(10, "forever")
    await stage.post(
        discounts=[{"coupon": coupon}], cancel_at_period_end=False, expand=["discounts"]
    )


async def add_coupon_beside(stage: Stage) -> None:
    kept = {"discount": stage.notes["discount"]}
    await stage.post(discounts=[kept, {"coupon": await stage.coupon(10, "forever")}])


async def add_promotion_code(stage: Stage) -> None:
    coupon = await stage.coupon(10, "forever")
    promotion = {"type": "coupon", "coupon": coupon}
    code = await stage.send("post", "/v1/promotion_codes", promotion=promotion)
    await stage.post(discounts=[{"promotion_code": code["id"]}], expand=["discounts"])


async def long_coupon_name(stage: Stage) -> None:
    await stage.coupon(10, "once", name="n" * 41)


async def longest_coupon_name(stage: Stage) -> None:
    await stage.coupon(10, "once", name="n" * 40)


async def extend_trial(stage: Stage) -> None:
    await stage.post(trial_end=stage.now + 60 * DAY, proration_behavior="none")


async def metered_price(stage: Stage) -> str:
    meter = await stage.send(
        "post",
        "/v1/billing/meters",
        display_name="contract",
        event_name=f"contract_{stage.clock.lower()[-12:]}",
        default_aggregation={"formula": "sum"},
    )
    stage.tidy_later("post", f"/v1/billing/meters/{meter['id']}/deactivate")
    return await stage.price(5, "month", usage_type="metered", meter=meter["id"])


async def swap_to_metered(stage: Stage, **quantity: int) -> None:
    price = await metered_price(stage)
    await stage.post(items=[{"id": stage.item, "price": price, **quantity}])


async def swap_to_metered_with_quantity(stage: Stage) -> None:
    await swap_to_metered(stage, quantity=2)


async def swap_to_yearly(stage: Stage) -> None:
    items = [{"id": stage.item, "price": await stage.price(29000, "year")}]
    await stage.post(items=items, proration_behavior="none")


async def swap_without_item(stage: Stage) -> None:
    await stage.post(items=[{"price": await stage.price(900)}], proration_behavior="none")


async def swap_that_may_wait(stage: Stage) -> None:
    await stage.use_card("pm_card_authenticationRequired")
    items = [{"id": stage.item, "price": await stage.price(29000, "year")}]
    await stage.post(items=items, payment_behavior="pending_if_incomplete")


async def swap_that_must_be_paid(stage: Stage) -> None:
    await stage.use_card("pm_card_authenticationRequired")
    items = [{"id": stage.item, "price": await stage.price(29000, "year")}]
    await stage.post(items=items, payment_behavior="error_if_incomplete")


async def preview(stage: Stage, **details: Any) -> None:
    stage.result = await stage.send(
        "post", "/v1/invoices/create_preview", subscription=stage.subscription, **details
    )


async def preview_coupon(stage: Stage) -> None:
    await preview(stage, discounts=[{"coupon": await stage.coupon(25, "once")}])


async def preview_of_an_end(stage: Stage) -> None:
    await preview(stage, subscription_details={"cancel_at_period_end": True})


async def end_schedule(stage: Stage) -> None:
    path = f"/v1/subscription_schedules/{stage.notes['schedule']}"
    await stage.send("post", path, end_behavior="cancel")


async def release_schedule(stage: Stage, **params: Any) -> None:
    path = f"/v1/subscription_schedules/{stage.notes['schedule']}/release"
    stage.result = await stage.send("post", path, **params)


async def release_and_keep_the_end(stage: Stage) -> None:
    await release_schedule(stage, preserve_cancel_date=True)


async def read_schedule(stage: Stage) -> None:
    path = f"/v1/subscription_schedules/{stage.notes['schedule']}"
    stage.result = await stage.send("get", path)


async def plan_a_cheaper_one(stage: Stage) -> None:
    await stage.plan(await stage.price(900))


async def cut_ten_days_later(stage: Stage) -> None:
    await stage.cut(stage.notes["first_end"] + 10 * DAY)


async def end_ten_days_later(stage: Stage) -> None:
    await stage.post(cancel_at=stage.notes["first_end"] + 10 * DAY)


async def make_schedule(stage: Stage) -> None:
    await stage.make_schedule()


async def send_phase(stage: Stage, **changed: Any) -> None:
    """Send the running phase with nothing but its items again, and what a row changes of it."""
    running = (await stage.send("get", stage.schedule_path))["phases"][0]
    items = [{"price": item["price"], "quantity": 1} for item in running["items"]]
    phase = {"items": items, "start_date": running["start_date"], "end_date": running["end_date"]}
    sent = {name: value for name, value in {**phase, **changed}.items() if value is not None}
    stage.result = await stage.send("post", stage.schedule_path, phases=[sent])


async def phase_without_discounts(stage: Stage) -> None:
    await send_phase(stage)


async def phase_without_a_start(stage: Stage) -> None:
    await send_phase(stage, start_date=None)


async def phase_of_one_iteration(stage: Stage) -> None:
    await send_phase(stage, end_date=None, iterations=1)


async def phase_with_end_and_duration(stage: Stage) -> None:
    await send_phase(stage, duration={"interval": "month"})


async def phase_with_an_unknown_discount(stage: Stage) -> None:
    await send_phase(stage, discounts=[{"discount": "di_contract_none"}])


async def promotion_code_switched_off(stage: Stage) -> None:
    promotion = {"type": "coupon", "coupon": await stage.coupon(10, "forever")}
    code = await stage.send("post", "/v1/promotion_codes", promotion=promotion, active=False)
    await stage.post(discounts=[{"promotion_code": code["id"]}])


async def promotion_code_of_another(stage: Stage) -> None:
    promotion = {"type": "coupon", "coupon": await stage.coupon(10, "forever")}
    other = await stage.send("post", "/v1/customers")
    stage.tidy_later("delete", f"/v1/customers/{other['id']}")
    code = await stage.send(
        "post", "/v1/promotion_codes", promotion=promotion, customer=other["id"]
    )
    await stage.post(discounts=[{"promotion_code": code["id"]}])


async def list_feedback_options(stage: Stage) -> None:
    stage.result = await stage.send("get", "/v1/billing/feedback_options")


async def read_own_account(stage: Stage) -> None:
    stage.result = await stage.send("get", "/v1/account")


async def read_as_another_account(stage: Stage) -> None:
    await stage.send("get", stage.path, account="acct_1ContractNone00")


async def offer_metered(stage: Stage) -> None:
    terms = PlanTerms(await metered_price(stage), prorate=True)
    await grant(stage, Wish(ActionKind.APPLY_OFFER, terms))


async def offer_yearly(stage: Stage) -> None:
    terms = PlanTerms(await stage.price(29000, "year"), prorate=False)
    await grant(stage, Wish(ActionKind.APPLY_OFFER, terms))


async def leap(stage: Stage) -> None:
    await stage.advance(stage.now + 100 * DAY)


ON_ATTEMPT: Final = post("/resume", payment_behavior="resume_on_payment_attempt")
ON_SUCCESS: Final = post("/resume", payment_behavior="resume_on_payment_success")
CREDIT_NOW: Final = {"unused_time_from": {"type": "now"}}

LEAVE: Final = as_the_package_does(
    Wish(ActionKind.CANCEL_AT_PERIOD_END, reason=CancelReason(code="too_expensive"))
)
OFFER_10: Final = as_the_package_does(
    Wish(ActionKind.APPLY_OFFER, CouponTerms(Decimal(10), None, "repeating", months=3))
)
OFFER_50: Final = as_the_package_does(
    Wish(ActionKind.APPLY_OFFER, CouponTerms(Decimal(50), None, "repeating", months=3))
)
_PAUSES_ITSELF: Final = OfferRules(pause_mechanism="pause")

ACTIONS: Final[Mapping[str, Script]] = {
    "cancel at period end": act(PlainChange.CANCEL_AT_PERIOD_END),
    "cancel now": act(PlainChange.CANCEL_NOW),
    "take the cancellation back": act(PlainChange.WITHDRAW_CANCELLATION),
    "take the cancellation back with a coupon": stay_for_a_coupon,
    "take the end by date back": act(PlainChange.WITHDRAW_CANCELLATION_BY_DATE),
    "end the pause as the package does": act(PlainChange.RESUME_SERVICE),
    "cancel_at=min_period_end": post(cancel_at="min_period_end"),
    "cancel_at=max_period_end": post(cancel_at="max_period_end"),
    "cancel_at=max_billed_until": post(cancel_at="max_billed_until"),
    "cancel_at=max_billed_until, no proration": post(
        cancel_at="max_billed_until", proration_behavior="none"
    ),
    "both ways of ending at once": post(cancel_at_period_end=True, cancel_at="min_period_end"),
    "only a reason": post(cancellation_details={"feedback": "too_expensive"}),
    "only metadata": post(metadata={"contract": "kept"}),
    "an unknown feedback option": post(cancellation_details={"feedback_option": "fbo_none"}),
    "pause itself": post("/pause"),
    "pause itself with credit": post("/pause", bill_for=CREDIT_NOW),
    "pause itself, then a period": past_period_end(post("/pause")),
    "resume on attempt": ON_ATTEMPT,
    "resume, default": post("/resume"),
    "resume on attempt, then 24 hours": then_pass(ON_ATTEMPT, 1),
    "resume on success": ON_SUCCESS,
    "pay the latest invoice": pay,
    "pause collection": post(pause_collection={"behavior": "void"}),
    "pause collection, then a period": past_period_end(post(pause_collection={"behavior": "void"})),
    "unpause collection": post(pause_collection=""),
    "cancel at period end, then a period": past_period_end(act(PlainChange.CANCEL_AT_PERIOD_END)),
    "a period passes": past_period_end(),
    "a coupon, nothing kept, then a period": past_period_end(add_coupon),
    "a coupon beside the one there": add_coupon_beside,
    "a promotion code": add_promotion_code,
    "remove all discounts": post(discounts=""),
    "a coupon name of 40": longest_coupon_name,
    "a coupon name of 41": long_coupon_name,
    "60 more days of trial": extend_trial,
    "a metered price": swap_to_metered,
    "a metered price with a quantity": swap_to_metered_with_quantity,
    "a yearly price, no proration": swap_to_yearly,
    "a price without an item id": swap_without_item,
    "a yearly price that may wait": swap_that_may_wait,
    "a yearly price or an error": swap_that_must_be_paid,
    "preview": preview,
    "preview with 25 % off": preview_coupon,
    "preview of an end": preview_of_an_end,
    "let the schedule end it": end_schedule,
    "release the schedule": release_schedule,
    "release the schedule, its end kept": release_and_keep_the_end,
    "read the schedule": read_schedule,
    "make a schedule": make_schedule,
    "an end ten days after the period": end_ten_days_later,
    "plan a cheaper price": plan_a_cheaper_one,
    "plan a cheaper price, then a period": past_period_end(plan_a_cheaper_one),
    "cut the schedule ten days after the period": cut_ten_days_later,
    "the running phase without its discounts": phase_without_discounts,
    "the running phase without a start": phase_without_a_start,
    "the running phase for one iteration": phase_of_one_iteration,
    "the running phase with an end and a duration": phase_with_end_and_duration,
    "the running phase with an unknown discount": phase_with_an_unknown_discount,
    "a promotion code that is switched off": promotion_code_switched_off,
    "a promotion code of another customer": promotion_code_of_another,
    "list the feedback options": list_feedback_options,
    "read the own account": read_own_account,
    "read as an account that is not connected": read_as_another_account,
    "end the pause as the package does, then a period": then_pass(
        act(PlainChange.RESUME_SERVICE), 32
    ),
    "leap three periods": leap,
    "cancel as the package does": LEAVE,
    "resume as the package does": as_the_package_does(Wish(ActionKind.RESUME)),
    "10 % off as the package gives it": OFFER_10,
    "10 % off as the package gives it, then a period": past_period_end(OFFER_10),
    "50 % off as the package gives it": OFFER_50,
    "a longer trial as the package gives it": as_the_package_does(
        Wish(ActionKind.APPLY_OFFER, TrialTerms(30))
    ),
    "a metered price as the package changes it": offer_metered,
    "a yearly price as the package changes it": offer_yearly,
    "a pause of itself as the package makes it": as_the_package_does(
        Wish(ActionKind.APPLY_OFFER, PauseTerms("month", 1, at_period_end=False), _PAUSES_ITSELF)
    ),
    "a pause of itself from the period's end as the package makes it": as_the_package_does(
        Wish(ActionKind.APPLY_OFFER, PauseTerms("month", 1, at_period_end=True), _PAUSES_ITSELF)
    ),
}


@dataclass(frozen=True)
class Row:
    """One line of the contract."""

    shape: str
    action: str
    answer: str = "200"
    shows: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence = "unverified"
    source: str = ""

    @property
    def name(self) -> str:
        """What the row is called, in ids and file names."""
        words = f"{self.action} when {self.shape}".replace("%", "percent")
        name = "-".join("".join(c if c.isalnum() else " " for c in words).split())
        return f"{name}-unverified" if self.evidence == "unverified" else name


def row(
    shape: str,
    action: str,
    answer: str,
    shows: Mapping[str, Any],
    evidence: Evidence = "unverified",
    source: str = "",
) -> Row:
    return Row(shape, action, answer, shows, evidence, source)


_GOES_ON: Final = {"status": "active", "cancel_at_period_end": False, "cancel_at": None}
_UNTOUCHED: Final = {"cancel_at_period_end": False, "cancel_at": None}

ROWS: Final = (
    # The rows that the simulator once got wrong.
    row(
        "paused itself",
        "resume on attempt",
        "200",
        {"status": "paused", "latest_invoice.status": "open", "latest_invoice.attempted": False},
        "documentation",
        PAUSE_PAGE,
    ),
    row(
        "paused itself",
        "resume, default",
        "200",
        {"status": "paused", "latest_invoice.status": "open"},
        "documentation",
        PAUSE_PAGE,
    ),
    row(
        "paused itself",
        "resume on attempt, then 24 hours",
        "200",
        {"status": "paused", "latest_invoice.status": "void"},
        "SDK types",
        "Subscription.resume, stripe-python 16.1.0",
    ),
    row(
        "paused itself",
        "resume on success",
        "200",
        {
            "status": "active",
            "status_details": None,
            "billing_cycle_anchor": "@now",
            "latest_invoice.status": "paid",
        },
        "documentation",
        PAUSE_PAGE,
    ),
    row(
        "paused itself",
        "end the pause as the package does",
        "200",
        {"status": "active", "latest_invoice.status": "paid"},
        "documentation",
        PAUSE_PAGE,
    ),
    row(
        "paused itself, no default card",
        "resume on success",
        "400",
        {"status": "paused"},
        "documentation",
        PAUSE_PAGE,
    ),
    row(
        "paused itself, card declined",
        "resume on success",
        "200",
        {"status": "paused", "latest_invoice.status": "open"},
    ),
    row(
        "resuming on attempt",
        "pay the latest invoice",
        "200",
        {"status": "active", "result.status": "paid"},
        "documentation",
        PAUSE_PAGE,
    ),
    row(
        "resuming on attempt, card declined",
        "pay the latest invoice",
        "402 card_declined",
        {"status": "past_due"},
        "documentation",
        PAUSE_PAGE,
    ),
    row("resuming on attempt", "resume on attempt", "400", {"status": "paused"}),
    row(
        "classic billing mode",
        "pause itself",
        "400",
        {"status": "active"},
        "documentation",
        PAUSE_PAGE,
    ),
    row("in a trial", "pause itself", "400", {"status": "trialing"}, "documentation", PAUSE_PAGE),
    row("sends invoices", "pause itself", "400", {"status": "active"}, "documentation", PAUSE_PAGE),
    row(
        "under a schedule", "pause itself", "400", {"status": "active"}, "documentation", PAUSE_PAGE
    ),
    row("incomplete", "pause itself", "400", {"status": "incomplete"}, "documentation", PAUSE_PAGE),
    row("past due", "pause itself", "200", {"status": "paused"}),
    row(
        "monthly",
        "pause itself",
        "200",
        {
            "status": "paused",
            "items.data.0.current_period_end": "@now",
            "status_details.paused.subscription.type": "pause_requested",
        },
        "documentation",
        PAUSE_PAGE,
    ),
    row(
        "monthly",
        "pause itself with credit",
        "200",
        {"status": "paused"},
        "documentation",
        PAUSE_PAGE,
    ),
    row(
        "monthly",
        "pause itself, then a period",
        "200",
        {"status": "paused"},
        "SDK types",
        "Subscription.pause, stripe-python 16.1.0",
    ),
    row(
        "a change waits for its payment",
        "pause itself",
        "200",
        {"status": "paused", "pending_update": None},
        "documentation",
        PAUSE_PAGE,
    ),
    row("monthly", "resume on success", "400", {"status": "active"}, "documentation", PAUSE_PAGE),
    row(
        "paused itself",
        "cancel at period end",
        "200",
        {"status": "paused", "cancel_at_period_end": True},
    ),
    row("paused itself", "cancel now", "200", {"status": "canceled"}),
    row(
        "incomplete",
        "cancel at period end",
        "400",
        {"status": "incomplete", **_UNTOUCHED},
        "SDK types",
        SDK_STATUS,
    ),
    row(
        "incomplete", "only metadata", "200", {"metadata.contract": "kept"}, "SDK types", SDK_STATUS
    ),
    row("incomplete", "cancel now", "200", {"status": "canceled"}),
    row(
        "customer has 30 % forever",
        "a period passes",
        "200",
        {"discounts": [], "latest_invoice.total": 2030},
        "SDK types",
        "SubscriptionCreateParams.discounts, stripe-python 16.1.0",
    ),
    row(
        "customer has 30 % forever",
        "a coupon, nothing kept, then a period",
        "200",
        {"latest_invoice.total": 2610},
        "third party",
        "https://github.com/bitwarden/server/pull/7831",
    ),
    row(
        "customer has 30 % forever",
        "a coupon beside the one there",
        "200",
        {"discounts.1.object": "discount"},
    ),
    row(
        "50 % once",
        "60 more days of trial",
        "200",
        {"discounts": [], "latest_invoice.total": 0},
        "documentation",
        COUPON_PAGE,
    ),
    row(
        "50 % once",
        "a period passes",
        "200",
        {"discounts": [], "latest_invoice.total": 1450},
        "documentation",
        COUPON_PAGE,
    ),
    row(
        "50 % once",
        "pause collection, then a period",
        "200",
        {"discounts": [], "latest_invoice.status": "void"},
    ),
    row(
        "in a trial",
        "preview",
        "200",
        {"result.total": 2900, "result.created": "@first_end"},
        "documentation",
        PREVIEW_PAGE,
    ),
    row(
        "monthly",
        "a metered price",
        "200",
        {"items.data.0.price.recurring.usage_type": "metered"},
        "documentation",
        "https://docs.stripe.com/billing/subscriptions/usage-based",
    ),
    row("monthly", "a metered price with a quantity", "400", {"items.data.0.quantity": 1}),
    row(
        "monthly and yearly items",
        "cancel at period end",
        "200",
        {"cancel_at": "@first_end", "cancel_at_period_end": True},
        "documentation",
        ENDS_PAGE,
    ),
    row(
        "monthly and yearly items",
        "cancel_at=min_period_end",
        "200",
        {"cancel_at": "@first_end", "cancel_at_period_end": False},
        "documentation",
        ENDS_PAGE,
    ),
    row(
        "monthly and yearly items",
        "cancel_at=max_period_end",
        "200",
        {"cancel_at": "@last_end", "cancel_at_period_end": False},
        "documentation",
        ENDS_PAGE,
    ),
    row(
        "monthly and yearly items", "cancel_at=max_billed_until", "200", {"cancel_at": "@last_end"}
    ),
    row(
        "monthly",
        "cancel_at=max_billed_until, no proration",
        "400",
        _UNTOUCHED,
        "documentation",
        PREBILLING_PAGE,
    ),
    row(
        "under a schedule",
        "read the schedule",
        "200",
        {
            "result.end_behavior": "release",
            "result.status": "active",
            "result.phases.0.items.0.quantity": 1,
            "result.default_settings.billing_cycle_anchor": "automatic",
        },
        "SDK types",
        "SubscriptionSchedule, stripe-python 16.1.0",
    ),
    # What the package sends every day.
    row(
        "monthly",
        "cancel at period end",
        "200",
        {
            "status": "active",
            "cancel_at_period_end": True,
            "cancel_at": "@first_end",
            "cancellation_details.reason": "cancellation_requested",
        },
        "documentation",
        "https://docs.stripe.com/billing/subscriptions/cancel",
    ),
    row(
        "monthly",
        "cancel at period end, then a period",
        "200",
        {"status": "canceled", "ended_at": "@first_end"},
        "documentation",
        "https://docs.stripe.com/billing/subscriptions/cancel",
    ),
    row(
        "monthly",
        "cancel now",
        "200",
        {"status": "canceled", "canceled_at": "@now"},
        "documentation",
        "https://docs.stripe.com/api/subscriptions/cancel",
    ),
    row(
        "ended",
        "cancel now",
        "404 resource_missing",
        {"status": "canceled"},
        "third party",
        "the answer to a second DELETE, as the client's own handling expects it",
    ),
    row(
        "ended",
        "cancel at period end",
        "400",
        {"status": "canceled"},
        "documentation",
        "https://docs.stripe.com/error-codes",
    ),
    row(
        "ended",
        "only metadata",
        "200",
        {"metadata.contract": "kept"},
        "documentation",
        "https://docs.stripe.com/error-codes",
    ),
    row(
        "ends with its period",
        "take the cancellation back",
        "200",
        _GOES_ON,
        "documentation",
        "https://docs.stripe.com/billing/subscriptions/cancel",
    ),
    row(
        "ends with its period",
        "take the cancellation back with a coupon",
        "200",
        {**_GOES_ON, "discounts.0.object": "discount"},
        "SDK types",
        SDK_UPDATE,
    ),
    row("ends by date", "take the end by date back", "200", _GOES_ON, "SDK types", SDK_UPDATE),
    row(
        "ends by date in two years",
        "cancel_at=max_period_end",
        "200",
        {"cancel_at": "@first_end", "cancel_at_period_end": False, "status": "active"},
        "documentation",
        ENDS_PAGE,
    ),
    row(
        "ends by date in two years",
        "cancel at period end",
        "200",
        {"cancel_at": "@first_end", "cancel_at_period_end": True},
    ),
    row(
        "ends by date",
        "an end ten days after the period",
        "200",
        {"cancel_at": "@first_end+864000", "status": "active"},
        "SDK types",
        SDK_UPDATE,
    ),
    row(
        "past due",
        "cancel at period end",
        "200",
        {"status": "past_due", "cancel_at_period_end": True},
    ),
    row(
        "past due",
        "cancel now",
        "200",
        {"status": "canceled"},
        "documentation",
        "https://docs.stripe.com/billing/subscriptions/cancel",
    ),
    row(
        "in a trial",
        "cancel at period end",
        "200",
        {"status": "trialing", "cancel_at": "@first_end"},
        "documentation",
        "https://docs.stripe.com/billing/subscriptions/trials",
    ),
    row(
        "in a trial",
        "60 more days of trial",
        "200",
        {"status": "trialing", "latest_invoice.total": 0},
        "documentation",
        "https://docs.stripe.com/billing/subscriptions/trials",
    ),
    row("monthly", "both ways of ending at once", "400", _UNTOUCHED, "SDK types", SDK_UPDATE),
    row(
        "monthly",
        "only a reason",
        "200",
        {"cancellation_details.feedback": "too_expensive", **_GOES_ON},
        "SDK types",
        SDK_UPDATE,
    ),
    row("monthly", "an unknown feedback option", "400", _GOES_ON),
    row(
        "under a schedule",
        "cancel at period end",
        "400",
        _UNTOUCHED,
        "third party",
        "https://github.com/dust-tt/dust/pull/32051",
    ),
    row("under a schedule", "let the schedule end it", "200", {"cancel_at": "@first_end"}),
    row(
        "under a schedule that ends it",
        "release the schedule",
        "200",
        {"schedule": None, "cancel_at": None, "status": "active"},
        "third party",
        "YumaInaura #2955",
    ),
    row(
        "under a schedule that ends it",
        "release the schedule, its end kept",
        "200",
        {"schedule": None, "cancel_at": "@first_end", "status": "active"},
        "SDK types",
        "SubscriptionScheduleReleaseParams, stripe-python 16.1.0",
    ),
    row(
        "40 % forever",
        "a coupon beside the one there",
        "200",
        {"discounts.1.object": "discount"},
        "SDK types",
        SDK_UPDATE,
    ),
    row(
        "40 % forever",
        "a coupon, nothing kept, then a period",
        "200",
        {"latest_invoice.total": 2610},
        "SDK types",
        SDK_UPDATE,
    ),
    row("40 % forever", "remove all discounts", "200", {"discounts": []}, "SDK types", SDK_UPDATE),
    row(
        "monthly",
        "a promotion code",
        "200",
        {"discounts.0.object": "discount"},
        "SDK types",
        SDK_UPDATE,
    ),
    row(
        "monthly",
        "a coupon name of 40",
        "200",
        {},
        "documentation",
        "https://docs.stripe.com/api/coupons/create",
    ),
    row(
        "monthly",
        "a coupon name of 41",
        "400",
        {},
        "documentation",
        "https://docs.stripe.com/api/coupons/create",
    ),
    row(
        "monthly",
        "pause collection",
        "200",
        {"status": "active", "pause_collection.behavior": "void"},
        "documentation",
        "https://docs.stripe.com/billing/subscriptions/pause-payment",
    ),
    row(
        "monthly",
        "unpause collection",
        "200",
        {"pause_collection": None},
        "documentation",
        "https://docs.stripe.com/billing/subscriptions/pause-payment",
    ),
    row(
        "monthly",
        "a yearly price, no proration",
        "200",
        {"billing_cycle_anchor": "@now", "latest_invoice.total": 29000},
        "SDK types",
        SDK_UPDATE,
    ),
    row(
        "monthly",
        "a price without an item id",
        "200",
        {"items.total_count": 2},
        "documentation",
        "https://docs.stripe.com/billing/subscriptions/change-price",
    ),
    row(
        "monthly",
        "a yearly price that may wait",
        "200",
        {
            "items.data.0.price.recurring.interval": "month",
            "pending_update.expires_at": "@now+82800",
            "latest_invoice.status": "open",
        },
        "documentation",
        PENDING_PAGE,
    ),
    row(
        "monthly",
        "a yearly price or an error",
        "402 subscription_payment_intent_requires_action",
        {"items.data.0.price.recurring.interval": "month"},
        "documentation",
        "https://docs.stripe.com/error-codes",
    ),
    row(
        "monthly",
        "preview",
        "200",
        {"result.total": 2900, "result.amount_due": 2900},
        "documentation",
        PREVIEW_PAGE,
    ),
    row(
        "monthly",
        "preview with 25 % off",
        "200",
        {"result.subtotal": 2900, "result.total": 2175, "discounts": []},
        "documentation",
        PREVIEW_PAGE,
    ),
    row(
        "monthly",
        "preview of an end",
        "404 invoice_upcoming_none",
        _GOES_ON,
        "documentation",
        "https://docs.stripe.com/error-codes",
    ),
    # Another plan when the period ends.
    row(
        "monthly",
        "make a schedule",
        "200",
        {
            "result.end_behavior": "release",
            "result.phases.0.end_date": "@first_end",
            "result.phases.0.items.0.quantity": 1,
            "latest_invoice.total": 2900,
        },
        "documentation",
        SCHEDULES_PAGE,
    ),
    row("in a trial", "make a schedule", "200", {"result.phases.0.trial_end": "@first_end"}),
    # Sent along by its coupon, a discount would begin anew.
    row(
        "40 % forever",
        "make a schedule",
        "200",
        {"result.phases.0.discounts.0.coupon": None, "discounts.0.object": "discount"},
    ),
    row(
        "under a schedule",
        "plan a cheaper price",
        "200",
        {
            "items.data.0.price.unit_amount": 2900,
            "items.data.0.current_period_end": "@first_end",
            "latest_invoice.total": 2900,
        },
        "documentation",
        SCHEDULES_PAGE,
    ),
    row(
        "under a schedule",
        "plan a cheaper price, then a period",
        "200",
        {"items.data.0.price.unit_amount": 900, "latest_invoice.total": 900, "status": "active"},
        "documentation",
        SCHEDULES_PAGE,
    ),
    row(
        "40 % forever, under a schedule",
        "plan a cheaper price",
        "200",
        {"discounts.0.object": "discount"},
    ),
    row(
        "40 % forever, under a schedule",
        "plan a cheaper price, then a period",
        "200",
        {"latest_invoice.total": 540, "discounts.0.object": "discount"},
    ),
    row(
        "40 % forever, under a schedule",
        "the running phase without its discounts",
        "200",
        {"discounts": []},
        "SDK types",
        SDK_PHASES,
    ),
    row(
        "under a schedule", "the running phase with an unknown discount", "400 resource_missing", {}
    ),
    row(
        "under a schedule", "the running phase without a start", "400", {}, "SDK types", SDK_PHASES
    ),
    row(
        "under a schedule",
        "the running phase for one iteration",
        "400 parameter_unknown",
        {},
        "third party",
        "letsrevel/revel-backend#786",
    ),
    row(
        "under a schedule",
        "the running phase with an end and a duration",
        "400",
        {},
        "SDK types",
        SDK_PHASES,
    ),
    row(
        "another plan comes with its schedule",
        "cancel at period end",
        "400",
        _GOES_ON,
        "third party",
        "dust-tt/dust#32051",
    ),
    row(
        "another plan comes with its schedule",
        "release the schedule",
        "200",
        {"schedule": None, "items.data.0.price.unit_amount": 2900, "cancel_at": None},
        "documentation",
        RELEASE_PAGE,
    ),
    row(
        "another plan comes with its schedule",
        "cut the schedule ten days after the period",
        "200",
        {"cancel_at": "@first_end+864000", "items.data.0.price.unit_amount": 2900},
    ),
    row(
        "another plan comes with its schedule",
        "pause collection",
        "200",
        {"pause_collection.behavior": "void"},
    ),
    # Promotion codes, feedback options, accounts, and what follows on a pause.
    row("monthly", "a promotion code that is switched off", "400", {"discounts": []}),
    row("monthly", "a promotion code of another customer", "400", {"discounts": []}),
    row("monthly", "list the feedback options", "200", {"result.object": "list"}),
    row(
        "monthly",
        "read the own account",
        "200",
        {"result.object": "account"},
        "documentation",
        "https://docs.stripe.com/api/accounts/retrieve",
    ),
    row(
        "monthly",
        "read as an account that is not connected",
        "403 account_invalid",
        {},
        "documentation",
        "https://docs.stripe.com/error-codes",
    ),
    row(
        "paused itself",
        "end the pause as the package does, then a period",
        "200",
        {
            "status": "active",
            "latest_invoice.billing_reason": "subscription_cycle",
            "latest_invoice.status": "paid",
        },
    ),
    row("monthly", "leap three periods", "400", {"status": "active"}, "documentation", CLOCKS_PAGE),
    # The package's own way with what release 0.1 did wrong: docs/explanation/what-0.1-did-wrong.md.
    row(
        "customer has 30 % forever",
        "10 % off as the package gives it, then a period",
        "200",
        {"discounts.1.object": "discount", "latest_invoice.total": 1827},
    ),
    row(
        "monthly and yearly items",
        "cancel as the package does",
        "200",
        {"result.outcome": "done", "cancel_at": "@last_end"},
        "documentation",
        ENDS_PAGE,
    ),
    row(
        "another plan comes with its schedule",
        "cancel as the package does",
        "200",
        {"result.outcome": "done", "schedule": None, "cancel_at": "@first_end"},
        "documentation",
        RELEASE_PAGE,
    ),
    row(
        "incomplete",
        "cancel as the package does",
        "200",
        {"result.outcome": "done", "status": "canceled"},
    ),
    row(
        "paused itself",
        "cancel as the package does",
        "200",
        {"result.outcome": "done", "status": "canceled"},
    ),
    row(
        "yearly",
        "50 % off as the package gives it",
        "200",
        {"result.code": "no_payment_falls_into_the_discount", "discounts": []},
        "documentation",
        COUPON_PAGE,
    ),
    row(
        "yearly, paid in 20 days",
        "50 % off as the package gives it",
        "200",
        {"result.code": "payment_pays_for_more_than_the_discount", "discounts": []},
        "documentation",
        COUPON_PAGE,
    ),
    row(
        "monthly",
        "10 % off as the package gives it",
        "200",
        {
            "result.coupon.name": "10% off for 3 months",
            "result.coupon.metadata.made_by": "aiocancel",
            "discounts.0.object": "discount",
        },
        "documentation",
        "https://docs.stripe.com/api/coupons/create",
    ),
    # Each expanded field needs a permission of a restricted key.
    row(
        "monthly",
        "cancel as the package does",
        "200",
        {"result.outcome": "done", "result.expanded": [], "cancel_at": "@first_end"},
        "documentation",
        PERMISSIONS_PAGE,
    ),
    row(
        "paid in 20 hours",
        "a pause of itself from the period's end as the package makes it",
        "200",
        {"result.outcome": "promised", "status": "active"},
        "documentation",
        PAUSE_PAGE,
    ),
    row(
        "in a trial",
        "a pause of itself as the package makes it",
        "200",
        {"result.code": "a_trial_cannot_be_paused", "status": "trialing"},
        "documentation",
        PAUSE_PAGE,
    ),
    row(
        "under a schedule",
        "cancel as the package does",
        "200",
        {
            "result.outcome": "done",
            "cancel_at": "@first_end",
            "cancellation_details.feedback": "too_expensive",
        },
    ),
    row("ends by date beyond a weekly period", "resume as the package does", "200", _GOES_ON),
    row(
        "50 % once",
        "a longer trial as the package gives it",
        "200",
        {"result.code": "a_discount_would_be_used_up", "discounts.0.object": "discount"},
        "documentation",
        COUPON_PAGE,
    ),
    row(
        "monthly",
        "a yearly price as the package changes it",
        "200",
        {"result.code": "plan_would_be_billed_at_once", "latest_invoice.total": 2900},
        "SDK types",
        SDK_UPDATE,
    ),
    row(
        "monthly",
        "a metered price as the package changes it",
        "200",
        {"result.outcome": "done", "items.data.0.price.recurring.usage_type": "metered"},
        "documentation",
        "https://docs.stripe.com/billing/subscriptions/usage-based",
    ),
)
