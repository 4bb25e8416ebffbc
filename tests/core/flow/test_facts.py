"""The facts on a screen: the date before the click is the date after it, and nothing is told that nobody knows."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

import pytest

from aiocancel.core.decision import CancelTiming
from aiocancel.core.flow.facts import facts_of
from aiocancel.core.flow.screen import Situation, SubscriptionFacts
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.page_facts import Line, ShownSubscription
from aiocancel.core.sentences import Money, Sentence
from aiocancel.core.subscription import CollectionPause, OwnedSubscription, Subscription
from tests.support.subscription_shapes import (
    ACTIVE,
    DAY,
    DUE,
    JUST_PAST,
    NOW,
    SHAPES,
    YEAR_DUE,
    shape,
)

LINE = Line("price_pro", "Pro", 2900, "usd", "month", 1)
OWNED = OwnedSubscription(CustomerId("7"), SubscriptionId("sub_1"), {"plan": "Team"})


def told(subscription: Subscription, **settings: Any) -> SubscriptionFacts:
    return facts_of(ShownSubscription(subscription, (LINE,)), None, now=NOW, **settings)


CASES: dict[str, tuple[Situation, datetime | None]] = {
    "active": (Situation.PERIOD_END, DUE),
    "trialing": (Situation.TRIAL, DUE),
    "past due": (Situation.PAST_DUE, DUE),
    "unpaid": (Situation.PAST_DUE, DUE),
    "incomplete": (Situation.ENDS_AT_ONCE, None),
    "paused": (Situation.PAUSED, None),
    "its payments are paused": (Situation.PAUSED, DUE),
    "ending with its period": (Situation.ALREADY_ENDING, DUE),
    "ending by date": (Situation.ALREADY_ENDING, DUE - DAY),
    "ending in a later period": (Situation.SET_END, YEAR_DUE),
    "ending later, as was asked for": (Situation.ALREADY_ENDING, YEAR_DUE),
    "canceled": (Situation.ENDED, NOW),
    "expired": (Situation.ENDED, None),
    "under a schedule with nothing more to come": (Situation.PERIOD_END, DUE),
    "under a schedule with phases to come": (Situation.DATE_IS_UNKNOWN, None),
    "under a downgrade at the period's end": (Situation.PERIOD_END, DUE),
    "it is billed ahead": (Situation.PERIOD_END, YEAR_DUE),
    "its intervals are mixed": (Situation.PERIOD_END, YEAR_DUE),
    "annual, next paid in nine months": (Situation.PERIOD_END, YEAR_DUE),
    "Stripe lists only some of its items": (Situation.DATE_IS_UNKNOWN, None),
    "its next payment is unknown": (Situation.DATE_IS_UNKNOWN, None),
    "renewing": (Situation.DATE_IS_UNKNOWN, None),
}


@pytest.mark.parametrize("name", SHAPES)
def test_situation_and_date_follow_from_the_subscription(name: str) -> None:
    expected = CASES.get(name, (Situation.PERIOD_END, SHAPES[name][0].current_period_end))

    facts = told(SHAPES[name][0])

    assert (facts.situation, facts.ends_at) == expected


def test_a_pause_can_be_ended_instead_whenever_there_is_one() -> None:
    paused = [name for name in SHAPES if told(SHAPES[name][0], timing="now").is_paused]

    assert paused == ["paused", "its payments are paused"]
    assert [name for name in SHAPES if told(SHAPES[name][0]).is_paused] == paused


@pytest.mark.parametrize("timing", ["at_period_end", "now"])
def test_an_open_payment_is_told_whenever_the_subscription_ends(timing: CancelTiming) -> None:
    overdue = SHAPES["past due"][0]

    assert told(overdue, timing=timing).still_open == Sentence("confirm_past_due")
    assert told(ACTIVE, timing=timing).still_open is None


def test_everything_ends_at_once_where_the_owner_says_so() -> None:
    facts = told(ACTIVE, timing="now")

    assert (facts.situation, facts.ends_at, facts.is_ending) == (
        Situation.ENDS_AT_ONCE,
        None,
        False,
    )
    assert told(SHAPES["canceled"][0], timing="now").situation is Situation.ENDED


def test_who_has_cancelled_already_may_leave_at_once_where_the_owner_says_so() -> None:
    ending = SHAPES["ending with its period"][0]

    facts = told(ending, timing="now")

    assert (facts.situation, facts.ends_at) == (Situation.ENDS_AT_ONCE, DUE)
    assert facts.is_ending
    assert not told(ending).is_ending


def test_items_that_end_apart_end_with_the_first_where_the_owner_says_so() -> None:
    mixed = SHAPES["its intervals are mixed"][0]

    assert told(mixed, ends_with="first").ends_at == DUE


def test_schedule_that_is_left_to_a_person_has_no_date_yet() -> None:
    scheduled = SHAPES["under a schedule with nothing more to come"][0]

    assert told(scheduled, schedule_policy="park").situation is Situation.DATE_IS_UNKNOWN


def test_paused_subscription_says_until_when_where_that_is_to_come() -> None:
    def until(at: datetime | None) -> datetime | None:
        return told(shape(paused=CollectionPause("void", at))).paused_until

    assert until(YEAR_DUE) == YEAR_DUE
    assert until(JUST_PAST) is None
    assert until(None) is None
    assert told(shape(status="paused")).paused_until is None


def test_end_of_a_paused_subscription_is_told_where_that_is_to_come() -> None:
    paused = shape(paused=CollectionPause("void", YEAR_DUE))

    assert told(paused).ends_at == DUE
    assert facts_of(ShownSubscription(paused, (LINE,)), None, now=DUE).ends_at is None


def test_plan_and_price_are_told_and_several_items_by_name() -> None:
    facts = told(ACTIVE)
    assert facts.price == Sentence("price_per_month", {"price": Money(2900, "usd"), "count": 1})
    assert (facts.plan, facts.items) == ("Pro", ())

    lines = (LINE, dataclasses.replace(LINE, name="3 seats"))
    several = facts_of(ShownSubscription(ACTIVE, lines), OWNED, now=NOW)
    assert (several.plan, several.items) == ("Team", ("Pro", "3 seats"))

    unnamed = (LINE, dataclasses.replace(LINE, name=None))
    assert facts_of(ShownSubscription(ACTIVE, unnamed), None, now=NOW).items == ()
    assert facts_of(ShownSubscription(ACTIVE, lines, has_more=True), None, now=NOW).items == ()


def test_without_stripes_answer_the_date_is_unknown_and_the_plan_is_the_applications() -> None:
    assert facts_of(None, OWNED, now=NOW) == SubscriptionFacts(
        Situation.DATE_IS_UNKNOWN, plan="Team"
    )


def test_without_stripes_answer_it_still_ends_at_once_where_the_owner_says_so() -> None:
    assert facts_of(None, OWNED, now=NOW, timing="now") == SubscriptionFacts(
        Situation.ENDS_AT_ONCE, plan="Team"
    )
