"""A flow of our own from the first screen to Stripe: what is shown can be had, and the way out needs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from aiocancel.core.codes import Code
from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.definition import CouponOffer
from aiocancel.core.flow.rules import never, permission
from aiocancel.core.flow.screen import Situation
from aiocancel.core.flow.steps import FlowStep, FlowStepError, SessionState
from aiocancel.core.offers.terms import OfferLimits
from aiocancel.core.undo import undo_named
from aiocancel.errors import ConfigurationError, ConflictError, GrantError
from aiocancel.own_flow import RequestFacts
from aiocancel.telemetry import DriftFound, LookupFailed, PageFactsMissing
from aiocancel.testing.stripe.faults import Fault
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow, check_fallback, own_flow_of
from tests.support.own_flow import HALF_PRICE, OFFERS, FlowCompany, flow_company
from tests.support.saas import Pool, add_customer, make_cancel, vendor
from tests.support.waiting import until

REASONS = ("too_expensive", "unused", "too_complex", "low_quality", "customer_service")


@pytest.fixture(autouse=True)
def no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    import stripe

    # It would write a file into the home directory.
    monkeypatch.setattr(stripe, "enable_telemetry", False)


@pytest.fixture
def books(stripe_api: tuple[StripeSimulator, str]) -> StripeSimulator:
    """A Stripe with a dearer and a cheaper plan, and the subscriptions of Ada and Bob."""
    stripe = stripe_api[0]
    stripe.add_price("price_basic", unit_amount=900, currency="eur")

    # A discount that ends with a payment, to the second, has no certain price.
    due = datetime.now(UTC) + timedelta(days=12)
    for number in (1, 2):
        stripe.add_subscription(
            f"sub_{number}",
            price="price_pro",
            unit_amount=2900,
            currency="eur",
            current_period_end=int(due.timestamp()),
        )
    return stripe


@pytest_asyncio.fixture(loop_scope="session")
async def company(
    pool: Pool, books: StripeSimulator, stripe_api: tuple[StripeSimulator, str]
) -> AsyncIterator[FlowCompany]:
    async with flow_company(pool, books, stripe_api[1]) as running:
        yield running


# --- the way in -----------------------------------------------------------------------------------------------


async def test_a_flow_begins_with_the_reasons_and_the_date_of_the_end(company: FlowCompany) -> None:
    screen = await company.open()

    assert (screen.step, screen.state) == (FlowStep.WHY, SessionState.OPEN)
    assert screen.facts.situation is Situation.PERIOD_END
    assert screen.facts.ends_at is not None
    assert len(screen.reasons) == 8
    assert screen.reasons[-1].key == "other"
    assert company.asked() == ["GET /v1/subscriptions/sub_1", "GET /v1/prices/price_basic"]


async def test_a_second_tab_and_a_reload_show_the_same_session(company: FlowCompany) -> None:
    first, second = await company.open(), await company.open()
    again = await company.flow.screen("ada", str(first.session_id))

    assert first.session_id == second.session_id == again.session_id
    assert first.reasons == second.reasons == again.reasons


async def test_of_five_tabs_at_once_one_begins_the_session(company: FlowCompany) -> None:
    screens = await asyncio.gather(*(company.open() for _ in range(5)))

    assert len({screen.session_id for screen in screens}) == 1
    assert {screen.step for screen in screens} == {FlowStep.WHY}


async def test_the_session_keeps_what_was_true_when_it_began(company: FlowCompany) -> None:
    await company.open(facts=RequestFacts("de", "US-CA"))
    row = await company.row()

    assert (row["language"], row["place"], row["mode"], row["state"]) == (
        "de",
        "US-CA",
        "test",
        "open",
    )
    assert '"price_minor": 2900' in row["snapshot"]
    assert len(row["reasons"]) == 8
    words = await company.pool.fetchval("SELECT words FROM aiocancel.flow_words")
    assert "kündig" in words.lower()


# --- offers ---------------------------------------------------------------------------------------------------


async def test_an_offer_is_shown_with_stripes_price_and_given_at_that_price(
    company: FlowCompany,
) -> None:
    screen = await company.offered("too_expensive")

    assert screen.step is FlowStep.OFFER
    assert screen.offer is not None
    assert screen.offer.price is not None
    assert screen.offer.price.next_payment.amount.minor == 1450
    assert screen.offer.price.next_payment.instead_of is not None
    recorded = await company.accept(screen)
    assert await company.settled(recorded) == "done"
    (coupon,) = company.stripe.coupons.values()
    assert (coupon["percent_off"], coupon["duration_in_months"]) == (50, 3)
    assert len(company.subscription["discounts"]) == 1


async def test_a_session_reads_stripe_once_and_previews_each_offer_once(
    company: FlowCompany,
) -> None:
    screen = await company.offered("unused")
    await company.flow.screen("ada", str(screen.session_id))
    await company.flow.screen("ada", str(screen.session_id))

    asked = company.asked()
    assert asked.count("GET /v1/subscriptions/sub_1") == 1
    assert asked.count("POST /v1/invoices/create_preview") == 1


async def test_the_customer_chooses_how_long_to_pause(company: FlowCompany) -> None:
    screen = await company.offered("unused")
    assert screen.offer is not None
    assert [each.months for each in screen.offer.choices] == [1, 2, 3]
    assert all(each.next_payment is not None for each in screen.offer.choices)

    recorded = await company.accept(screen, 2)

    assert await company.settled(recorded) == "scheduled"
    row = await company.row()
    assert (row["accepted_offer"], row["accepted_months"]) == ("break", 2)


async def test_another_plan_is_previewed_and_made_at_the_same_second(company: FlowCompany) -> None:
    screen = await company.offered("too_complex")
    assert screen.offer is not None
    assert screen.offer.plan_price is not None
    shown = screen.offer.price
    assert shown is not None

    recorded = await company.accept(screen)

    assert await company.settled(recorded) == "done"
    swap = next(
        each for each in company.stripe.requests
        if each.method == "POST" and each.path == "/v1/subscriptions/sub_1"
    )  # fmt: skip
    assert str(shown.proration_date) in str(swap)


async def test_a_price_that_stripe_changes_after_the_click_is_told_to_the_owner(
    company: FlowCompany,
) -> None:
    screen = await company.offered("too_expensive")
    # Another program raises the price between the screen and the press.
    for item in company.stripe.subscriptions["sub_1"]["items"]["data"]:
        item["quantity"] = 2
    await company.settled(await company.accept(screen))

    (found,) = await company.events.first(DriftFound)
    assert (found.expected, found.seen) == ("price", Code.PRICE_DIFFERS)
    entries = await company.pool.fetch("SELECT entry, code FROM aiocancel.journal")
    assert ("price_compared", "price_differs") in {tuple(row) for row in entries}


async def test_a_discount_that_came_after_the_payment_it_was_told_of_is_told_to_the_owner(
    company: FlowCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That payment is past, so the next one says nothing of it.
    monkeypatch.setattr(
        "aiocancel.worker.change_billing.breaks_the_promise", lambda *_, **__: False
    )
    screen = await company.offered("too_expensive")
    for item in company.stripe.subscriptions["sub_1"]["items"]["data"]:
        item["current_period_end"] += 31 * 86_400
    await company.settled(await company.accept(screen))

    (found,) = await company.events.first(DriftFound)
    assert (found.expected, found.seen) == ("price", Code.PRICE_DIFFERS)


async def test_a_price_that_holds_is_compared_and_not_spoken_of(company: FlowCompany) -> None:
    await company.settled(await company.accept(await company.offered("too_complex")))
    await until(lambda: company.asked().count("POST /v1/invoices/create_preview") == 2)
    await company.flow.close()

    assert company.events.of(DriftFound) == []


async def test_a_plan_that_comes_with_the_next_period_is_shown_at_its_price(
    company: FlowCompany,
) -> None:
    screen = await company.offered("missing_features")
    assert screen.offer is not None
    assert screen.offer.price is not None
    assert screen.offer.price.next_payment.amount.minor == 900

    assert await company.settled(await company.accept(screen)) == "scheduled"


async def test_more_days_of_trial_are_shown_with_the_first_payment_after_them_and_given(
    company: FlowCompany,
) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=5)
    company.stripe.add_subscription("sub_trial", unit_amount=2900, currency="eur", trial_end=ends)
    await add_customer(company.pool, "tom", "sub_trial")

    screen = await company.offered("low_quality", "tom")
    assert screen.offer is not None
    assert screen.offer.price is not None
    following = screen.offer.price.next_payment
    assert (following.amount.minor, following.at) == (2900, ends + timedelta(days=14))

    recorded = await company.accept(screen, customer="tom")
    assert await company.settled(recorded, "tom") == "done"
    moved = company.stripe.subscriptions["sub_trial"]["trial_end"]
    assert moved == following.at.timestamp()
    await until(lambda: company.asked().count("POST /v1/invoices/create_preview") == 2)
    await company.flow.close()
    assert company.events.of(DriftFound) == []


async def test_an_offer_of_the_applications_own_runs_its_handler(company: FlowCompany) -> None:
    screen = await company.offered("customer_service")

    assert await company.settled(await company.accept(screen)) == "done"
    assert company.handled == ["ada"]


async def test_an_offer_that_the_subscription_does_not_take_is_left_out_with_its_code(
    company: FlowCompany,
) -> None:
    screen = await company.offered("low_quality")

    assert screen.step is FlowStep.EXIT
    assert '"code": "not_in_trial"' in (await company.row())["considered"]


async def test_an_offer_without_a_price_is_not_shown(company: FlowCompany) -> None:
    company.stripe.inject(Fault("error_500_before", path_contains="create_preview", times=9))
    screen = await company.offered("too_expensive")

    assert screen.step is FlowStep.EXIT
    row = await company.row()
    assert '"code": "price_is_not_known"' in row["considered"]
    # Nobody asks for a price where an offer is held out, so it was due all the same: both arms are alike.
    assert row["fitted"] == "half_price"


async def test_a_pause_without_a_price_is_still_offered(company: FlowCompany) -> None:
    company.stripe.inject(Fault("error_500_before", path_contains="create_preview", times=9))
    screen = await company.offered("unused")

    assert screen.offer is not None
    assert screen.offer.price is None
    assert await company.settled(await company.accept(screen, 1)) == "scheduled"


async def test_with_a_stripe_that_hangs_there_are_reasons_and_the_exit_and_no_offers(
    company: FlowCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiocancel.own_flow.stripe_reading.STRIPE_WITHIN_S", 0.2)
    company.stripe.inject(Fault("delay", path_contains="/v1/subscriptions", seconds=3.0))
    opened = await company.open()
    screen = await company.flow.answer("ada", str(opened.session_id), Answers("too_expensive"))

    assert (opened.step, opened.facts.situation) == (FlowStep.WHY, Situation.DATE_IS_UNKNOWN)
    assert screen.step is FlowStep.EXIT
    assert '"code": "subscription_was_not_read"' in (await company.row())["considered"]
    assert await company.events.first(PageFactsMissing)


async def test_who_opens_the_flow_in_a_loop_uses_up_nobody_elses_turns_at_stripe(
    company: FlowCompany,
) -> None:
    company.flow._stripe._reads._most = 3
    owned = await company.opened.service.find("ada")
    assert owned is not None
    resume = undo_named("resume")
    assert resume is not None

    for _ in range(5):
        await asyncio.gather(*(company.open() for _ in range(20)))
    await asyncio.gather(*(company.flow.price_of_undo(owned, resume) for _ in range(20)))
    last = await company.open()

    # The customer's own flow goes on as without Stripe, and everybody else's with it.
    assert company.asked().count("GET /v1/subscriptions/sub_1") == 3
    assert company.asked().count("POST /v1/invoices/create_preview") == 0
    assert last.step is FlowStep.WHY
    assert (await company.offered(customer="bob")).step is FlowStep.OFFER


async def test_a_price_of_going_on_is_asked_of_stripe_once_at_a_time(company: FlowCompany) -> None:
    company.stripe.subscriptions["sub_1"]["cancel_at_period_end"] = True
    company.flow._stripe._reads._most = 3
    owned = await company.opened.service.find("ada")
    resume = undo_named("resume")
    assert owned is not None
    assert resume is not None

    prices = await asyncio.gather(*(company.flow.price_of_undo(owned, resume) for _ in range(20)))

    assert company.asked().count("POST /v1/invoices/create_preview") <= 3
    assert any(prices)


async def test_a_declined_offer_does_not_come_back_in_the_session(company: FlowCompany) -> None:
    screen = await company.offered()
    after = await company.flow.decline("ada", str(screen.session_id), "half_price")
    again = await company.flow.answer("ada", str(screen.session_id), Answers("too_expensive"))

    assert after.step is again.step is FlowStep.EXIT
    with pytest.raises(FlowStepError):
        await company.accept(screen)


async def test_back_and_continue_show_the_same_offer(company: FlowCompany) -> None:
    first = await company.offered("too_expensive")
    other = await company.flow.answer("ada", str(first.session_id), Answers("unused"))
    again = await company.flow.answer("ada", str(first.session_id), Answers("too_expensive"))

    # It is not for customers who do not use the product, and one attempt shows one offer.
    assert (other.step, other.offer) == (FlowStep.EXIT, None)
    assert again.offer is not None
    assert again.offer.offer.key == "half_price"
    assert again.offer.price == (first.offer.price if first.offer else None)


async def test_a_gift_is_made_once_for_a_customer(company: FlowCompany) -> None:
    await company.settled(await company.accept(await company.offered("too_expensive")))
    later = await company.offered("unused")

    assert later.step is FlowStep.EXIT
    assert '"code": "given_recently"' in (await company.row())["considered"]


async def test_ten_presses_of_accept_are_one_gift(company: FlowCompany) -> None:
    screen = await company.offered("too_expensive")
    recorded = await asyncio.gather(*(company.accept(screen) for _ in range(10)))

    assert len({each.public_id for each in recorded}) == 1
    assert await company.settled(recorded[0]) == "done"
    assert len(company.subscription["discounts"]) == 1


async def test_who_is_held_out_sees_the_reasons_and_no_offer(
    pool: Pool, books: StripeSimulator, stripe_api: tuple[StripeSimulator, str]
) -> None:
    flow = OwnFlow(offers=OFFERS, hold_out_percent=100)
    async with flow_company(pool, books, stripe_api[1], vendor=flow) as company:
        opened = await company.open()
        screen = await company.flow.answer("ada", str(opened.session_id), Answers("too_expensive"))
        row = await company.row()

    assert (opened.step, screen.step) == (FlowStep.WHY, FlowStep.EXIT)
    assert (row["hold_out"], row["fitted"], row["shown"]) == (True, "half_price", "[]")


async def test_permission_is_asked_before_an_offer_where_a_rule_wants_it(
    pool: Pool, books: StripeSimulator, stripe_api: tuple[StripeSimulator, str]
) -> None:
    flow = OwnFlow(offers=OFFERS, rules=[never("coupon").without(permission)])
    async with flow_company(pool, books, stripe_api[1], vendor=flow) as company:
        asked = await company.offered("too_expensive")
        allowed = await company.flow.permit("ada", str(asked.session_id), allowed=True)
        refused = await company.offered("too_expensive", "bob")
        left = await company.flow.permit("bob", str(refused.session_id), allowed=False)

    assert (asked.step, allowed.step) == (FlowStep.PERMISSION, FlowStep.OFFER)
    assert (refused.step, left.step) == (FlowStep.PERMISSION, FlowStep.EXIT)


async def test_a_limit_that_the_owner_has_set_since_holds_for_an_offer_on_the_screen(
    pool: Pool, books: StripeSimulator, stripe_api: tuple[StripeSimulator, str]
) -> None:
    async with flow_company(pool, books, stripe_api[1]) as company:
        screen = await company.offered("too_expensive")
    stricter = OfferLimits(max_months=1)
    async with flow_company(pool, books, stripe_api[1], offer_limits=stricter) as company:
        with pytest.raises(FlowStepError) as refused:
            await company.accept(screen)

    assert refused.value.code is Code.OFFER_NO_LONGER_FITS


async def test_an_offer_of_a_definition_that_was_replaced_is_given_as_it_was_shown(
    pool: Pool, books: StripeSimulator, stripe_api: tuple[StripeSimulator, str]
) -> None:
    async with flow_company(pool, books, stripe_api[1]) as company:
        screen = await company.offered("too_expensive")
    other = OwnFlow(offers=[CouponOffer("half_price", percent_off=90, months="forever")])
    async with flow_company(pool, books, stripe_api[1], vendor=other) as company:
        again = await company.flow.screen("ada", str(screen.session_id))
        assert await company.settled(await company.accept(again)) == "done"

    assert again.offer is not None
    assert again.offer.offer == HALF_PRICE
    (coupon,) = books.coupons.values()
    assert (coupon["percent_off"], coupon["duration"]) == (50, "repeating")


# --- the exit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", [None, *REASONS])
async def test_the_exit_works_on_every_screen(company: FlowCompany, why: str | None) -> None:
    screen = await company.open() if why is None else await company.offered(why)
    recorded = await company.flow.cancel("ada", screen.session_id, await company.grant())

    assert await company.settled(recorded) == "scheduled"
    await company.flow.close()
    row = await company.row()
    assert (row["state"], row["reason"]) == ("canceled", why)
    assert company.subscription["cancel_at_period_end"]
    details = company.subscription["cancellation_details"]
    assert details["feedback"] == why


async def test_the_exit_takes_the_answers_on_the_screen_along(company: FlowCompany) -> None:
    session = await company.opened_session()
    answers = Answers("unused", comment="I moved")
    recorded = await company.flow.cancel("ada", session, await company.grant(), answers)

    await company.settled(recorded)
    details = company.subscription["cancellation_details"]
    assert (details["feedback"], details["comment"]) == ("unused", "I moved")


async def test_the_offer_on_the_screen_is_declined_by_the_exit(company: FlowCompany) -> None:
    screen = await company.offered("too_expensive")
    await company.flow.cancel("ada", screen.session_id, await company.grant())
    await company.flow.close()

    assert (await company.row())["declined"] == ["half_price"]


@pytest.mark.parametrize(
    "session",
    [None, "no-such-session", "x" * 5000, "\0", "1' OR '1'='1"],
    ids=["none", "unknown", "long", "nul", "sql"],
)
async def test_the_exit_needs_no_session(company: FlowCompany, session: str | None) -> None:
    recorded = await company.flow.cancel("ada", session, await company.grant(), Answers("gone"))

    assert await company.settled(recorded) == "scheduled"


@pytest.mark.database_refuses
async def test_the_exit_needs_no_row_and_no_definition(company: FlowCompany) -> None:
    screen = await company.offered("too_expensive")
    await company.pool.execute("ALTER TABLE aiocancel.flow_session RENAME TO flow_session_gone")

    recorded = await company.flow.cancel("ada", screen.session_id, await company.grant())

    assert await company.settled(recorded) == "scheduled"
    await company.pool.execute("ALTER TABLE aiocancel.flow_session_gone RENAME TO flow_session")
    assert await company.events.first(LookupFailed)


async def test_the_exit_waits_for_no_lock_on_the_session(company: FlowCompany) -> None:
    screen = await company.offered("too_expensive")
    async with company.pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE aiocancel.flow_session IN ACCESS EXCLUSIVE MODE")
        recorded = await company.flow.cancel("ada", screen.session_id, await company.grant())
        assert await company.settled(recorded) == "scheduled"


async def test_a_second_press_of_the_exit_is_the_first(company: FlowCompany) -> None:
    session, grant = await company.opened_session(), await company.grant()
    recorded = [await company.flow.cancel("ada", session, grant) for _ in range(3)]

    assert len({each.public_id for each in recorded}) == 1


async def test_the_exit_is_one_whether_or_not_its_session_could_be_read(
    company: FlowCompany,
) -> None:
    session, grant = await company.opened_session(), await company.grant()
    recorded = [
        await company.flow.cancel("ada", each, grant) for each in (None, session, None, session)
    ]

    assert len({each.public_id for each in recorded}) == 1
    assert await company.settled(recorded[0]) == "scheduled"


async def test_half_an_hour_of_nothing_ends_the_offer_and_not_the_exit(
    company: FlowCompany,
) -> None:
    screen = await company.offered("too_expensive")
    await company.pool.execute(
        "UPDATE aiocancel.flow_session SET touched_at = now() - interval '31 minutes'"
    )

    with pytest.raises(FlowStepError) as refused:
        await company.accept(screen)
    assert refused.value.code is Code.FLOW_SESSION_IS_OVER
    left = await company.flow.screen("ada", str(screen.session_id))
    assert (left.step, left.state) == (FlowStep.EXIT, SessionState.ABANDONED)
    recorded = await company.flow.cancel("ada", screen.session_id, await company.grant())
    assert await company.settled(recorded) == "scheduled"
    await company.flow.close()
    assert (await company.row())["state"] == "canceled"


async def test_who_accepted_can_leave_from_the_same_page(company: FlowCompany) -> None:
    screen, grant = await company.offered("too_expensive"), await company.grant()
    session = str(screen.session_id)
    accepted = await company.flow.accept("ada", session, "half_price", None, grant)
    await company.settled(accepted)
    recorded = [await company.flow.cancel("ada", session, grant) for _ in range(2)]

    assert await company.settled(recorded[0]) == "scheduled"
    assert recorded[0].public_id == recorded[1].public_id != accepted.public_id
    await company.flow.close()
    row = await company.row()
    assert (row["state"], row["accepted_offer"]) == ("accepted", "half_price")
    # What was accepted stays accepted, and the cancellation counts beside it, once.
    outcomes = await company.pool.fetch("SELECT outcome FROM aiocancel.v_sessions ORDER BY outcome")
    assert [each["outcome"] for each in outcomes] == ["accepted", "canceled"]


async def test_nothing_is_accepted_after_the_exit(company: FlowCompany) -> None:
    screen = await company.offered("too_expensive")
    await company.flow.cancel("ada", screen.session_id, await company.grant())
    with pytest.raises((ConflictError, FlowStepError)):
        await company.accept(screen)
    await company.flow.close()
    over = await company.flow.screen("ada", str(screen.session_id))

    assert over.step is FlowStep.OUTCOME
    assert over.claim_id is not None


async def test_who_has_canceled_already_is_told_and_asked_nothing(company: FlowCompany) -> None:
    recorded = await company.flow.cancel("ada", None, await company.grant())
    await company.settled(recorded)
    screen = await company.open()

    assert (screen.session_id, screen.facts.situation) == (None, Situation.ALREADY_ENDING)


@pytest.mark.database_refuses
async def test_with_a_database_that_keeps_no_sessions_the_exit_is_all_there_is(
    company: FlowCompany,
) -> None:
    await company.pool.execute("ALTER TABLE aiocancel.flow_session RENAME TO flow_session_gone")
    screen = await company.open()
    await company.pool.execute("ALTER TABLE aiocancel.flow_session_gone RENAME TO flow_session")

    assert (screen.session_id, screen.step) == (None, FlowStep.EXIT)
    assert screen.facts.situation is Situation.PERIOD_END


# --- bad input ------------------------------------------------------------------------------------------------


async def nothing_happened(company: FlowCompany) -> bool:
    claims = await company.pool.fetchval("SELECT count(*) FROM aiocancel.claim")
    state = await company.pool.fetchval("SELECT state FROM aiocancel.flow_session")
    return bool(claims == 0 and state == "open" and not company.stripe.effects)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"session_id": "00000000-0000-0000-0000-000000000000"}, Code.NOT_AT_THIS_STEP),
        ({"session_id": "\0"}, Code.NOT_AT_THIS_STEP),
        ({"customer_id": "bob"}, Code.NOT_AT_THIS_STEP),
        ({"offer": "break"}, Code.OFFER_WAS_NOT_SHOWN),
        ({"offer": "free_for_ever"}, Code.OFFER_WAS_NOT_SHOWN),
        ({"months": 3}, Code.MONTHS_WERE_NOT_OFFERED),
    ],
    ids=["another_session", "no_id", "another_customer", "another_offer", "no_offer", "months"],
)
async def test_an_acceptance_that_no_screen_posts_is_refused_and_nothing_happens(
    company: FlowCompany, changed: dict[str, Any], code: Code
) -> None:
    screen = await company.offered("too_expensive")
    company.stripe.effects.clear()
    posted = {
        "customer_id": "ada", "session_id": str(screen.session_id), "offer": "half_price", "months": None,
    } | changed  # fmt: skip

    with pytest.raises(FlowStepError) as refused:
        await company.flow.accept(**posted, grant=await company.grant(posted["customer_id"]))
    assert refused.value.code is code
    assert await nothing_happened(company)


@pytest.mark.parametrize("months", [None, 0, 4, 120, -1])
async def test_months_that_were_not_offered_are_refused(
    company: FlowCompany, months: int | None
) -> None:
    screen = await company.offered("unused")
    with pytest.raises(FlowStepError) as refused:
        await company.accept(screen, months)

    assert refused.value.code is Code.MONTHS_WERE_NOT_OFFERED
    assert await nothing_happened(company)


async def test_a_grant_of_another_customer_or_subscription_accepts_nothing(
    company: FlowCompany,
) -> None:
    screen = await company.offered("too_expensive")
    company.stripe.effects.clear()
    session, bobs = str(screen.session_id), await company.grant("bob")
    for grant in (bobs, "", "g1.forged.forged"):
        with pytest.raises(GrantError):
            await company.flow.accept("ada", session, "half_price", None, grant)
        with pytest.raises(GrantError):
            await company.flow.cancel("ada", session, grant)

    # Ada has another subscription since: its page cannot accept for this one.
    await company.pool.execute(
        "UPDATE app_subscription SET stripe_subscription_id = 'sub_3' WHERE customer_id = 'ada'"
    )
    with pytest.raises(ConflictError):
        await company.flow.accept("ada", session, "half_price", None, await company.grant())
    assert await nothing_happened(company)


async def test_steps_out_of_order_are_refused_or_change_nothing(company: FlowCompany) -> None:
    session = await company.opened_session()
    for step in (
        company.flow.permit("ada", session, allowed=True),
        company.flow.decline("ada", session, "half_price"),
        company.flow.answer("ada", session, Answers("a reason that nobody has")),
        company.flow.answer("bob", session, Answers("unused")),
        company.flow.screen("bob", session),
    ):
        with pytest.raises(FlowStepError):
            await step

    assert (await company.flow.screen("ada", session)).step is FlowStep.WHY


@pytest.mark.parametrize(
    "text", ["\0", "\ud800", "x" * 100_000, "<script>"], ids=["nul", "half", "long", "tag"]
)
async def test_whatever_a_customer_writes_is_kept_as_far_as_it_can_be(
    company: FlowCompany, text: str
) -> None:
    session = await company.opened_session()
    await company.flow.answer("ada", session, Answers("other", text, text))
    recorded = await company.flow.cancel("ada", session, await company.grant())

    assert await company.settled(recorded) == "scheduled"


async def test_two_answers_at_once_are_one_screen(company: FlowCompany) -> None:
    session = await company.opened_session()
    screens = await asyncio.gather(
        *(company.flow.answer("ada", session, Answers(why)) for why in REASONS)
    )

    assert len({None if each.offer is None else each.offer.offer.key for each in screens}) == 1
    assert (await company.row())["shown"].count('"offer"') <= 1


async def test_a_session_that_a_newer_release_wrote_keeps_nobody_from_leaving(
    company: FlowCompany,
) -> None:
    screen = await company.offered("too_expensive")
    await company.pool.execute(
        'UPDATE aiocancel.flow_session SET progress = progress || \'{"mood": "grim"}\''
    )

    assert (await company.open()).step is FlowStep.EXIT
    recorded = await company.flow.cancel("ada", screen.session_id, await company.grant())
    assert await company.settled(recorded) == "scheduled"


# --- the settings ---------------------------------------------------------------------------------------------


def test_a_key_that_draws_the_hold_out_is_long_and_stays_secret() -> None:
    with pytest.raises(ConfigurationError, match="hold_out_key"):
        OwnFlow(hold_out_key="short")
    flow = OwnFlow(hold_out_key="a key of the owner's own")

    assert "owner" not in repr(flow)
    assert flow.hold_out_key(b"x") == b"a key of the owner's own"
    assert OwnFlow().hold_out_key(b"x") == b"x"


def test_a_flow_of_our_own_needs_nothing_of_anybody() -> None:
    flow = OwnFlow(country_column="country")

    assert flow.csp_sources() == {}
    assert flow.columns == ("country",)
    assert own_flow_of(flow) is flow
    assert own_flow_of(vendor()) is None
    assert own_flow_of(vendor(fallback=flow)) is flow
    assert vendor(fallback=flow).columns == {"country"}


@pytest.mark.parametrize("fallback", ["own", OwnFlow, vendor()], ids=["text", "class", "vendor"])
def test_a_fallback_is_a_flow_of_our_own(fallback: object) -> None:
    with pytest.raises(ConfigurationError, match="OwnFlow"):
        check_fallback(fallback)


@pytest.mark.parametrize("ends", ["cancel", "accept"])
async def test_the_claim_keeps_the_language_that_its_letters_are_written_in(
    company: FlowCompany, ends: str
) -> None:
    screen = await company.offered("too_expensive")

    if ends == "cancel":
        await company.flow.cancel("ada", screen.session_id, await company.grant())
    else:
        await company.accept(screen)

    stored = await company.pool.fetchval("SELECT declaration->>'language' FROM aiocancel.claim")
    assert stored == "en"


def test_without_a_vendor_it_is_a_flow_of_our_own_with_the_standard_reasons_and_no_offers() -> None:
    vendors = make_cancel("postgresql://nowhere", vendor=None).inspect().vendor

    assert isinstance(vendors, OwnFlow)
    assert len(vendors.definition.reasons) == 8
    assert vendors.definition.offers == ()
