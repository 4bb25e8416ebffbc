"""Another plan when the period ends: planned once, watched until it comes, and never planned over anything else."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from aiocancel.core.actions import Defer, Done, Receipt, Refuse, Step, Supersede, Wait, Write
from aiocancel.core.changes import SchedulePrice, SwapPrice
from aiocancel.core.codes import Code
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.scheduled_plan import PHASE_MARGIN
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponTerms,
    CustomTerms,
    PlanTerms,
    offer_from_json,
    offer_to_json,
    with_seats,
)
from aiocancel.core.schedule_phases import PhaseItem
from aiocancel.core.schedules import MakeSchedule
from aiocancel.core.subscription import AppliedDiscount, Price, Subscription
from aiocancel.errors import ConfigurationError
from tests.support.subscription_shapes import (
    BASIC,
    DUE,
    NOW,
    ON_BASIC,
    PLANNED,
    PRO,
    RUNNING,
    SOON,
    SUPPORT,
    USAGE,
    due_at,
    shape,
    step,
    under,
)

TERMS = PlanTerms(BASIC, prorate=True, at_period_end=True)
COMES = Defer(DUE + PHASE_MARGIN, takes_effect_at=DUE, by_schedule=True)
OUR_KIND = OfferRules(plan_starts="period_end")
SAVED = AppliedDiscount("di_saved", "SAVED")


def schedule_of(subscription: Subscription, **changes: object) -> Subscription:
    assert subscription.schedule is not None
    schedule = dataclasses.replace(subscription.schedule, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(subscription, schedule=schedule)


@pytest.mark.parametrize(
    ("subscription", "promised", "expected"),
    [
        pytest.param(under(RUNNING, ON_BASIC), False, COMES, id="it is planned"),
        pytest.param(under(RUNNING, ON_BASIC), True, COMES, id="it is planned still"),
        pytest.param(under(RUNNING), False, Write(PLANNED), id="the answer was lost"),
        pytest.param(
            under(RUNNING), True, Refuse(Code.PLAN_IS_PLANNED_NO_MORE), id="it was taken out"
        ),
        pytest.param(
            shape(), True, Refuse(Code.PLAN_IS_PLANNED_NO_MORE), id="the schedule was released"
        ),
        pytest.param(
            shape(),
            False,
            Refuse(Code.CHANGED_SINCE_IT_WAS_TRIED),
            id="it was released before anybody saw the plan in it",
        ),
        pytest.param(
            shape(items=(dataclasses.replace(PRO, price_id=BASIC),)),
            True,
            Done(Receipt("active", None)),
            id="it has come",
        ),
        pytest.param(
            shape(items=(dataclasses.replace(PRO, price_id=BASIC, quantity=1),)),
            True,
            Refuse(Code.PLAN_IS_PLANNED_NO_MORE),
            id="it has come with other seats",
        ),
        pytest.param(
            shape(cancel_at_period_end=True, cancel_at=DUE),
            True,
            Supersede(Code.SUBSCRIPTION_IS_ENDING),
            id="the customer leaves",
        ),
        pytest.param(
            shape(status="canceled", ended_at=NOW),
            True,
            Supersede(Code.SUBSCRIPTION_HAS_ENDED),
            id="the customer has left",
        ),
        pytest.param(
            dataclasses.replace(due_at(SOON), schedule_id="sub_sched_1"),
            False,
            Wait(),
            id="it renews",
        ),
        pytest.param(
            under(dataclasses.replace(RUNNING, discounts=("di_new",))),
            False,
            Refuse(Code.CHANGED_SINCE_IT_WAS_TRIED),
            id="the running phase was changed",
        ),
    ],
)
def test_a_plan_is_planned_once_and_then_only_watched(
    subscription: Subscription, promised: bool, expected: Step
) -> None:
    reached = step(TERMS, subscription, earlier=PLANNED, promised=DUE if promised else None)
    assert reached == expected


def test_a_plan_that_comes_late_is_waited_for_from_then_on() -> None:
    late = DUE + timedelta(hours=3)
    due = dataclasses.replace(under(RUNNING, ON_BASIC), current_period_end=DUE)
    again = step(TERMS, due, earlier=PLANNED, promised=DUE, now=late)
    assert again == Defer(late + PHASE_MARGIN, takes_effect_at=DUE, by_schedule=True)


@pytest.mark.parametrize(
    ("subscription", "code"),
    [
        pytest.param(
            schedule_of(under(RUNNING), end_behavior="cancel", ends_at=DUE + timedelta(days=300)),
            Code.SCHEDULE_HAS_AN_END_OF_ITS_OWN,
            id="a schedule that ends it later",
        ),
        pytest.param(
            schedule_of(under(RUNNING), subscription_id="sub_2"),
            Code.SCHEDULE_OF_ANOTHER_SUBSCRIPTION,
            id="a stranger's schedule",
        ),
        pytest.param(
            shape(schedule_id="sub_sched_1"), Code.SCHEDULE_IS_UNKNOWN, id="nobody read it"
        ),
        pytest.param(
            under(dataclasses.replace(RUNNING, ends_at=DUE + timedelta(days=90))),
            Code.SCHEDULE_CANNOT_BE_KEPT,
            id="a phase that lasts longer than the period",
        ),
        pytest.param(
            under(RUNNING, discounts=(SAVED,)),
            Code.SCHEDULE_CANNOT_BE_KEPT,
            id="a discount that the phase does not have",
        ),
        pytest.param(
            under(dataclasses.replace(RUNNING, discounts=("di_gone",))),
            Code.SCHEDULE_CANNOT_BE_KEPT,
            id="a discount that only the phase has",
        ),
        pytest.param(
            under(RUNNING, items=(dataclasses.replace(PRO, quantity=5),)),
            Code.SCHEDULE_CANNOT_BE_KEPT,
            id="other seats than in the phase",
        ),
        pytest.param(
            under(RUNNING, dataclasses.replace(ON_BASIC, items=(PhaseItem("price_max", 3),))),
            Code.SCHEDULE_HAS_PENDING_PHASES,
            id="another plan comes",
        ),
        pytest.param(
            shape(last_period_end=DUE + timedelta(days=9)),
            Code.PERIODS_ARE_MIXED,
            id="items paid on other days",
        ),
        pytest.param(
            shape(current_period_end=None), Code.NEXT_PAYMENT_IS_UNKNOWN, id="no date is known"
        ),
    ],
)
def test_nothing_is_planned_over_what_somebody_else_agreed_on(
    subscription: Subscription, code: Code
) -> None:
    assert step(TERMS, subscription) == Refuse(code)


def test_discounts_and_other_items_are_in_both_phases() -> None:
    running = dataclasses.replace(
        RUNNING,
        items=(PhaseItem("price_pro", 3, ("txr_1",)), PhaseItem("price_usage", None)),
        discounts=("di_saved",),
    )
    subscription = under(running, items=(PRO, USAGE), discounts=(SAVED,))
    reached = step(TERMS, subscription)

    assert isinstance(reached, Write)
    change = reached.change
    assert isinstance(change, SchedulePrice)
    assert change.running.discounts == ("di_saved",)
    assert change.items == (PhaseItem(BASIC, 3, ("txr_1",)), PhaseItem("price_usage", None))


def test_metadata_of_the_running_phase_is_not_kept_and_does_not_stand_in_the_way() -> None:
    named = under(dataclasses.replace(RUNNING, metadata=(("email", "ada@example.com"),)))

    assert step(TERMS, named) == Write(PLANNED)
    assert step(TERMS, named, earlier=PLANNED) == Write(PLANNED)


def test_the_new_plans_period_is_that_of_its_price() -> None:
    year = Price(BASIC, "year", 1, is_metered=False)
    metered = Price(BASIC, "month", 1, is_metered=True)
    of_year, of_usage = (step(TERMS, under(RUNNING), price=each) for each in (year, metered))

    assert of_year == Write(dataclasses.replace(PLANNED, interval="year"))
    assert of_usage == Write(dataclasses.replace(PLANNED, quantity=None))


@pytest.mark.parametrize("terms", [TERMS, PlanTerms(BASIC, prorate=True)], ids=["later", "now"])
def test_nobody_guesses_how_many_are_to_be_paid_in_the_place_of_usage(terms: PlanTerms) -> None:
    of_usage = shape(items=(USAGE,))
    licensed = Price(BASIC, "month", 1, is_metered=False)
    metered = dataclasses.replace(licensed, is_metered=True)

    # Stripe would take one.
    assert step(terms, of_usage, price=licensed) == Refuse(Code.QUANTITY_IS_UNKNOWN)
    assert step(terms, of_usage) == Refuse(Code.QUANTITY_IS_UNKNOWN)
    assert isinstance(step(terms, of_usage, price=metered), Write)
    assert isinstance(step(terms, shape(), price=licensed), Write)


def test_the_owner_can_let_every_vendors_plan_begin_with_the_next_period() -> None:
    now = PlanTerms(BASIC, prorate=True)
    assert step(now, shape(), rules=OUR_KIND) == step(TERMS, shape())
    # What was decided under the old rule is carried out as it was.
    swap = SwapPrice("si_pro", BASIC, replaced="price_pro", quantity=3, prorate=True)
    assert step(now, shape(), rules=OUR_KIND, earlier=swap) == Write(swap)
    assert step(now, under(RUNNING, ON_BASIC), earlier=PLANNED) == COMES
    # And where several could be the plan, a person decides.
    two = shape(items=(PRO, SUPPORT))
    assert step(now, two, rules=OUR_KIND) == Refuse(Code.WHICH_ITEM_IS_THE_PLAN)


FEWER = PlanTerms("price_pro", prorate=False, at_period_end=True, seats=1)


def test_fewer_seats_come_with_the_next_period_at_the_same_price() -> None:
    fewer = dataclasses.replace(PLANNED, price_id="price_pro", quantity=1)

    assert step(FEWER, shape()) == step(TERMS, shape())
    assert step(FEWER, under(RUNNING)) == Write(fewer)
    assert fewer.items == (PhaseItem("price_pro", 1),)
    # They are promised, come, and are not given twice.
    after = dataclasses.replace(RUNNING, starts_at=DUE, ends_at=ON_BASIC.ends_at, items=fewer.items)
    assert step(FEWER, under(RUNNING, after), earlier=fewer) == COMES
    has_one = shape(items=(dataclasses.replace(PRO, quantity=1),))
    assert step(FEWER, has_one, earlier=fewer, promised=DUE) == Done(Receipt("active", None))
    assert step(FEWER, has_one) == Done(Receipt("active", None))
    # An offer that names seats waits for the period's end, whatever else it says.
    at_once = dataclasses.replace(FEWER, at_period_end=False)
    assert step(at_once, under(RUNNING)) == Write(fewer)


def test_more_seats_and_seats_of_usage_are_no_offer() -> None:
    refused = Refuse(Code.SEATS_WOULD_NOT_BE_FEWER)
    of_usage = dataclasses.replace(PRO, is_metered=True, quantity=None)

    assert step(dataclasses.replace(FEWER, seats=4), shape()) == refused
    assert step(FEWER, shape(items=(of_usage,))) == refused
    assert step(FEWER, shape(items=(PRO, PRO))) == refused


def test_fewer_seats_of_a_price_by_volume_are_no_offer_because_each_may_cost_more() -> None:
    each = Price("price_pro", "month", 1, is_metered=False)
    by_volume = dataclasses.replace(each, is_by_volume=True)

    assert step(FEWER, under(RUNNING), price=by_volume) == Refuse(Code.SEATS_MAY_COST_MORE)
    assert isinstance(step(FEWER, under(RUNNING), price=each), Write)


def test_seats_of_another_price_are_no_offer_because_they_could_cost_more() -> None:
    refused = Refuse(Code.SEATS_OF_ANOTHER_PRICE)
    other = PlanTerms(BASIC, prorate=False, at_period_end=True, seats=1)
    rules = OfferRules(plan_price_ids=frozenset({"price_pro"}))

    assert step(other, shape()) == refused
    assert step(other, shape(items=(PRO, SUPPORT)), rules=rules) == refused
    assert step(dataclasses.replace(TERMS, seats=4), shape()) == refused
    assert step(FEWER, shape(items=(USAGE,))) == refused


def test_the_price_of_an_add_on_is_not_the_plan_that_a_customer_has_already() -> None:
    rules = OfferRules(plan_price_ids=frozenset({"price_pro"}))
    add_on = dataclasses.replace(SUPPORT, price_id=BASIC)

    answer = step(
        dataclasses.replace(TERMS, at_period_end=False), shape(items=(PRO, add_on)), rules=rules
    )

    assert not isinstance(answer, Done)


def test_a_custom_offer_stands_for_seats_where_the_owner_says_so() -> None:
    seat_offers = {"offr_fewer": ("price_pro", 1)}
    custom = AcceptedOffer("offr_fewer", CustomTerms(), {"team": "blue"})
    coupon = AcceptedOffer("offr_fewer", CouponTerms(None, None, "once"))

    assert with_seats(custom, seat_offers) == dataclasses.replace(custom, terms=FEWER)
    for other in (dataclasses.replace(custom, offer_id="offr_call"), coupon, None):
        assert with_seats(other, seat_offers) == other


@pytest.mark.parametrize(
    "seat_offers",
    [
        pytest.param({"offr_1": ("price_pro", 0)}, id="no seats"),
        pytest.param({"offr_1": ("price_pro", "3")}, id="a text"),
        pytest.param({"offr_1": ("", 3)}, id="no price"),
        pytest.param({"offr_1": 3}, id="only a number"),
        pytest.param({"offr_1": ("price_pro", 3, 3)}, id="one too many"),
        pytest.param(["offr_1"], id="a list"),
    ],
)
def test_seats_that_cannot_be_meant_are_refused(seat_offers: Any) -> None:
    with pytest.raises(ConfigurationError, match="seat_offers"):
        OfferRules(seat_offers=seat_offers)


def test_nothing_is_planned_where_schedules_are_left_to_people() -> None:
    refused = Refuse(Code.SUBSCRIPTION_HAS_A_SCHEDULE)
    assert step(TERMS, shape(), policy="park") == refused
    assert step(TERMS, under(RUNNING), policy="park") == refused
    assert step(TERMS, shape(), policy="release") == step(TERMS, shape())
    assert isinstance(step(TERMS, shape()), Write)
    assert MakeSchedule("sub_1") == step(TERMS, shape()).schedule  # type: ignore[union-attr]


def test_terms_come_back_from_the_ledger_and_old_ones_are_read() -> None:
    for terms in (TERMS, FEWER, PlanTerms(BASIC, prorate=False)):
        stored = offer_to_json(AcceptedOffer("offr_1", terms))
        assert ("seats" in stored["terms"]) == (terms.seats is not None)
        assert ("at_period_end" in stored["terms"]) == terms.at_period_end
        assert offer_from_json(stored).terms == terms
