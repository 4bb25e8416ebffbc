"""Eligibility: only what the subscription takes is shown, and of everything else it is known why not."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.flow.answers import NO_ANSWERS, Answers
from aiocancel.core.flow.conditions import country, place, reason
from aiocancel.core.flow.definition import (
    CouponOffer,
    FlowDefinition,
    FlowOffer,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    TrialOffer,
)
from aiocancel.core.flow.eligibility import (
    Considered,
    ConsideredOffer,
    OwnersBounds,
    consider,
    considered_from_json,
    considered_to_json,
    may_ask,
)
from aiocancel.core.flow.rules import PLACE_RULES, benefit, never, permission
from aiocancel.core.flow.snapshot import History, Snapshot
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.terms import OfferLimits
from aiocancel.core.subscription import Subscription
from aiocancel.core.undo import going_on
from aiocancel.errors import UnreadableLedgerError
from tests.support.subscription_shapes import ACTIVE, DUE, NOW, SHAPES

HALF = CouponOffer("half_price", percent_off=50, months=3)
TEN_OFF = CouponOffer("ten_off", amount_off={"usd": 1000, "eur": 900})
BREAK = PauseOffer("break", months=(1, 2, 3), sentence="You can read.")
TRIAL = TrialOffer("more_time", 14)
BASIC = PlanOffer("basic", "price_basic")
CALL = HandledOffer("call", "A call", "We show you how.", "Book a call")
SEEN = Snapshot(NOW)
PLAIN = OwnersBounds()

# Every kind that a flow of ours can offer.
FLOW_OFFERS: dict[str, FlowOffer] = {
    "a percentage for 3 months": HALF,
    "a percentage for one payment": CouponOffer("once", percent_off=50),
    "a percentage for ever": CouponOffer("loyal", percent_off=10, months="forever"),
    "an amount": TEN_OFF,
    "an amount in another currency": CouponOffer("euros", amount_off={"eur": 900}),
    "a pause of 1 to 3 months": BREAK,
    "more days of trial": TRIAL,
    "another plan at once": BASIC,
    "another plan when the period ends": PlanOffer("basic", "price_basic", at="period_end"),
    "another plan at the period's end": PlanOffer("later", "price_basic", at="period_end"),
    "an offer with a handler": CALL,
}

GONE: dict[str, Code] = {
    "canceled": Code.SUBSCRIPTION_HAS_ENDED,
    "expired": Code.SUBSCRIPTION_HAS_ENDED,
    "ending with its period": Code.SUBSCRIPTION_IS_ENDING,
    "ending by date": Code.SUBSCRIPTION_IS_ENDING,
    "ending in a later period": Code.SUBSCRIPTION_IS_ENDING,
    "ending later, as was asked for": Code.SUBSCRIPTION_IS_ENDING,
}
UNREADABLE: dict[str, Code] = {
    "incomplete": Code.FIRST_PAYMENT_IS_MISSING,
    "Stripe lists only some of its items": Code.SHAPE_IS_UNKNOWN,
    "its status is new": Code.SHAPE_IS_UNKNOWN,
}
SCHEDULED: dict[str, Code] = {
    "under a schedule with phases to come": Code.SCHEDULE_HAS_PENDING_PHASES,
    "under a downgrade at the period's end": Code.SCHEDULE_HAS_PENDING_PHASES,
    "the other plan comes with its schedule": Code.SCHEDULE_HAS_PENDING_PHASES,
}
OVERDUE: dict[str, Code] = {
    "past due": Code.PAYMENT_IS_OVERDUE,
    "unpaid": Code.PAYMENT_IS_OVERDUE,
    "paused": Code.SUBSCRIPTION_IS_PAUSED,
    "its payments are paused": Code.SUBSCRIPTION_IS_PAUSED,
}
RENEWS: dict[str, Code] = {
    "about to renew": Code.PAYMENT_IS_NEAR,
    "renewing": Code.PAYMENT_IS_NEAR,
}
NO_DISCOUNT = Code.NO_PAYMENT_FALLS_INTO_THE_DISCOUNT
FOR_MONTHS: dict[str, Code] = {
    "paused": NO_DISCOUNT,
    "its payments are paused": NO_DISCOUNT,
    "it is billed ahead": NO_DISCOUNT,
    "annual, next paid in nine months": NO_DISCOUNT,
    "annual": Code.PAYMENT_PAYS_FOR_MORE_THAN_THE_DISCOUNT,
    "its next payment is unknown": Code.NEXT_PAYMENT_IS_UNKNOWN,
}
TAKEN_BY_NONE = GONE | UNREADABLE | SCHEDULED
HAS_IT: dict[str, Code] = {"the same coupon is there": Code.HAS_IT_ALREADY}
NO_DISCOUNT_NOW: dict[str, Code] = {"its payments are paused": NO_DISCOUNT}
NO_PLAN: dict[str, Code] = dict.fromkeys(
    ("it has two licensed items", "its intervals are mixed", "its next payment is unknown"),
    Code.WHICH_ITEM_IS_THE_PLAN,
) | {"it has metered usage only": Code.QUANTITY_IS_UNKNOWN}
LEFT_OUT: dict[str, Mapping[str, Code]] = {
    "a percentage for 3 months": TAKEN_BY_NONE | FOR_MONTHS,
    "a percentage for one payment": TAKEN_BY_NONE | NO_DISCOUNT_NOW,
    "a percentage for ever": TAKEN_BY_NONE,
    "an amount": TAKEN_BY_NONE | NO_DISCOUNT_NOW | HAS_IT,
    "an amount in another currency": dict.fromkeys(SHAPES, Code.NO_AMOUNT_IN_THE_CURRENCY),
    "a pause of 1 to 3 months": TAKEN_BY_NONE
    | OVERDUE
    | RENEWS
    | {
        "its payments are paused": Code.HAS_IT_ALREADY,
        "it is billed ahead": Code.NO_PAYMENT_FALLS_INTO_THE_PAUSE,
        "annual": Code.PAYMENT_PAYS_FOR_MORE_THAN_THE_PAUSE,
        "annual, next paid in nine months": Code.PAYMENT_PAYS_FOR_MORE_THAN_THE_PAUSE,
        "a discount for one payment is there": Code.A_DISCOUNT_WOULD_BE_USED_UP,
        "its next payment is unknown": Code.NEXT_PAYMENT_IS_UNKNOWN,
    },
    "more days of trial": {name: Code.NOT_IN_TRIAL for name in SHAPES if name != "trialing"},
    "another plan at once": TAKEN_BY_NONE
    | OVERDUE
    | NO_PLAN
    | {
        "another plan waits for its payment": Code.ANOTHER_UPDATE_IS_PENDING,
        "the plan is there": Code.HAS_IT_ALREADY,
    },
    "another plan at the period's end": TAKEN_BY_NONE
    | OVERDUE
    | NO_PLAN
    | RENEWS
    | {
        "trialing": Code.A_TRIAL_CANNOT_BE_SCHEDULED,
        "it is billed ahead": Code.PERIODS_ARE_MIXED,
        "under a schedule with nothing more to come": Code.SCHEDULE_CANNOT_BE_KEPT,
        "another plan waits for its payment": Code.ANOTHER_UPDATE_IS_PENDING,
        "the plan is there": Code.HAS_IT_ALREADY,
        "the other plan comes with its schedule": Code.HAS_IT_ALREADY,
    },
    "another plan when the period ends": TAKEN_BY_NONE
    | OVERDUE
    | NO_PLAN
    | RENEWS
    | {
        "trialing": Code.A_TRIAL_CANNOT_BE_SCHEDULED,
        "under a schedule with nothing more to come": Code.SCHEDULE_CANNOT_BE_KEPT,
        "the other plan comes with its schedule": Code.HAS_IT_ALREADY,
        "it is billed ahead": Code.PERIODS_ARE_MIXED,
        "another plan waits for its payment": Code.ANOTHER_UPDATE_IS_PENDING,
        "the plan is there": Code.HAS_IT_ALREADY,
    },
    "an offer with a handler": GONE,
}


def why_not(
    offer: FlowOffer, subscription: Subscription | None = ACTIVE, **changes: Any
) -> AnyCode | None:
    definition = changes.pop("definition", FlowDefinition(offers=(offer,)))
    arguments: dict[str, Any] = {
        "snapshot": SEEN,
        "answers": NO_ANSWERS,
        "now": NOW,
        "bounds": PLAIN,
    } | changes

    return consider(definition, subscription=subscription, **arguments).offers[0].code


def judged_for(offer: str, name: str) -> ConsideredOffer:
    subscription, rules = SHAPES[name]
    definition = FlowDefinition(offers=(FLOW_OFFERS[offer],))

    [judged] = consider(
        definition,
        SEEN,
        subscription,
        NO_ANSWERS,
        now=NOW,
        bounds=OwnersBounds(rules=rules),
    ).offers
    return judged


ELIGIBILITY = [
    pytest.param(offer, name, LEFT_OUT[offer].get(name), id=f"{offer} when {name}")
    for offer in FLOW_OFFERS
    for name in SHAPES
]


@pytest.mark.parametrize(("offer", "name", "expected"), ELIGIBILITY)
def test_every_kind_of_offer_fits_a_subscription_of_any_shape_or_says_why_not(
    offer: str, name: str, expected: Code | None
) -> None:
    judged = judged_for(offer, name)

    assert judged.code == expected
    has_choices = isinstance(FLOW_OFFERS[offer], PauseOffer) and expected is None
    assert judged.months == ((1, 2, 3) if has_choices else ())


def test_only_the_choices_that_fit_remain_of_a_pause() -> None:
    limits = OfferLimits(max_months=2)
    definition = FlowDefinition(offers=(BREAK,))

    considered = consider(
        definition, SEEN, ACTIVE, NO_ANSWERS, now=NOW, bounds=OwnersBounds(limits=limits)
    )

    assert considered.offers[0].months == (1, 2)
    assert considered.fitting.months == {"break": (1, 2)}


def test_offers_that_fit_come_in_the_order_of_the_definition() -> None:
    definition = FlowDefinition(offers=(TRIAL, BREAK, HALF))

    considered = consider(definition, SEEN, ACTIVE, NO_ANSWERS, now=NOW, bounds=PLAIN)

    assert list(considered.fitting.months) == ["break", "half_price"]
    assert considered.would_fit
    assert not considered.needs_permission


def test_condition_must_be_true_and_not_merely_unknown() -> None:
    offer = dataclasses.replace(HALF, when=reason("unused") & country("FR"))
    here, there = Snapshot(NOW, country="FR"), Snapshot(NOW, country="DE")
    unused = Answers("unused")

    assert why_not(offer, snapshot=here, answers=unused) is None
    assert why_not(offer, snapshot=there, answers=unused) == Code.NOT_FOR_THIS_CUSTOMER
    assert why_not(offer, answers=unused) == Code.NOBODY_KNOWS_WHETHER_IT_FITS
    assert why_not(offer, snapshot=here) == Code.NOT_FOR_THIS_CUSTOMER


def test_nothing_is_offered_where_stripe_did_not_answer() -> None:
    for offer in FLOW_OFFERS.values():
        assert why_not(offer, None) == Code.SUBSCRIPTION_WAS_NOT_READ


def test_owners_limits_hold_before_an_offer_is_shown() -> None:
    limits = OwnersBounds(limits=OfferLimits(max_percent=10, max_days=3))  # type: ignore[arg-type]

    assert why_not(HALF, bounds=limits) == Code.PERCENT_TOO_HIGH
    assert why_not(BASIC, bounds=OwnersBounds(limits=OfferLimits(price_ids=frozenset()))) == (
        Code.PRICE_NOT_ALLOWED
    )


def test_schedule_policy_of_the_owner_decides() -> None:
    subscription, _ = SHAPES["under a schedule with nothing more to come"]

    assert why_not(HALF, subscription) is None
    parked = OwnersBounds(schedule_policy="park")
    assert why_not(HALF, subscription, bounds=parked) == Code.SUBSCRIPTION_HAS_A_SCHEDULE


def test_custom_offer_without_a_handler_is_not_made() -> None:
    assert why_not(CALL, bounds=OwnersBounds(handled=["call"])) is None
    assert why_not(CALL, bounds=OwnersBounds(handled=[])) == Code.NO_HANDLER_FOR_THIS_OFFER


def test_plan_that_the_owner_puts_off_is_not_offered_as_one_at_once() -> None:
    later = OwnersBounds(rules=OfferRules(plan_starts="period_end"))

    assert why_not(BASIC, bounds=later) == Code.PLAN_WOULD_COME_LATER
    assert why_not(dataclasses.replace(BASIC, at="period_end"), bounds=later) is None


def test_plan_of_metered_usage_is_known_by_its_price() -> None:
    named = OwnersBounds(rules=OfferRules(plan_price_ids=frozenset({"price_pro"})), prices={})

    assert why_not(BASIC, bounds=named) is None


@pytest.mark.parametrize(
    ("ours", "limit", "days_ago", "expected"),
    [
        (None, None, 0, None),
        (30, None, 29, Code.GIVEN_RECENTLY),
        (30, None, 30, None),
        (None, 180, 179, Code.GIVEN_RECENTLY),
        (30, 180, 179, Code.GIVEN_RECENTLY),
        (180, 30, 179, Code.GIVEN_RECENTLY),
        (180, 30, 180, None),
        (30, 30, -1, Code.GIVEN_RECENTLY),
    ],
)
def test_no_offer_follows_soon_after_another(
    ours: int | None, limit: int | None, days_ago: int, expected: Code | None
) -> None:
    definition = FlowDefinition(offers=(HALF,), at_most_one_gift_in_days=ours)
    bounds = OwnersBounds(limits=OfferLimits(at_most_one_gift_in_days=limit))
    taken = History(1, last_offer_at=NOW - timedelta(days=days_ago))

    found = why_not(
        HALF, definition=definition, snapshot=Snapshot(NOW, history=taken), bounds=bounds
    )

    assert found == expected


def test_customer_who_took_nothing_gets_the_first_offer() -> None:
    definition = FlowDefinition(offers=(HALF,), at_most_one_gift_in_days=180)

    for history in (None, History()):
        snapshot = Snapshot(NOW, history=history)
        assert why_not(HALF, definition=definition, snapshot=snapshot) is None


IN_MINNESOTA = Snapshot(NOW, place="US-MN")
BY_PLACE = OwnersBounds(place_rules=PLACE_RULES)
TWO = FlowDefinition(offers=(TRIAL, HALF))


def test_in_minnesota_an_offer_waits_for_permission() -> None:
    asked = consider(TWO, IN_MINNESOTA, ACTIVE, NO_ANSWERS, now=NOW, bounds=BY_PLACE)

    assert [each.code for each in asked.offers] == [Code.NOT_IN_TRIAL, Code.PERMISSION_IS_MISSING]
    assert asked.needs_permission
    assert asked.would_fit
    assert asked.fitting.months == {}

    given = consider(TWO, IN_MINNESOTA, ACTIVE, NO_ANSWERS, now=NOW, bounds=BY_PLACE, allowed=True)
    assert list(given.fitting.months) == ["half_price"]
    assert not given.needs_permission


def test_permission_is_not_asked_for_an_offer_that_could_not_be_made() -> None:
    only_trial = FlowDefinition(offers=(TRIAL,))

    considered = consider(only_trial, IN_MINNESOTA, ACTIVE, NO_ANSWERS, now=NOW, bounds=BY_PLACE)

    assert not considered.needs_permission
    assert not considered.would_fit


@pytest.mark.parametrize("where", ["DE", None])
def test_in_germany_and_in_an_unknown_place_nothing_is_offered_or_asked(where: str | None) -> None:
    snapshot = Snapshot(NOW, place=where)

    assert why_not(HALF, snapshot=snapshot, bounds=BY_PLACE) == Code.FORBIDDEN_BY_A_RULE
    assert not may_ask(TWO, snapshot, PLACE_RULES)


def test_without_rules_of_places_an_unknown_place_forbids_nothing() -> None:
    assert may_ask(TWO, SEEN, ())
    assert may_ask(TWO, IN_MINNESOTA, PLACE_RULES)


ENDING = dataclasses.replace(ACTIVE, cancel_at_period_end=True, cancel_at=ACTIVE.current_period_end)
IN_GERMANY = Snapshot(NOW, place="DE")
ALL_KINDS = FlowDefinition(offers=(HALF, BREAK, TRIAL, BASIC, CALL))


def after_the_declaration(
    subscription: Subscription | None,
    definition: FlowDefinition = ALL_KINDS,
    snapshot: Snapshot = IN_GERMANY,
    answers: Answers = NO_ANSWERS,
    *,
    held_out: bool = False,
    now: datetime = NOW,
) -> dict[str, AnyCode | None]:
    considered = consider(
        definition,
        snapshot,
        subscription,
        answers,
        now=now,
        bounds=BY_PLACE,
        held_out=held_out,
        declared=True,
    )

    # Nobody is asked for a permission on the page of an outcome.
    assert not considered.needs_permission
    return {each.key: each.code for each in considered.offers}


def test_after_the_declaration_germany_allows_what_one_update_gives_and_takes_back() -> None:
    assert may_ask(TWO, IN_GERMANY, PLACE_RULES, declared=True)

    found = after_the_declaration(ENDING)
    assert found == {
        "half_price": None,
        # It begins with the next payment, and the cancellation would have to be taken back before.
        "break": Code.SUBSCRIPTION_IS_ENDING,
        "more_time": Code.NOT_IN_TRIAL,
        "basic": Code.SUBSCRIPTION_IS_ENDING,
        "call": Code.SUBSCRIPTION_IS_ENDING,
    }

    # On the day before the payment a pause is one update; in a trial more days are.
    eve = DUE - timedelta(hours=12)
    assert after_the_declaration(ENDING, now=eve)["break"] is None
    trial = dataclasses.replace(ENDING, status="trialing", trial_end=ENDING.current_period_end)
    assert after_the_declaration(trial)["more_time"] is None


@pytest.mark.parametrize("name", SHAPES)
def test_no_offer_fits_after_the_declaration_that_would_not_fit_before_it(name: str) -> None:
    subscription, _ = SHAPES[name]
    ends_at = subscription.current_period_end
    ending = dataclasses.replace(subscription, cancel_at_period_end=True, cancel_at=ends_at)
    going = going_on(ending)

    for key, code in after_the_declaration(ending).items():
        offer = ALL_KINDS.offer(key)
        assert offer is not None
        if code is None:
            assert why_not(offer, going) is None
            assert isinstance(offer, CouponOffer | PauseOffer | TrialOffer)
            assert ending.schedule_id is None


@pytest.mark.parametrize(
    ("subscription", "expected"),
    [
        pytest.param(None, Code.SUBSCRIPTION_WAS_NOT_READ, id="Stripe is slow"),
        pytest.param(SHAPES["canceled"][0], Code.SUBSCRIPTION_HAS_ENDED, id="it ended at once"),
        pytest.param(ACTIVE, Code.SUBSCRIPTION_IS_ENDING, id="nothing is to be taken back"),
        pytest.param(
            SHAPES["ending in a later period"][0], Code.SUBSCRIPTION_IS_ENDING, id="agreed on"
        ),
        pytest.param(
            dataclasses.replace(
                SHAPES["under a schedule with nothing more to come"][0], cancel_at=DUE
            ),
            Code.SUBSCRIPTION_IS_ENDING,
            id="a schedule stands in the way",
        ),
    ],
)
def test_after_the_declaration_nothing_is_offered_that_takes_two_steps_or_comes_too_late(
    subscription: Subscription | None, expected: Code
) -> None:
    assert after_the_declaration(subscription)["half_price"] == expected


def test_after_the_declaration_the_other_rules_hold_as_before() -> None:
    only = FlowDefinition(offers=(HALF,), at_most_one_gift_in_days=180)
    assert after_the_declaration(ENDING, only, held_out=True) == {"half_price": Code.HELD_OUT}
    taken = dataclasses.replace(IN_GERMANY, history=History(1, last_offer_at=NOW))
    assert after_the_declaration(ENDING, only, taken) == {"half_price": Code.GIVEN_RECENTLY}

    # Where nobody knows the place, Minnesota's rule holds as well, and nobody asks for the permission any more.
    assert after_the_declaration(ENDING, only, SEEN) == {"half_price": Code.PERMISSION_IS_MISSING}
    dear = FlowDefinition(offers=(dataclasses.replace(HALF, when=reason("too_expensive")),))
    assert after_the_declaration(ENDING, dear)["half_price"] == Code.NOT_FOR_THIS_CUSTOMER
    assert after_the_declaration(ENDING, dear, answers=Answers("too_expensive")) == {
        "half_price": None
    }


def test_rule_of_the_owner_forbids_where_no_permission_helps() -> None:
    rules = (never(benefit).where(place("US-MN")).without(permission), never("coupon"))
    definition = FlowDefinition(offers=(HALF,), rules=rules)

    found = why_not(HALF, definition=definition, snapshot=IN_MINNESOTA, allowed=True)

    assert found == Code.FORBIDDEN_BY_A_RULE


def test_held_out_customer_gets_nothing_and_it_is_known_what_would_have_fitted() -> None:
    held = consider(TWO, SEEN, ACTIVE, NO_ANSWERS, now=NOW, bounds=PLAIN, held_out=True)

    assert [each.code for each in held.offers] == [Code.NOT_IN_TRIAL, Code.HELD_OUT]
    assert held.would_fit
    assert held.fitting.months == {}


def test_held_out_customer_is_not_asked_for_permission() -> None:
    held = consider(TWO, IN_MINNESOTA, ACTIVE, NO_ANSWERS, now=NOW, bounds=BY_PLACE, held_out=True)

    assert [each.code for each in held.offers] == [Code.NOT_IN_TRIAL, Code.HELD_OUT]
    assert held.would_fit
    assert not held.needs_permission


def test_offer_can_be_left_out_later_because_it_has_no_price() -> None:
    definition = FlowDefinition(offers=(BREAK, HALF))
    considered = consider(definition, SEEN, ACTIVE, NO_ANSWERS, now=NOW, bounds=PLAIN)

    left = considered.left_out("half_price", Code.SUBSCRIPTION_WAS_NOT_READ)

    assert list(left.fitting.months) == ["break"]
    assert left.would_fit


def test_judgement_comes_back_from_json_as_it_was() -> None:
    considered = consider(
        FlowDefinition(offers=(TRIAL, BREAK)), SEEN, ACTIVE, NO_ANSWERS, now=NOW, bounds=PLAIN
    )
    stored = json.loads(json.dumps(considered_to_json(considered)))

    assert considered_from_json(stored) == considered
    assert considered_from_json(considered_to_json(Considered())) == Considered()
    with pytest.raises(UnreadableLedgerError):
        considered_from_json(stored | {"mood": 1})
    stored["offers"][0]["mood"] = 1
    with pytest.raises(UnreadableLedgerError):
        considered_from_json(stored)


def test_all_offers_can_be_left_out_for_one_reason() -> None:
    considered = Considered(
        (ConsideredOffer("a"), ConsideredOffer("b", Code.NOT_IN_TRIAL, ())), would_fit=True
    )
    left_out = considered.all_left_out(Code.GIVEN_RECENTLY)

    assert [(each.key, each.code) for each in left_out.offers] == [
        ("a", Code.GIVEN_RECENTLY),
        ("b", Code.GIVEN_RECENTLY),
    ]
    assert (left_out.would_fit, left_out.needs_permission) == (False, False)
    assert left_out.is_all(Code.GIVEN_RECENTLY)
    assert not considered.is_all(Code.GIVEN_RECENTLY)
    assert not Considered().is_all(Code.GIVEN_RECENTLY)
