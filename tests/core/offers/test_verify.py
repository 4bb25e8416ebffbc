"""Only the vendor's word about this very subscription makes an offer, and only within the owner's limits."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.core.actions import Action, ActionKind
from aiocancel.core.claim import FlowStatus
from aiocancel.core.codes import Code
from aiocancel.core.decision import Applier, Policy
from aiocancel.core.flow_session import FlowSession
from aiocancel.core.identifiers import FlowSessionId, SubscriptionId
from aiocancel.core.offers.terms import (
    NO_LIMITS,
    AcceptedOffer,
    CouponTerms,
    CustomTerms,
    OfferLimits,
    PauseTerms,
    PlanTerms,
    Terms,
    TrialTerms,
    UnusableOffer,
)
from aiocancel.core.offers.verify import Disproven, Doubtful, NotYet, Proven, Verdict, judge

NOW = datetime(2027, 3, 8, tzinfo=UTC)
SUBSCRIPTION_ID = SubscriptionId("sub_1")
APP = Policy(applies_offers="app", verifies_offers=True)

TERMS: dict[str, Terms] = {
    "coupon": CouponTerms(Decimal(25), None, "repeating", months=6),
    "fixed coupon": CouponTerms(None, Decimal(30), "once"),
    "existing coupon": CouponTerms(Decimal(25), None, "once", coupon_id="WINBACK"),
    "trial extension": TrialTerms(30),
    "plan": PlanTerms("price_basic", prorate=True),
    "pause": PauseTerms("month", 6, at_period_end=True),
    "custom": CustomTerms(),
}


def offer(name: str) -> AcceptedOffer:
    return AcceptedOffer("offr_1", TERMS[name], {"code": "call"})


def session(**changes: Any) -> FlowSession:
    values = {
        "status": FlowStatus.SAVED,
        "subscription_id": SUBSCRIPTION_ID,
        "accepted": offer("coupon"),
        **changes,
    }
    return FlowSession(FlowSessionId("sess_1"), **values)


def verdict(
    judged: FlowSession | None, *, policy: Policy = APP, limits: OfferLimits = NO_LIMITS
) -> Verdict:
    return judge(judged, SUBSCRIPTION_ID, "ada", policy, limits, now=NOW)


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        pytest.param(
            None, Disproven(Code.FLOW_SESSION_UNKNOWN), id="a session that the vendor does not know"
        ),
        pytest.param(
            session(subscription_id="sub_2"),
            Disproven(Code.FLOW_SESSION_OF_ANOTHER_SUBSCRIPTION),
            id="a session of another subscription",
        ),
        pytest.param(
            session(subscription_id=None),
            Disproven(Code.FLOW_SESSION_OF_ANOTHER_SUBSCRIPTION),
            id="a session of no subscription",
        ),
        pytest.param(
            session(subscription_id="sub_2", status=FlowStatus.IN_PROGRESS),
            Disproven(Code.FLOW_SESSION_OF_ANOTHER_SUBSCRIPTION),
            id="another subscription's session under way",
        ),
        pytest.param(
            session(completed_at=NOW - timedelta(days=7, seconds=1)),
            Doubtful(Code.FLOW_SESSION_IS_OLD),
            id="a session from before last week",
        ),
        pytest.param(
            session(accepted=None),
            Doubtful(Code.NO_OFFER_NAMED),
            id="a saved session that names no offer",
        ),
        pytest.param(
            session(accepted=UnusableOffer("offr_1", Code.BAD_AMOUNT)),
            Doubtful(Code.BAD_AMOUNT),
            id="an offer that cannot be carried out to the letter",
        ),
    ],
)
def test_what_the_vendor_does_not_clearly_confirm_gives_nothing(
    judged: FlowSession | None, expected: Verdict
) -> None:
    assert verdict(judged) == expected


@pytest.mark.parametrize("completed_at", [None, NOW, NOW - timedelta(days=7)])
def test_a_session_of_the_last_seven_days_counts(completed_at: datetime | None) -> None:
    assert isinstance(verdict(session(completed_at=completed_at)), Proven)


@pytest.mark.parametrize(
    ("subscriber_id", "customer_id", "is_theirs"),
    [("ada", "ada", True), ("zoe", "ada", False), (None, "ada", False), ("", "", False)],
)
def test_where_sessions_name_customers_the_session_must_be_the_customers(
    subscriber_id: str | None, customer_id: str, is_theirs: bool
) -> None:
    custom = Policy(applies_offers="app", verifies_offers=True, names_customers=True)
    judged = session(subscription_id="custom_1", subscriber_id=subscriber_id)
    reached = judge(judged, SUBSCRIPTION_ID, customer_id, custom, NO_LIMITS, now=NOW)
    assert (reached == Disproven(Code.FLOW_SESSION_OF_ANOTHER_CUSTOMER)) is not is_theirs
    assert isinstance(reached, Proven) is is_theirs


@pytest.mark.parametrize(
    ("meant", "status", "expected"),
    [
        ({"sub_2"}, FlowStatus.SAVED, Disproven(Code.FLOW_SESSION_OF_ANOTHER_SUBSCRIPTION)),
        ({"sub_2"}, FlowStatus.IN_PROGRESS, Disproven(Code.FLOW_SESSION_OF_ANOTHER_SUBSCRIPTION)),
        ({SUBSCRIPTION_ID, "sub_2"}, FlowStatus.SAVED, Doubtful(Code.WHICH_SUBSCRIPTION)),
        ({SUBSCRIPTION_ID, "sub_2"}, FlowStatus.IN_PROGRESS, NotYet()),
    ],
    ids=["another", "another_under_way", "one_of_two", "one_of_two_under_way"],
)
def test_an_offer_reaches_no_subscription_but_the_one_that_it_was_surely_made_for(
    meant: set[str], status: FlowStatus, expected: Verdict
) -> None:
    custom = Policy(applies_offers="app", verifies_offers=True, names_customers=True)
    judged = session(subscription_id=None, subscriber_id="ada", status=status)

    found = judge(judged, SUBSCRIPTION_ID, "ada", custom, NO_LIMITS, now=NOW, meant=meant)
    sure = judge(
        session(subscriber_id="ada"),
        SUBSCRIPTION_ID,
        "ada",
        custom,
        NO_LIMITS,
        now=NOW,
        meant={SUBSCRIPTION_ID},
    )

    assert found == expected
    assert isinstance(sure, Proven)


STATUSES: dict[FlowStatus, Verdict] = {
    FlowStatus.SAVED: Proven(
        "offr_1", (Action(ActionKind.APPLY_OFFER, SUBSCRIPTION_ID, offer=offer("coupon")),)
    ),
    FlowStatus.IN_PROGRESS: NotYet(),
    FlowStatus.CANCELED: Doubtful(Code.FLOW_SESSION_SAYS_CANCELED),
    FlowStatus.DEFLECTED: Disproven(Code.FLOW_SESSION_SAYS_DEFLECTED),
    FlowStatus.INCOMPLETE: Disproven(Code.FLOW_SESSION_SAYS_INCOMPLETE),
    FlowStatus.REROUTED: Disproven(Code.FLOW_SESSION_SAYS_REROUTED),
    FlowStatus.RESUMED: Disproven(Code.flow_session_says(FlowStatus.RESUMED)),
    FlowStatus.UNPAUSED: Disproven(Code.flow_session_says(FlowStatus.UNPAUSED)),
    FlowStatus.DISCOUNT_REMOVED: Disproven(Code.flow_session_says(FlowStatus.DISCOUNT_REMOVED)),
    FlowStatus.PLAN_KEPT: Disproven(Code.flow_session_says(FlowStatus.PLAN_KEPT)),
    FlowStatus.UNKNOWN: Disproven(Code.FLOW_SESSION_SAYS_UNKNOWN),
}


@pytest.mark.parametrize("status", FlowStatus)
def test_only_a_saved_session_proves_an_offer_even_if_another_one_names_it(
    status: FlowStatus,
) -> None:
    assert verdict(session(status=status)) == STATUSES[status]


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("applier", ["app", "vendor"])
def test_a_proven_offer_goes_to_whoever_carries_it_out(name: str, applier: Applier) -> None:
    reached = verdict(
        session(accepted=offer(name)), policy=Policy(applies_offers=applier, verifies_offers=True)
    )
    kind, accepted = ActionKind.APPLY_OFFER, offer(name)
    if name == "custom":
        kind = ActionKind.RUN_OFFER_HANDLER
    elif applier == "vendor":
        kind, accepted = ActionKind.EXPECT_OFFER, dataclasses.replace(accepted, accepted_at=NOW)
    assert reached == Proven("offr_1", (Action(kind, SUBSCRIPTION_ID, offer=accepted),))


def test_fewer_seats_are_carried_out_here_whoever_makes_the_offers() -> None:
    seats = PlanTerms("price_pro", prorate=False, at_period_end=True, seats=2)
    policy = Policy(applies_offers="vendor", verifies_offers=True)
    accepted = AcceptedOffer("offr_1", seats)

    reached = verdict(session(accepted=accepted), policy=policy)
    applied = Action(ActionKind.APPLY_OFFER, SUBSCRIPTION_ID, offer=accepted)
    assert reached == Proven("offr_1", (applied,))


def test_what_the_vendor_carries_out_is_expected_as_of_the_end_of_the_flow_session() -> None:
    ended_at = NOW - timedelta(days=2)
    reached = verdict(
        session(completed_at=ended_at), policy=Policy(applies_offers="vendor", verifies_offers=True)
    )
    assert isinstance(reached, Proven)
    assert [action.offer and action.offer.accepted_at for action in reached.actions] == [ended_at]


@pytest.mark.parametrize(
    ("name", "limits", "code"),
    [
        ("custom", OfferLimits(offer_ids=frozenset({"offr_2"})), Code.OFFER_NOT_ALLOWED),
        ("existing coupon", OfferLimits(coupon_ids=frozenset({"LOYAL"})), Code.COUPON_NOT_ALLOWED),
        ("existing coupon", OfferLimits(max_percent=Decimal(50)), Code.COUPON_IS_NOT_ON_THE_LIST),
        ("coupon", OfferLimits(max_percent=Decimal(20)), Code.PERCENT_TOO_HIGH),
        ("fixed coupon", OfferLimits(max_amount=Decimal("29.99")), Code.AMOUNT_TOO_HIGH),
        ("coupon", OfferLimits(max_months=3), Code.TOO_MANY_MONTHS),
        ("trial extension", OfferLimits(max_days=29), Code.TOO_MANY_DAYS),
        ("plan", OfferLimits(price_ids=frozenset({"price_pro"})), Code.PRICE_NOT_ALLOWED),
        ("pause", OfferLimits(max_months=5), Code.TOO_MANY_MONTHS),
    ],
    ids=[
        "offers",
        "coupons",
        "coupons by their worth",
        "percentage",
        "amount",
        "months of a coupon",
        "days",
        "prices",
        "months of a pause",
    ],
)
@pytest.mark.parametrize("applier", ["app", "vendor"])
def test_each_of_the_owners_limits_leaves_an_offer_to_a_human(
    name: str, limits: OfferLimits, code: Code, applier: Applier
) -> None:
    reached = verdict(
        session(accepted=offer(name)), policy=Policy(applies_offers=applier), limits=limits
    )
    assert reached == Doubtful(code)


sessions = st.builds(
    FlowSession,
    session_id=st.just(FlowSessionId("sess_1")),
    status=st.sampled_from(FlowStatus),
    subscription_id=st.sampled_from([None, "", "sub_1", "sub_2", "SUB_1"]),
    subscriber_id=st.none() | st.just("cus_1"),
    accepted=st.none()
    | st.builds(UnusableOffer, st.just("offr_1"), st.just("bad_days"))
    | st.sampled_from([offer(name) for name in TERMS]),
)
policies = st.builds(
    Policy, applies_offers=st.sampled_from(["app", "vendor"]), verifies_offers=st.booleans()
)


@given(judged=st.none() | sessions, policy=policies)
@settings(max_examples=200)
def test_nothing_is_proven_by_a_session_of_another_subscription_or_one_that_was_not_saved(
    judged: FlowSession | None, policy: Policy
) -> None:
    reached = verdict(judged, policy=policy)
    if isinstance(reached, Proven):
        assert judged is not None
        assert judged.subscription_id == SUBSCRIPTION_ID
        assert judged.status is FlowStatus.SAVED
        assert isinstance(judged.accepted, AcceptedOffer)
        for action in reached.actions:
            assert action.subscription_id == SUBSCRIPTION_ID
            assert action.offer is not None
            assert dataclasses.replace(action.offer, accepted_at=None) == judged.accepted
