"""The walk goes along every path, and finds each promise that a broken flow would break."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from aiocancel.core.codes import Code
from aiocancel.core.flow.conditions import column, in_trial, place, plan, reason, tenure
from aiocancel.core.flow.definition import (
    CouponOffer,
    FlowDefinition,
    HandledOffer,
    PauseOffer,
    Reason,
    TrialOffer,
)
from aiocancel.core.flow.rules import (
    PLACE_RULES,
    FlowRule,
    benefit,
    declaration,
    everything,
    never,
    permission,
)
from aiocancel.core.flow.steps import (
    AnswersGiven,
    ExitPressed,
    FittingOffers,
    FlowEvent,
    FlowProgress,
    FlowStep,
    FlowStepError,
    OfferAccepted,
    OfferDeclined,
    SessionState,
    advance,
)
from aiocancel.core.flow.walk import Advance, FlowPath, Walked, walk

HALF = CouponOffer(
    "half_price", percent_off=50, months=3, when=reason("too_expensive") & tenure(at_least_months=2)
)
BREAK = PauseOffer("break", months=(1, 2), sentence="You can read.", when=reason("unused"))
CALL = HandledOffer("call", "A call", "We show you how.", "Book a call")
FLOW = FlowDefinition(offers=(HALF, BREAK, CALL), offers_at_most=2)


def test_default_flow_has_one_way_for_each_reason() -> None:
    found = walk(FlowDefinition())

    # From the question at once, or after it from the exit; with one of eight reasons, or none.
    assert (found.paths, found.customers, found.most_screens) == (2 * 9, 1, 2)
    assert (found.broken, found.offers, found.never_shown) == ((), (), ())
    assert found.most_monthly.in_words() == "nothing"


def test_every_promise_holds_on_every_path_of_a_flow_with_offers() -> None:
    found = walk(FLOW, place_rules=PLACE_RULES)

    assert found.broken == ()
    assert found.never_shown == ()
    # Why, permission, two offers, exit.
    assert found.most_screens == 5
    assert found.customers == 15
    assert found.paths > 100


def test_paths_of_a_small_flow_can_be_counted_by_hand() -> None:
    only = FlowDefinition(reasons=(), offers=(BREAK_FOR_ALL,))

    found = walk(only)

    # It does not fit: leave at once, or after the question. It fits: leave at once, at the offer, after declining
    # it, or take one of two lengths.
    assert found.paths == 2 + 5
    assert found.offers[0].paths == 4


BREAK_FOR_ALL = dataclasses.replace(BREAK, when=None)


def test_offer_that_no_path_shows_is_named() -> None:
    hidden = TrialOffer("hidden", 3, when=in_trial() & ~in_trial())
    forbidden = FlowDefinition(offers=(CALL, hidden, HALF), rules=(never("coupon"),))

    assert walk(forbidden).never_shown == ("hidden", "half_price")


def test_most_that_a_customer_can_cost_is_told() -> None:
    found = walk(dataclasses.replace(FLOW, at_most_one_gift_in_days=365))

    # Two gifts: 50 % of three payments, or two payments left out.
    assert found.most_monthly.percent == Decimal("33.4")
    assert found.most_yearly.percent == 0
    assert found.most.percent == Decimal("33.4")
    assert not found.most_monthly.is_known


def test_too_many_screens_break_the_owners_bound() -> None:
    found = walk(FLOW, most_screens=3)

    assert [each.promise for each in found.broken] == ["no path has more than 3 screens"]
    assert found.broken[0].path.screens == ("why", "break", "call", "exit")
    words = found.broken[0].path.in_words()
    assert words.endswith("; the reason is unused: why > break > call > exit > open")


def test_a_path_of_who_gives_no_reason_is_told_in_words() -> None:
    path = FlowPath("any customer", None, ("permission", "half_price"), SessionState.CANCELED)

    assert path.in_words() == (
        "any customer; no reason is given: permission > half_price > canceled"
    )


# Negative controls: each machine breaks one promise, and the walk must say so.


def broken(machine: Advance, definition: FlowDefinition = FLOW) -> list[str]:
    found: Walked = walk(definition, place_rules=PLACE_RULES, machine=machine)
    return [each.promise for each in found.broken]


def test_exit_that_does_not_work_is_found() -> None:
    def machine(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        if isinstance(event, ExitPressed) and progress.step is FlowStep.OFFER:
            raise FlowStepError("Are you sure?")
        return advance(definition, progress, fitting, event)

    assert broken(machine) == ["the exit works on every screen", "every button works"]


def test_exit_that_leads_to_another_screen_is_found() -> None:
    def machine(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        if isinstance(event, ExitPressed) and progress.step is FlowStep.WHY:
            return dataclasses.replace(progress, step=FlowStep.EXIT)
        return advance(definition, progress, fitting, event)

    assert broken(machine) == ["the exit works on every screen"]


def test_required_reason_is_found() -> None:
    def machine(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        if isinstance(event, AnswersGiven) and event.answers.reason is None:
            raise FlowStepError("Choose a reason.", code=Code.NOT_AT_THIS_STEP)
        return advance(definition, progress, fitting, event)

    assert broken(machine) == ["no answer is needed to go on"]


def test_accept_button_that_does_nothing_is_found() -> None:
    def machine(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        if isinstance(event, OfferAccepted):
            raise FlowStepError("No.")
        return advance(definition, progress, fitting, event)

    assert broken(machine) == ["every button works"]


def test_offer_without_the_permission_that_a_rule_asks_for_is_found() -> None:
    def machine(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        following = advance(definition, progress, fitting, event)
        if following.step is FlowStep.PERMISSION:
            return dataclasses.replace(following, step=FlowStep.OFFER, shown=("call",))
        return following

    rules = (never(benefit).where(place("US-MN")).without(permission),)
    asks = FlowDefinition(offers=(CALL,), rules=rules)
    assert "no offer is shown that a rule forbids" in broken(machine, asks)


def test_offer_that_stays_on_the_screen_though_another_reason_forbids_it_is_found() -> None:
    def machine(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        if isinstance(event, AnswersGiven) and progress.on_screen is not None:
            return dataclasses.replace(progress, answers=event.answers, step=FlowStep.OFFER)
        return advance(definition, progress, fitting, event)

    rules = (never("coupon").where(reason("customer_service")),)
    coupon = FlowDefinition(offers=(CouponOffer("half", percent_off=50),), rules=rules)
    found = walk(coupon, machine=machine).broken

    assert [each.promise for each in found] == [
        "every button works",
        "no offer is shown that a rule forbids",
    ]
    assert found[1].path.screens == ("half", "why")
    assert found[1].path.reason == "customer_service"
    assert walk(coupon).broken == ()


def test_question_that_takes_one_answer_alone_is_found() -> None:
    def machine(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        if isinstance(event, AnswersGiven) and progress.step is not FlowStep.WHY:
            raise FlowStepError("You have said why.")
        return advance(definition, progress, fitting, event)

    assert broken(machine) == ["every button works", "no answer is needed to go on"]


def test_offers_that_a_customer_is_shown_are_not_said_to_be_never_shown() -> None:
    coupon = dataclasses.replace(HALF, months="forever")
    elsewhere = place("US") & ~place("US-MN")
    churn = ~column("churn", at_most=Decimal("0.2")) & ~column("churn", at_least=Decimal("0.4"))
    plans = plan("price_a") & plan("price_b") & plan("price_c") & ~plan("price_d")
    hard = (never(benefit).where(place("US-MN")),)

    for when, rules in ((elsewhere, PLACE_RULES), (churn, ()), (plans, ()), (place("US"), hard)):
        offer = dataclasses.replace(coupon, when=when)
        found = walk(FlowDefinition(offers=(offer,), rules=rules))
        assert found.never_shown == (), when.in_words()
        assert found.broken == ()


def test_offer_that_comes_back_and_one_too_many_are_found() -> None:
    def machine(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        following = advance(definition, progress, fitting, event)
        if isinstance(event, OfferDeclined) and following.step is FlowStep.EXIT:
            again = (*progress.shown, event.key)
            return dataclasses.replace(progress, shown=again)
        return following

    assert set(broken(machine)) >= {
        "a declined offer does not come back",
        "no more offers are shown than are allowed",
        "no path has more than 6 screens",
    }


def test_flow_that_never_ends_is_walked_to_an_end() -> None:
    def machine(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        following = advance(definition, progress, fitting, event)
        return progress if following.state is SessionState.OPEN else following

    assert broken(machine) == ["no path has more than 6 screens"]


@pytest.mark.parametrize("where", ["DE", None])
def test_where_nothing_may_stand_before_the_declaration_the_exit_is_all(where: str | None) -> None:
    everywhere = never("question", "custom") if where is None else PLACE_RULES[0]

    found = walk(FlowDefinition(offers=(CALL,), rules=(everywhere,)), most_screens=6)

    assert found.broken == ()
    assert ("call" in found.never_shown) is (where is None)


GERMAN = FlowDefinition(
    reasons=(Reason("unused"),),
    offers=(CouponOffer("half", percent_off=50), BREAK, CALL),
    rules=(FlowRule(everything, None, declaration),),
)


def test_what_follows_a_declaration_can_be_counted_by_hand() -> None:
    found = walk(GERMAN)

    assert (found.broken, found.customers) == ((), 1)
    # Before, the exit is all there is, for each of two answers. Afterwards, without an answer and after none: nothing
    # fits (2), or the coupon is left or taken (4). With the reason: nothing (2), the coupon (4), or the pause, which is
    # left, or taken for one of two lengths, or not there yet (4).
    assert found.paths == 2 + 6 + 10
    assert {each.offer.key: each.paths for each in found.offers} == {
        "half": 8,
        "break": 3,
        "call": 0,
    }
    assert found.never_shown == ("call",)
    assert found.most_screens == 3


def test_nothing_is_offered_before_the_declaration_on_any_path() -> None:
    def machine(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        if isinstance(event, AnswersGiven) and progress.step is FlowStep.WHY:
            return dataclasses.replace(progress, step=FlowStep.OFFER, shown=("break",))
        return advance(definition, progress, fitting, event)

    # Without its reason the pause is not allowed after the declaration either.
    found = walk(GERMAN, machine=machine).broken
    assert [each.promise for each in found] == [
        "no offer is shown that a rule forbids",
        "every button works",
        # As it would be for whom it was shown before.
        "a declined offer does not come back",
    ]
    assert found[0].path.screens == ("exit", "outcome")
    assert found[0].path.in_words() == ("any customer; no reason is given: exit > outcome > open")


def test_page_of_the_outcome_that_asks_for_a_permission_or_takes_no_answer_is_found() -> None:
    def asks(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        following = advance(definition, progress, fitting, event)
        return dataclasses.replace(following, step=FlowStep.PERMISSION)

    def takes_none(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        if isinstance(event, AnswersGiven) and (event.answers.reason or not progress.shown):
            raise FlowStepError("No.")
        return advance(definition, progress, fitting, event)

    def takes_silence(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        if isinstance(event, AnswersGiven) and event.answers.reason:
            raise FlowStepError("No.")
        return advance(definition, progress, fitting, event)

    found = [each.promise for each in walk(GERMAN, machine=asks).broken]
    assert "no more offers are shown than are allowed" in found
    found = [each.promise for each in walk(GERMAN, machine=takes_none).broken]
    assert found == ["no answer is needed to go on"]
    found = [each.promise for each in walk(GERMAN, machine=takes_silence).broken]
    assert found == ["every button works"]


def test_offer_that_comes_back_after_the_declaration_or_beyond_the_number_is_found() -> None:
    def forgets(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        if isinstance(event, AnswersGiven) and progress.step is FlowStep.WHY:
            progress = dataclasses.replace(progress, shown=(), declined=())
        return advance(definition, progress, fitting, event)

    def shows_more(
        definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
    ) -> FlowProgress:
        if isinstance(event, AnswersGiven) and progress.declined == ("half",):
            return dataclasses.replace(
                progress, step=FlowStep.OFFER, shown=("half", "break"), declined=("half",)
            )
        return advance(definition, progress, fitting, event)

    found = [each.promise for each in walk(GERMAN, machine=forgets).broken]
    assert found == ["a declined offer does not come back"]
    found = [each.promise for each in walk(GERMAN, machine=shows_more).broken]
    assert "no more offers are shown than are allowed" in found


def test_where_even_the_declaration_lifts_no_question_the_offer_comes_without_one() -> None:
    rules = (PLACE_RULES[0], never("question"))
    found = walk(FlowDefinition(offers=(CouponOffer("half", percent_off=50),), rules=rules))

    assert (found.broken, found.never_shown) == ((), ())
