"""Offers that wait: a pause for the period's end, another plan for its payment; nothing else waits behind them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.postgres.ledger import Ledger
from aiocancel.telemetry import ActionParked, ActionRefused, AttemptFailed
from aiocancel.testing.stripe.simulator import Fault
from tests.support.company import Company
from tests.support.deferred_offers import DAY, has_ended, states, status, wake
from tests.support.saas import as_customer
from tests.support.waiting import until

PAUSE = "offr_pause_subscription"
BY_LINK = OfferRules(plan_payment="pending")


def pause_from_period_end(company: Company) -> None:
    (pause,) = [offer for offer in company.flows.offers if offer["id"] == PAUSE]
    pause["details"]["pause_at"] = "period_end"


def move_period_end(company: Company, end: int) -> None:
    company.subscription["items"]["data"][0]["current_period_end"] = end


async def deferred_pause(company: Company) -> dict[str, Any]:
    """A pause from the period's end, ten days before it."""
    pause_from_period_end(company)
    company.stripe.add_subscription("sub_1", current_period_end=company.stripe.now + 10 * DAY)
    await company.open()
    return await company.claim(company.accepted(PAUSE))


async def test_a_pause_from_the_periods_end_is_promised_with_its_date_and_made_shortly_before(
    company: Company,
) -> None:
    answer = await deferred_pause(company)
    ends = company.subscription["items"]["data"][0]["current_period_end"]
    assert (answer["outcome"], answer["settled"]) == ("scheduled", True)
    assert answer["effective_at"] == f"{datetime.fromtimestamp(ends, UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert "begins on" in answer["message"]
    assert company.changes() == []
    due = await company.pool.fetchval("SELECT due_at FROM aiocancel.action WHERE deferred")
    assert int(due.timestamp()) == ends - DAY
    move_period_end(company, company.stripe.now + DAY // 2)
    await wake(company)
    await until(lambda: company.changes() == ["pause_collection"])
    await until(lambda: has_ended(company))

    assert (await status(company, answer))["outcome"] == "done"


async def test_a_cancellation_does_not_wait_behind_a_pause_that_is_to_come_and_ends_it(
    company: Company,
) -> None:
    promised = await deferred_pause(company)
    assert company.client is not None
    body = {"grant": await company.grant(), "status": "canceled"}
    response = await company.client.post("/cancel/result", json=body, headers=as_customer("ada"))
    assert (await response.json())["outcome"] == "scheduled"
    assert company.changes() == ["cancel_at_period_end"]
    await wake(company)
    await until(lambda: has_ended(company))

    assert await states(company) == [("refused", "subscription_is_ending")]
    assert await company.events.codes(ActionRefused) == ["subscription_is_ending"]
    assert (await status(company, promised))["outcome"] == "refused"
    assert company.changes() == ["cancel_at_period_end"]


async def test_a_pause_that_was_to_come_and_whose_payment_was_made_first_is_left_to_a_human(
    company: Company,
) -> None:
    await deferred_pause(company)
    await company.pool.execute(
        "UPDATE aiocancel.action SET takes_effect_at = now() - interval '1 hour' WHERE deferred"
    )
    move_period_end(company, company.stripe.now + 30 * DAY)
    await wake(company)
    await until(lambda: has_ended(company))
    assert await company.events.codes(ActionParked) == ["payment_came_before_the_pause"]
    assert company.changes() == []


async def test_a_pause_whose_period_now_ends_later_waits_for_that(company: Company) -> None:
    answer = await deferred_pause(company)
    later = company.stripe.now + 20 * DAY
    move_period_end(company, later)
    await wake(company)

    moved = f"{datetime.fromtimestamp(later, UTC):%Y-%m-%dT%H:%M:%SZ}"

    async def has_moved() -> bool:
        return bool((await status(company, answer))["effective_at"] == moved)

    await until(has_moved)
    assert await states(company) == [("waiting", None)]


@pytest.mark.parametrize(
    "fault", ["error_500_before", "error_500_after", "drop_after", "rate_limit_429"]
)
async def test_a_pause_that_wakes_is_made_once_whatever_becomes_of_stripes_answer(
    company: Company, fault: Any
) -> None:
    await deferred_pause(company)
    move_period_end(company, company.stripe.now + DAY // 2)
    company.stripe.inject(Fault(fault, method="POST"))
    await wake(company)
    await until(lambda: has_ended(company))
    assert await states(company) == [("done", None)]
    assert company.changes() == ["pause_collection"]


async def test_what_waits_for_its_date_can_be_withdrawn_and_nothing_else(company: Company) -> None:
    answer = await deferred_pause(company)
    ledger = Ledger(company.pool, hooks=True)
    assert await ledger.withdraw_deferred(SubscriptionId("sub_2")) == 0
    counts = await asyncio.gather(
        *(ledger.withdraw_deferred(SubscriptionId("sub_1")) for _ in range(4))
    )

    assert sorted(counts) == [0, 0, 0, 1]
    assert await states(company) == [("refused", "withdrawn")]
    assert (await status(company, answer))["outcome"] == "refused"
    assert (
        await company.pool.fetchval(
            "SELECT count(*) FROM aiocancel.journal WHERE code = 'withdrawn'"
        )
        == 1
    )


async def test_however_long_something_waited_its_first_failure_afterwards_is_no_reason_to_give_up(
    company: Company,
) -> None:
    await deferred_pause(company)
    await company.pool.execute(
        "UPDATE aiocancel.action SET attempts = 500, excused = 500, created_at = now() - interval '1 year'"
        " WHERE deferred"
    )
    move_period_end(company, company.stripe.now + DAY // 2)
    company.stripe.inject(Fault("rate_limit_429", method="GET"))
    await wake(company)
    await until(lambda: has_ended(company))
    assert await states(company) == [("done", None)]


# --- a pause of the subscription itself ---------------------------------------------------------------


async def paused_itself(company: Company, **shape: Any) -> dict[str, Any]:
    company.stripe.add_subscription("sub_1", customer="cus_1", **shape)
    await company.open(company.plug_in(offer_rules=OfferRules(pause_mechanism="pause")))
    return await company.claim(company.accepted(PAUSE))


async def end_of_pause(company: Company) -> tuple[str, str | None]:
    row = await company.pool.fetchrow(
        "SELECT state, parked_code FROM aiocancel.action WHERE kind = 'end_pause'"
    )
    assert row is not None
    return row["state"], row["parked_code"]


async def pause_is_over(company: Company) -> bool:
    return (await end_of_pause(company))[0] not in ("waiting", "running")


async def test_a_pause_of_the_subscription_itself_is_ended_by_us_when_its_time_has_come(
    company: Company,
) -> None:
    answer = await paused_itself(company)
    assert (answer["outcome"], company.subscription["status"]) == ("done", "paused")
    due = await company.pool.fetchval(
        "SELECT due_at FROM aiocancel.action WHERE kind = 'end_pause' AND deferred"
    )
    assert 58 * DAY < due.timestamp() - company.stripe.now < 63 * DAY
    assert (
        await company.pool.fetchval("SELECT recovery_point FROM aiocancel.claim")
        == "action_applied"
    )
    await wake(company)
    await until(lambda: pause_is_over(company))

    assert await end_of_pause(company) == ("done", None)
    assert company.changes() == ["pause", "unpause"]
    assert (await status(company, answer))["outcome"] == "done"


@pytest.mark.parametrize(
    ("since", "ended"),
    [
        ({"status": "active"}, ("done", None)),
        ({"status": "canceled"}, ("refused", "subscription_has_ended")),
        ({"cancel_at_period_end": True}, ("refused", "subscription_is_ending")),
    ],
    ids=["unpaused", "cancelled", "cancelling"],
)
async def test_the_end_of_a_pause_does_nothing_to_a_customer_who_chose_something_else(
    company: Company, since: dict[str, Any], ended: tuple[str, str | None]
) -> None:
    await paused_itself(company)
    company.subscription.update(since)
    await wake(company)
    await until(lambda: pause_is_over(company))
    assert await end_of_pause(company) == ended
    assert company.changes() == ["pause"]


async def test_the_end_of_a_pause_can_be_withdrawn(company: Company) -> None:
    answer = await paused_itself(company)
    assert await Ledger(company.pool).withdraw_deferred(SubscriptionId("sub_1")) == 1
    assert (await status(company, answer))["outcome"] == "done"


async def test_a_pause_of_the_subscription_itself_needs_flexible_billing(company: Company) -> None:
    answer = await paused_itself(company, billing_mode={"type": "classic", "flexible": None})
    assert answer["outcome"] == "manual"
    assert await company.events.codes(ActionParked) == ["pause_needs_flexible_billing"]
    assert company.changes() == []


@pytest.mark.parametrize(
    "fault", ["error_500_before", "error_500_after", "drop_after", "truncate_after"]
)
@pytest.mark.parametrize("path", ["/pause", "/resume"])
async def test_a_pause_is_made_and_ended_once_whatever_becomes_of_stripes_answer(
    company: Company, path: str, fault: Any
) -> None:
    company.stripe.inject(Fault(fault, method="POST", path_contains=path))
    assert (await paused_itself(company))["outcome"] == "done"
    await wake(company)
    await until(lambda: pause_is_over(company))

    assert await end_of_pause(company) == ("done", None)
    assert company.changes() == ["pause", "unpause"]
    assert (
        await company.pool.fetchval(
            "SELECT count(*) FROM aiocancel.action WHERE kind = 'end_pause'"
        )
        == 1
    )


def resumptions(company: Company) -> int:
    """How often Stripe was asked to let the subscription go on."""
    return sum(request.path.endswith("/resume") for request in company.stripe.requests)


async def looks(company: Company) -> int:
    return int(
        await company.pool.fetchval(
            "SELECT attempts FROM aiocancel.action WHERE kind = 'end_pause' AND state = 'waiting'"
        )
        or 0
    )


async def wait_for_payment(company: Company) -> None:
    """A pause whose time is over, and whose payment the customer's bank wants to have confirmed."""
    # Less is credited than the new period costs, so that there is something to pay.
    await paused_itself(company, current_period_end=company.stripe.now + 10 * DAY)
    company.stripe.payments_need_action.add("cus_1")
    await wake(company)
    codes = await company.events.codes(AttemptFailed)
    assert codes == ["resumption_is_not_paid"]
    await until(lambda: has_looked_since(company, 0))


async def has_looked_since(company: Company, before: int) -> bool:
    return await looks(company) > before


async def look_again(company: Company) -> None:
    before = await looks(company)
    await wake(company)

    async def has_looked() -> bool:
        return await pause_is_over(company) or await has_looked_since(company, before)

    await until(has_looked)


async def test_the_end_of_a_pause_is_asked_for_once_and_watched_until_it_is_paid(
    company: Company,
) -> None:
    await wait_for_payment(company)
    # However long Stripe tries: not even a key that Stripe has forgotten leads to another invoice.
    await company.pool.execute(
        "UPDATE aiocancel.action SET key_used_at = now() - interval '30 hours', "
        "created_at = created_at - interval '200 days' WHERE kind = 'end_pause'"
    )
    for _ in range(3):
        await look_again(company)
    assert company.changes() == ["pause", "resumption_invoice"]
    assert resumptions(company) == 1

    company.subscription["status"] = "active"
    await wake(company)

    await until(lambda: pause_is_over(company))
    assert await end_of_pause(company) == ("done", None)
    assert await company.events.codes(AttemptFailed) == ["resumption_is_not_paid"]


async def test_the_end_of_a_pause_is_left_to_a_person_when_stripe_tries_no_more(
    company: Company,
) -> None:
    await wait_for_payment(company)

    company.stripe.invoices[company.subscription["latest_invoice"]]["status"] = "void"
    await wake(company)

    await until(lambda: pause_is_over(company))
    assert await end_of_pause(company) == ("parked", "resumption_is_not_paid")
    assert resumptions(company) == 1


async def test_a_customer_who_ends_the_pause_meanwhile_is_shown_where_to_pay(
    company: Company,
) -> None:
    await wait_for_payment(company)
    assert company.client is not None
    body = {"grant": await company.grant(), "status": "unpaused"}

    response = await company.client.post("/cancel/result", json=body, headers=as_customer("ada"))

    assert (await response.json())["outcome"] == "needs_payment_action"
    assert resumptions(company) == 1


@pytest.mark.parametrize("fault", ["error_500_after", "drop_after", "truncate_after"])
async def test_a_lost_answer_to_the_end_of_a_pause_leads_to_no_second_invoice(
    company: Company, fault: Any
) -> None:
    company.stripe.inject(Fault(fault, method="POST", path_contains="/resume"))
    await wait_for_payment(company)
    assert company.changes() == ["pause", "resumption_invoice"]


@pytest.mark.parametrize(
    ("card", "code"),
    [(None, "no_payment_method"), ("pm_card_chargeCustomerFail", "card_declined")],
)
async def test_a_pause_that_cannot_end_is_told_at_once(
    company: Company, card: str | None, code: str
) -> None:
    company.stripe.unverified.declined_resumption = "card_error"
    company.stripe.add_customer("cus_1", payment_method=card)
    await paused_itself(company, current_period_end=company.stripe.now + 10 * DAY)

    await wake(company)

    await until(lambda: pause_is_over(company))
    assert await end_of_pause(company) == ("parked", code)


async def test_a_pause_that_a_customer_cannot_end_by_hand_still_ends_on_its_day(
    company: Company,
) -> None:
    company.stripe.unverified.declined_resumption = "card_error"
    await paused_itself(company, current_period_end=company.stripe.now + 10 * DAY)
    company.stripe.inject(Fault("card_declined_402", method="POST", path_contains="/resume"))
    assert company.client is not None
    body = {"grant": await company.grant(), "status": "unpaused"}
    response = await company.client.post("/cancel/result", json=body, headers=as_customer("ada"))

    assert (await response.json())["outcome"] == "manual"
    assert await end_of_pause(company) == ("waiting", None)
    assert company.subscription["status"] == "paused"

    await wake(company)
    await until(lambda: pause_is_over(company))
    assert await end_of_pause(company) == ("done", None)
    assert company.subscription["status"] == "active"


async def test_a_pause_of_the_subscription_itself_takes_no_paid_day_away(company: Company) -> None:
    pause_from_period_end(company)
    answer = await paused_itself(company, current_period_end=company.stripe.now + 20 * 3600)
    ends = company.subscription["items"]["data"][0]["current_period_end"]

    due = await company.pool.fetchval("SELECT due_at FROM aiocancel.action WHERE deferred")

    assert answer["outcome"] == "scheduled"
    assert 0 < ends - int(due.timestamp()) <= 1800
    assert company.changes() == []


async def test_a_trial_is_not_paused(company: Company) -> None:
    answer = await paused_itself(
        company, status="trialing", trial_end=company.stripe.now + 10 * DAY
    )
    assert answer["outcome"] == "manual"
    assert await company.events.codes(ActionParked) == ["a_trial_cannot_be_paused"]
    assert company.changes() == []


# --- another plan whose payment the customer must confirm ---------------------------------------------


async def unpaid_plan(company: Company, rules: OfferRules = BY_LINK) -> dict[str, Any]:
    # Another interval is billed at once, and little of the year is left to be credited.
    company.stripe.add_subscription(
        "sub_1",
        customer="cus_1",
        price="price_year",
        interval="year",
        current_period_end=company.stripe.now + 10 * DAY,
    )
    company.stripe.payments_need_action.add("cus_1")
    await company.open(company.plug_in(offer_rules=rules))
    return await company.claim(company.accepted("offr_change_plan"))


async def test_a_plan_whose_payment_must_be_confirmed_comes_with_the_payment(
    company: Company,
) -> None:
    answer = await unpaid_plan(company)
    url = company.stripe.invoices[company.subscription["latest_invoice"]]["hosted_invoice_url"]
    assert (answer["outcome"], answer["payment_url"], answer["settled"]) == (
        "needs_payment_action",
        url,
        True,
    )
    assert company.client is not None
    headers = {**as_customer("ada"), "Accept": "text/html"}
    page = await (await company.client.get(answer["status_url"], headers=headers)).text()
    assert f'href="{url}"' in page
    # It is looked at again and again, and asked for once.
    await wake(company)
    await until(lambda: is_deferred_again(company))
    assert company.changes() == ["pending_update"]
    company.stripe.pay_latest_invoice("sub_1")
    await wake(company)
    await until(lambda: has_ended(company))
    told = await status(company, answer)

    assert (told["outcome"], told["payment_url"]) == ("done", None)
    assert company.subscription["items"]["data"][0]["price"]["id"] == "price_simulator_basic"


async def is_deferred_again(company: Company) -> bool:
    return bool(
        await company.pool.fetchval(
            "SELECT true FROM aiocancel.action WHERE deferred AND due_at > now() LIMIT 1"
        )
    )


async def test_a_plan_whose_payment_never_came_ends_as_refused(company: Company) -> None:
    answer = await unpaid_plan(company)
    company.subscription["pending_update"] = None
    await wake(company)
    await until(lambda: has_ended(company))
    assert await states(company) == [("refused", "payment_was_not_made")]
    assert (await status(company, answer))["outcome"] == "refused"
    assert company.changes() == ["pending_update"]


async def test_withdrawing_what_waits_for_its_date_leaves_what_waits_for_a_payment(
    company: Company,
) -> None:
    await unpaid_plan(company)
    assert await Ledger(company.pool).withdraw_deferred(SubscriptionId("sub_1")) == 0


async def test_a_customer_whose_plan_waits_for_a_payment_can_leave(company: Company) -> None:
    await unpaid_plan(company)
    assert company.client is not None
    body = {"grant": await company.grant(), "status": "canceled"}
    response = await company.client.post("/cancel/result", json=body, headers=as_customer("ada"))
    assert (await response.json())["outcome"] == "scheduled"
    await wake(company)
    await until(lambda: has_ended(company))
    assert await states(company) == [("refused", "subscription_is_ending")]


async def test_where_no_plan_may_wait_a_payment_that_does_not_go_through_refuses_the_offer(
    company: Company,
) -> None:
    assert (await unpaid_plan(company, OfferRules()))["outcome"] == "refused"
    # The customer is told that the payment failed; Stripe's word for it stands with the attempt.
    assert await company.events.codes(ActionRefused) == ["payment_declined"]
    assert await company.events.codes(AttemptFailed) == [
        "subscription_payment_intent_requires_action"
    ]
    assert company.changes() == []


@pytest.mark.parametrize(
    "fault", ["error_500_before", "error_500_after", "drop_after", "truncate_after"]
)
async def test_a_plan_that_waits_is_asked_for_once_whatever_becomes_of_stripes_answer(
    company: Company, fault: Any
) -> None:
    company.stripe.inject(Fault(fault, method="POST", path_contains="/v1/subscriptions"))
    assert (await unpaid_plan(company))["outcome"] == "needs_payment_action"
    assert company.changes() == ["pending_update"]
