"""Accepted offers, from the post to Stripe: the vendor's word decides, and every offer is made once."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from aiocancel import CustomOffer, OfferLimits, StripeBilling
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.telemetry import ActionParked, ActionRefused, PageFactsMissing
from aiocancel.testing.stripe.simulator import Fault
from tests.support.company import Company
from tests.support.saas import STRIPE_KEY, add_customer, as_customer
from tests.support.stripe_params import check_params
from tests.support.waiting import until

DAY = 24 * 3600
AT_STRIPE = ["offr_coupon", "offr_trial_extension", "offr_change_plan", "offr_pause_subscription"]


async def test_an_accepted_coupon_is_made_once_and_put_beside_the_discounts_that_are_there(
    company: Company,
) -> None:
    company.stripe.add_coupon("LOYAL", percent_off=10, duration="forever")
    company.stripe.add_subscription("sub_1", discounts=["LOYAL"])
    await company.open()
    answer = await company.claim(company.accepted("offr_coupon"))
    assert (answer["outcome"], answer["change"]) == ("done", "offer")
    coupons = [
        company.stripe.discounts[each]["source"]["coupon"]
        for each in company.subscription["discounts"]
    ]
    assert coupons[0] == "LOYAL"
    made = company.stripe.coupons[coupons[1]]

    assert (made["percent_off"], made["duration"], made["duration_in_months"]) == (
        25,
        "repeating",
        3,
    )
    assert company.changes() == ["discounts"]


async def test_the_discount_of_the_customer_is_kept_beside_the_new_one(company: Company) -> None:
    company.stripe.add_coupon("VIP", percent_off=30, duration="forever")
    company.stripe.add_customer("cus_1", discount="VIP")
    company.stripe.add_subscription("sub_1", customer="cus_1")
    await company.open()

    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "done"

    coupons = [
        company.stripe.discounts[each]["source"]["coupon"]
        for each in company.subscription["discounts"]
    ]
    assert coupons[0] == "VIP"
    assert coupons[1].startswith("aiocancel-")
    assert company.changes() == ["discounts"]


async def test_an_offer_that_would_cost_the_customer_a_discount_changes_nothing(
    company: Company,
) -> None:
    company.stripe.unverified.discount_of_the_customer = "refused"
    company.stripe.add_coupon("VIP", percent_off=30, duration="forever")
    company.stripe.add_customer("cus_1", discount="VIP")
    company.stripe.add_subscription("sub_1", customer="cus_1")
    await company.open()

    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "manual"

    assert await company.events.codes(ActionParked) == ["customer_discount_would_be_lost"]
    assert company.subscription["discounts"] == []


async def test_a_promotion_code_is_given_in_the_place_of_its_coupon(company: Company) -> None:
    company.stripe.add_coupon("WINBACK", percent_off=20, duration="forever")
    code = company.stripe.add_promotion_code("COMEBACK", "WINBACK")
    (coupon,) = [offer for offer in company.flows.offers if offer["id"] == "offr_coupon"]
    coupon["details"]["platform_coupon_id"] = "WINBACK"
    company.stripe.add_subscription("sub_1")
    billing = StripeBilling(
        api_key=STRIPE_KEY, api_base=company.stripe_url, promotion_codes={"WINBACK": code["id"]}
    )
    await company.open(company.plug_in(billing=billing))

    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "done"

    (given,) = company.subscription["discounts"]
    assert company.stripe.discounts[given]["promotion_code"] == code["id"]


@pytest.mark.parametrize(
    ("languages", "name"),
    [(["en", "de"], "25% off for 3 months"), (["de-AT", "en"], "25% Rabatt für 3 Monate")],
    ids=["English", "German"],
)
async def test_customers_read_on_their_invoice_what_they_were_given(
    company: Company, languages: list[str], name: str
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(languages=languages))

    await company.claim(company.accepted("offr_coupon"))

    (made,) = company.stripe.coupons.values()
    assert made["name"] == name
    assert made["metadata"] == {"made_by": "aiocancel"}


@pytest.mark.parametrize("stands_on", ["subscription", "item"])
async def test_a_discount_for_one_payment_is_not_used_up_by_a_longer_trial(
    company: Company, stands_on: str
) -> None:
    company.stripe.add_coupon("ONCE", percent_off=50, duration="once")
    on_it = stands_on == "subscription"
    company.stripe.add_subscription("sub_1", discounts=["ONCE"] if on_it else [])
    if not on_it:
        company.subscription["items"]["data"][0]["discounts"] = ["di_of_the_item"]
    await company.open()

    assert (await company.claim(company.accepted("offr_trial_extension")))["outcome"] == "manual"

    assert await company.events.codes(ActionParked) == ["a_discount_would_be_used_up"]
    assert company.changes() == []


async def test_a_discount_that_no_payment_of_a_year_would_get_is_left_to_a_person(
    company: Company,
) -> None:
    company.stripe.add_subscription(
        "sub_1", interval="year", current_period_end=company.stripe.now + 300 * DAY
    )
    await company.open()

    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "manual"

    assert await company.events.codes(ActionParked) == ["no_payment_falls_into_the_discount"]
    assert company.stripe.effects == []


async def test_no_year_is_billed_at_once_without_credit(company: Company) -> None:
    (plan,) = [offer for offer in company.flows.offers if offer["id"] == "offr_change_plan"]
    plan["details"]["prorate"] = False
    company.stripe.add_subscription("sub_1", interval="year", price="price_year")
    await company.open()

    assert (await company.claim(company.accepted("offr_change_plan")))["outcome"] == "manual"

    assert await company.events.codes(ActionParked) == ["plan_would_be_billed_at_once"]
    assert company.changes() == []


@pytest.mark.parametrize(
    ("offer", "shape"),
    [
        ("offr_change_plan", {"price": "price_simulator_basic"}),
        (
            "offr_pause_subscription",
            {"pause_collection": {"behavior": "void", "resumes_at": None}},
        ),
    ],
)
async def test_a_choice_that_is_so_already_is_done_and_parks_nothing(
    company: Company, offer: str, shape: dict[str, Any]
) -> None:
    company.stripe.add_subscription("sub_1", **shape)
    await company.open()

    assert (await company.claim(company.accepted(offer)))["outcome"] == "done"

    assert company.changes() == []
    assert not company.events.of(ActionParked)


async def test_a_coupon_that_ends_tomorrow_is_not_told_as_three_months(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "done"
    (ours,) = company.subscription["discounts"]
    company.stripe.discounts[ours]["end"] = company.stripe.now + 24 * 3600
    # Half a year has gone by, as far as the owner's time between gifts goes.
    await company.pool.execute("UPDATE aiocancel.action SET created_at = now() - interval '1 year'")

    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "manual"

    assert await company.events.codes(ActionParked) == ["coupon_ends_earlier"]
    assert company.changes() == ["discounts"]


async def test_an_accepted_trial_extension_moves_the_end_of_the_trial_and_no_money(
    company: Company,
) -> None:
    ends = company.stripe.now + 5 * DAY
    company.stripe.add_subscription("sub_1", status="trialing", trial_end=ends)
    await company.open()
    assert (await company.claim(company.accepted("offr_trial_extension")))["outcome"] == "done"
    assert company.subscription["trial_end"] == ends + 14 * DAY
    assert company.changes() == ["trial_end"]


async def test_an_accepted_plan_replaces_the_price_and_keeps_the_item(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    item = company.subscription["items"]["data"][0]["id"]
    await company.open()
    assert (await company.claim(company.accepted("offr_change_plan")))["outcome"] == "done"
    (now,) = company.subscription["items"]["data"]
    assert (now["id"], now["price"]["id"]) == (item, "price_simulator_basic")
    assert company.changes() == ["items"]


@pytest.mark.parametrize(
    ("offer", "said"),
    [
        ("offr_coupon", "You get 25% off your next 3 payments."),
        ("offr_trial_extension", "Your trial goes on until "),
        ("offr_change_plan", "You are on Simulator basic now."),
        ("offr_pause_subscription", "Payments are paused until "),
    ],
)
async def test_customer_is_told_what_an_offer_did_in_the_answer_and_on_the_page(
    company: Company, offer: str, said: str
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    # What is remembered of the subscription is from before.
    assert company.client is not None
    await company.client.get("/cancel", headers=as_customer("ada"))

    answer = await company.claim(company.accepted(offer))
    page = await company.client.get(
        answer["status_url"], headers={**as_customer("ada"), "Accept": "text/html"}
    )

    assert answer["message"].startswith(said)
    assert answer["message"].endswith("Your subscription is not cancelled.")
    did, _ = answer["message"].split(". ")
    assert f">{did}</h1>" in await page.text()
    assert "Your subscription is not cancelled." in await page.text()


async def test_offer_is_told_without_stripe_as_far_as_the_ledger_knows_it(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiocancel.billing.page_facts._REMEMBER_S", 0.0)
    company.stripe.add_subscription("sub_1")
    await company.open()
    answer = await company.claim(company.accepted("offr_coupon"))
    company.stripe.inject(Fault("bad_gateway_502"))

    assert company.client is not None
    told = await company.client.get(answer["status_url"], headers=as_customer("ada"))

    assert (await told.json())["message"] == "You get 25% off for 3 months."
    (missing,) = await company.events.first(PageFactsMissing)
    assert missing.subscription_id == "sub_1"


async def test_an_accepted_plan_keeps_the_seats(company: Company) -> None:
    company.stripe.add_subscription("sub_1", quantity=7)
    await company.open()
    assert (await company.claim(company.accepted("offr_change_plan")))["outcome"] == "done"
    assert company.subscription["items"]["data"][0]["quantity"] == 7


@pytest.mark.parametrize("behavior", ["keep_as_draft", "mark_uncollectible", "void"])
async def test_an_accepted_pause_stops_collecting_in_the_owners_way(
    company: Company, behavior: Any
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(offer_rules=OfferRules(pause_behavior=behavior)))
    assert (await company.claim(company.accepted("offr_pause_subscription")))["outcome"] == "done"
    assert company.subscription["pause_collection"]["behavior"] == behavior
    assert (
        58 * DAY
        < company.subscription["pause_collection"]["resumes_at"] - company.stripe.now
        < 63 * DAY
    )
    assert company.changes() == ["pause_collection"]


async def test_a_custom_offer_reaches_its_handler_and_again_after_a_failure_with_the_same_key(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    cancel, seen = company.plug_in(), list[CustomOffer]()

    @cancel.on_offer("code")
    async def book_a_call(offer: CustomOffer) -> None:
        seen.append(offer)
        if len(seen) == 1:
            raise ConnectionError

    await company.open(cancel)
    answer = await company.claim(company.accepted("offr_custom"))
    assert answer["outcome"] == "done"
    assert [offer.metadata for offer in seen] == [{"code": "onboarding-call"}] * 2
    assert {(offer.customer_id, offer.subscription_id) for offer in seen} == {("ada", "sub_1")}
    assert len({offer.key for offer in seen}) == 1
    assert company.changes() == []


async def test_a_custom_offer_without_a_handler_waits_for_a_human(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    assert (await company.claim(company.accepted("offr_custom")))["outcome"] == "manual"
    assert await company.events.codes(ActionParked) == ["no_handler_for_this_offer"]


FORGED: list[Any] = [
    pytest.param(
        "no such session", "flow_session_unknown", id="a flow session that the vendor does not know"
    ),
    pytest.param(
        "other subscription",
        "flow_session_of_another_subscription",
        id="somebody else's flow session",
    ),
    pytest.param(
        "incomplete", "flow_session_says_incomplete", id="a flow session that was given up"
    ),
]


@pytest.mark.parametrize(("kind", "code"), FORGED)
async def test_a_claimed_offer_that_the_vendor_does_not_confirm_gives_nothing(
    company: Company, kind: str, code: str
) -> None:
    company.stripe.add_subscription("sub_1")
    # A real one of somebody else's, dressed up as ours.
    session = company.accepted("offr_coupon", "sub_2")
    forged = {**session, "subscription": {**session["subscription"], "platform_id": "sub_1"}}
    if kind == "no such session":
        forged["id"] = "sess_made_up"
    elif kind == "incomplete":
        forged["id"] = company.flows.create_session("sub_1")["id"]
        company.flows.finish(forged["id"], status=kind)
    await company.open()
    answer = await company.claim(forged)

    assert answer["outcome"] == "refused"
    assert await company.events.codes(ActionRefused) == [code]
    assert "discounts" not in company.changes()


async def test_a_claimed_offer_of_a_session_that_the_vendor_calls_canceled_is_seen_by_a_person(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    ended = company.flows.create_session("sub_1")["id"]
    company.flows.finish(ended, status="canceled")
    await company.open()
    answer = await company.claim({**company.accepted("offr_coupon"), "id": ended})

    assert answer["outcome"] == "manual"
    assert await company.events.codes(ActionParked) == ["flow_session_says_canceled"]
    assert "discounts" not in company.changes()


async def test_the_amount_that_a_browser_posts_is_never_used(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    session = company.accepted("offr_coupon")
    greedy = {
        **session,
        "offer_accepted": {
            **session["offer_accepted"],
            "details": {"type": "coupon", "amount_off": "99"},
        },
    }
    await company.open()
    await company.claim(greedy)
    (made,) = [
        coupon
        for coupon in company.stripe.coupons.values()
        if coupon["id"].startswith("aiocancel-")
    ]

    assert made["percent_off"] == 25


async def test_a_flow_session_pays_once_however_often_it_is_claimed(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    session = company.accepted("offr_coupon")
    answers = await asyncio.gather(*(company.claim(session) for _ in range(8)))
    assert {answer["claim"] for answer in answers} == {answers[0]["claim"]}
    assert company.changes() == ["discounts"]


async def test_a_flow_session_that_paid_does_not_pay_for_the_next_subscription_of_the_same_customer(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_subscription("sub_2")
    await company.open()
    session = company.accepted("offr_coupon")
    await company.claim(session)
    await company.pool.execute("UPDATE app_subscription SET stripe_subscription_id = 'sub_2'")
    assert (await company.claim(session))["outcome"] == "refused"
    assert company.stripe.effects_on("sub_2") == []


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (OfferLimits(offer_ids=frozenset({"offr_trial_extension"})), "offer_not_allowed"),
        (OfferLimits(max_percent=Decimal(20)), "percent_too_high"),
        (OfferLimits(max_months=2), "too_many_months"),
    ],
    ids=["not on the list", "too high a percentage", "too long"],
)
async def test_the_owners_limits_stand_above_the_vendors_yes(
    company: Company, limits: OfferLimits, code: str
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(offer_limits=limits))
    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "manual"
    assert await company.events.codes(ActionParked) == [code]
    assert company.stripe.effects == []


async def test_of_two_offers_that_are_confirmed_at_once_a_subscription_gets_one(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    sessions = [company.accepted(offer) for offer in ("offr_coupon", "offr_trial_extension")]

    answers = await asyncio.gather(*(company.claim(session) for session in sessions))

    assert sorted(answer["outcome"] for answer in answers) == ["done", "manual"]
    assert len(company.changes()) == 1
    assert await company.events.codes(ActionParked) == ["given_recently"]


async def test_ten_accepted_trial_extensions_are_one_gift(company: Company) -> None:
    ends = company.stripe.now + 5 * DAY
    company.stripe.add_subscription("sub_1", status="trialing", trial_end=ends)
    await company.open()

    answers = [await company.claim(company.accepted("offr_trial_extension")) for _ in range(10)]

    assert [answer["outcome"] for answer in answers] == ["done", *["manual"] * 9]
    assert company.subscription["trial_end"] == ends + 14 * DAY


@pytest.mark.parametrize(
    ("limits", "days_ago", "outcome"),
    [
        (OfferLimits(), 179, "manual"),
        (OfferLimits(), 181, "done"),
        (OfferLimits(at_most_one_gift_in_days=30), 29, "manual"),
        (OfferLimits(at_most_one_gift_in_days=30), 31, "done"),
        (OfferLimits(at_most_one_gift_in_days=None), 0, "done"),
    ],
)
async def test_a_subscription_gets_another_gift_when_the_owners_time_is_over(
    company: Company, limits: OfferLimits, days_ago: int, outcome: str
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(offer_limits=limits))
    await company.claim(company.accepted("offr_coupon"))
    await company.pool.execute(
        "UPDATE aiocancel.action SET created_at = now() - make_interval(days => $1)", days_ago
    )

    answer = await company.claim(company.accepted("offr_change_plan"))

    assert answer["outcome"] == outcome


async def test_an_offer_that_the_customers_bank_declined_is_no_gift(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.inject(Fault("card_declined_402", method="POST"))
    await company.open()
    declined = await company.claim(company.accepted("offr_change_plan"))

    answer = await company.claim(company.accepted("offr_coupon"))
    browser = {**as_customer("ada"), "Accept": "text/html"}
    assert company.client is not None
    page = await (await company.client.get(declined["status_url"], headers=browser)).text()

    assert (declined["outcome"], answer["outcome"]) == ("refused", "done")
    assert "The payment did not go through." in page


async def test_a_gift_to_one_subscription_keeps_none_from_another(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_subscription("sub_2")
    await add_customer(company.pool, "bob", "sub_2")
    await company.open()
    await company.claim(company.accepted("offr_coupon"))

    answer = await company.claim(company.accepted("offr_coupon", "sub_2"), customer="bob")

    assert answer["outcome"] == "done"


async def test_without_an_api_key_an_offer_waits_for_a_human(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(api_key=None))
    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "manual"
    assert company.stripe.effects == []


async def is_outcome(company: Company, claim_id: str, outcome: str) -> bool:
    assert company.client is not None
    where, who = f"/cancel/status/{claim_id}", as_customer("ada")
    async with company.client.get(where, headers=who) as response:
        return bool((await response.json())["outcome"] == outcome)


async def test_the_status_of_a_claim_is_told_although_its_stored_offer_is_nested_too_deep(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(run_worker=False, answer_within_s=0.1))
    claim = await company.claim(company.accepted("offr_coupon"))
    nested = '{"a": ' * 2500 + "1" + "}" * 2500
    await company.pool.execute("UPDATE aiocancel.action SET offer = $1::jsonb", nested)

    assert await is_outcome(company, claim["claim"], "queued")


async def test_while_the_vendors_api_is_down_an_offer_is_queued_and_a_cancellation_goes_through(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(answer_within_s=0.3))
    session = company.accepted("offr_coupon")
    company.flows.fail_next(503, path="/v1", times=1000)
    assert (await company.claim(session))["outcome"] == "queued"
    assert company.client is not None
    response = await company.client.post(
        "/cancel/result",
        json={"grant": await company.grant(), "status": "canceled"},
        headers=as_customer("ada"),
    )

    claim_id = (await response.json())["claim"]
    await until(lambda: is_outcome(company, claim_id, "scheduled"))
    company.flows.heal()


@pytest.mark.parametrize(
    "fault",
    [
        "error_500_before",
        "error_500_after",
        "drop_before",
        "drop_after",
        "truncate_after",
        "rate_limit_429",
        "conflict_409",
    ],
)
@pytest.mark.parametrize("offer", AT_STRIPE)
async def test_an_offer_is_made_once_whatever_becomes_of_stripes_answer(
    company: Company, offer: str, fault: Any
) -> None:
    company.stripe.add_subscription(
        "sub_1", status="trialing" if offer == "offr_trial_extension" else "active"
    )
    company.stripe.inject(Fault(fault, method="POST", path_contains="/v1/subscriptions"))
    await company.open()
    assert (await company.claim(company.accepted(offer)))["outcome"] == "done"
    assert len(company.changes()) == 1


async def test_every_body_that_an_offer_sends_is_one_that_stripes_own_types_allow(
    company: Company,
) -> None:
    company.stripe.add_coupon("LOYAL", percent_off=10, duration="forever")
    for offer in AT_STRIPE:
        company.stripe.add_subscription(f"sub_{offer}", discounts=["LOYAL"])
        await add_customer(company.pool, offer, f"sub_{offer}")

    await company.open()

    for offer in AT_STRIPE:
        answer = await company.claim(company.accepted(offer, f"sub_{offer}"), customer=offer)
        assert answer["outcome"] == "done"

    posts = [request for request in company.stripe.requests if request.method == "POST"]
    assert len(posts) == 5

    for post in posts:
        kind: Any = "coupon_create" if post.path == "/v1/coupons" else "subscription_update"
        assert check_params(kind, post.params) == []
