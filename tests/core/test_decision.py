"""From an outcome to its actions, and from the actions to what may honestly be said."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.core.actions import (
    WAITS_FOR_ITS_DATE,
    WAITS_FOR_PAYMENT,
    Action,
    ActionKind,
    ActionState,
    Receipt,
)
from aiocancel.core.changes import MoveTrialEnd
from aiocancel.core.claim import (
    OWN_FLOW,
    OWN_VENDOR,
    CancelReason,
    FlowClaim,
    FlowStatus,
    VerifiedOutcome,
)
from aiocancel.core.decision import (
    Answer,
    AnswerKind,
    Applier,
    CancelTiming,
    Decision,
    Policy,
    Topic,
    answer_of,
    decide,
    decide_by_vendor,
    decide_unproven,
    verify_own_choice,
)
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import CustomerId, FlowSessionId, SubscriptionId
from aiocancel.core.offer_sentences import Given
from aiocancel.core.offers.terms import AcceptedOffer, TrialTerms
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.core.subscription import CollectionPause, Subscription, read_subscription
from aiocancel.core.undo import takes_back
from tests.support.stripe_objects import stripe_object

SUBSCRIPTION_ID = SubscriptionId("sub_1")
GRANT = Grant(CustomerId("customer"), SUBSCRIPTION_ID, "test", 1, 2, "nonce")
REASON = CancelReason("too dear", "price")
ENDS_AT = datetime(2027, 3, 1, tzinfo=UTC)
NOTHING = Decision(Topic.NOTHING, answer=Answer(AnswerKind.DONE, Topic.NOTHING))

TIMINGS: tuple[CancelTiming, ...] = ("at_period_end", "now")
APPLIERS: tuple[Applier, ...] = ("app", "vendor")
POLICIES = list(itertools.starmap(Policy, itertools.product(TIMINGS, APPLIERS, APPLIERS)))
policies = st.sampled_from(POLICIES)
claims = st.builds(
    FlowClaim,
    vendor=st.sampled_from(["prosperstack", OWN_VENDOR, ""]),
    status=st.sampled_from(FlowStatus),
    flow_session_id=st.none() | st.just(FlowSessionId("sess_1")),
    reason=st.just(REASON),
    offer_id=st.none() | st.just("offr_1"),
    offer_type=st.none()
    | st.sampled_from(["coupon", "trial_extension", "change_plan", "custom", "free_gift"]),
)
receipts = st.builds(
    Receipt,
    status=st.sampled_from(
        ["active", "trialing", "past_due", "paused", "canceled", "incomplete_expired"]
    ),
    ends_at=st.none() | st.just(ENDS_AT),
)
# An unfinished action without a receipt; one that waits for something else than a worker has one.
progress = st.lists(
    st.tuples(
        st.sampled_from([ActionState.DONE, ActionState.PARKED, ActionState.REFUSED]),
        st.none() | receipts,
    )
    | st.tuples(st.sampled_from([ActionState.WAITING, ActionState.RUNNING]), st.none()),
    max_size=3,
)


def outcome(status: FlowStatus, vendor: str = "prosperstack") -> VerifiedOutcome:
    return VerifiedOutcome(status, GRANT.customer_id, SUBSCRIPTION_ID, REASON, "grant", vendor)


def decide_any(claim: FlowClaim, policy: Policy) -> Decision:
    proven = verify_own_choice(claim, GRANT)
    return decide(proven, policy) if proven else decide_unproven(claim, SUBSCRIPTION_ID)


# Deciding


@pytest.mark.parametrize(
    ("applier", "timing", "vendor", "kind"),
    [
        ("app", "at_period_end", "prosperstack", ActionKind.CANCEL_AT_PERIOD_END),
        ("app", "now", "prosperstack", ActionKind.CANCEL_NOW),
        ("app", "at_period_end", OWN_VENDOR, ActionKind.CANCEL_AT_PERIOD_END),
        ("app", "now", OWN_VENDOR, ActionKind.CANCEL_NOW),
        ("vendor", "at_period_end", "prosperstack", ActionKind.EXPECT_CANCELLATION),
        ("vendor", "now", "prosperstack", ActionKind.EXPECT_CANCELLATION),
        # The vendor never heard of these: it may be down.
        ("vendor", "at_period_end", OWN_VENDOR, ActionKind.CANCEL_AT_PERIOD_END),
        ("vendor", "now", OWN_VENDOR, ActionKind.CANCEL_NOW),
        ("vendor", "now", OWN_FLOW, ActionKind.CANCEL_NOW),
    ],
)
def test_a_proven_cancellation_becomes_one_action_with_its_reason(
    applier: Applier, timing: CancelTiming, vendor: str, kind: ActionKind
) -> None:
    decision = decide(
        outcome(FlowStatus.CANCELED, vendor), Policy(timing, applies_cancellation=applier)
    )
    assert decision == Decision(Topic.CANCELLATION, (Action(kind, SUBSCRIPTION_ID, REASON),))


@pytest.mark.parametrize("policy", POLICIES)
def test_what_a_customer_takes_back_is_always_carried_out_by_the_application(
    policy: Policy,
) -> None:
    undoes = {
        FlowStatus.RESUMED: (Topic.RESUMPTION, ActionKind.RESUME),
        FlowStatus.UNPAUSED: (Topic.UNPAUSING, ActionKind.UNPAUSE),
        FlowStatus.DISCOUNT_REMOVED: (Topic.DISCOUNT_REMOVAL, ActionKind.REMOVE_DISCOUNT),
        FlowStatus.PLAN_KEPT: (Topic.PLAN_KEEPING, ActionKind.KEEP_PLAN),
    }
    assert set(undoes) == {status for status in FlowStatus if takes_back(status)}
    for status, (change, kind) in undoes.items():
        assert decide(outcome(status, OWN_VENDOR), policy) == Decision(
            change, (Action(kind, SUBSCRIPTION_ID),)
        )


OWN_CHOICES = {
    FlowStatus.CANCELED,
    FlowStatus.RESUMED,
    FlowStatus.UNPAUSED,
    FlowStatus.DISCOUNT_REMOVED,
    FlowStatus.PLAN_KEPT,
}


@pytest.mark.parametrize("status", sorted(set(FlowStatus) - OWN_CHOICES))
def test_any_other_proven_status_changes_nothing(status: FlowStatus) -> None:
    assert decide(outcome(status), Policy()) == NOTHING


@pytest.mark.parametrize("policy", POLICIES)
def test_a_cancellation_past_the_vendor_is_never_left_to_the_vendor(policy: Policy) -> None:
    (action,) = decide(outcome(FlowStatus.CANCELED, OWN_VENDOR), policy).actions
    assert action.kind is not ActionKind.EXPECT_CANCELLATION


# Deciding without proof


@pytest.mark.parametrize("session_id", [FlowSessionId("sess_1"), None])
@pytest.mark.parametrize("offer_type", ["coupon", "custom", None])
def test_the_browsers_word_for_an_accepted_offer_leads_to_a_question_that_a_worker_asks_or_parks(
    session_id: FlowSessionId | None, offer_type: str | None
) -> None:
    claim = FlowClaim(
        "prosperstack", FlowStatus.SAVED, session_id, offer_id="offr_1", offer_type=offer_type
    )

    decision = decide_unproven(claim, SUBSCRIPTION_ID)

    ask = Action(ActionKind.VERIFY_OFFER, SUBSCRIPTION_ID, flow_session_id=session_id)
    assert decision == Decision(Topic.OFFER, (ask,))


@pytest.mark.parametrize("status", sorted(set(FlowStatus) - {FlowStatus.SAVED}))
def test_without_proof_no_other_status_does_anything(status: FlowStatus) -> None:
    assert decide_unproven(FlowClaim("prosperstack", status), SUBSCRIPTION_ID) == NOTHING


def test_a_cancellation_that_the_vendor_tells_of_is_proven_by_it() -> None:
    claim = FlowClaim("prosperstack", FlowStatus.CANCELED, reason=REASON)

    decision = decide_by_vendor(claim, GRANT.customer_id, SUBSCRIPTION_ID, Policy())

    assert [(each.kind, each.reason) for each in decision.actions] == [
        (ActionKind.CANCEL_AT_PERIOD_END, REASON)
    ]


def test_an_offer_that_the_vendor_tells_of_is_asked_about_as_from_the_browser() -> None:
    claim = FlowClaim("prosperstack", FlowStatus.SAVED, FlowSessionId("sess_1"))

    decision = decide_by_vendor(claim, GRANT.customer_id, SUBSCRIPTION_ID, Policy())

    assert decision == decide_unproven(claim, SUBSCRIPTION_ID)


@given(claim=claims)
@settings(max_examples=60)
def test_without_proof_nothing_is_ever_changed(claim: FlowClaim) -> None:
    decision = decide_unproven(claim, SUBSCRIPTION_ID)

    assert {action.kind for action in decision.actions} <= {ActionKind.VERIFY_OFFER}
    assert decision.change in (Topic.OFFER, Topic.NOTHING)


@given(claim=claims, policy=policies)
@settings(max_examples=100)
def test_an_accepted_offer_never_becomes_a_change_on_the_browsers_word(
    claim: FlowClaim, policy: Policy
) -> None:
    decision = decide_any(claim, policy)

    changes = [each for each in decision.actions if each.kind is not ActionKind.VERIFY_OFFER]
    assert bool(changes) == (claim.status in OWN_CHOICES)


@given(claim=claims, policy=policies)
@settings(max_examples=60)
def test_a_decision_has_either_actions_or_an_answer(claim: FlowClaim, policy: Policy) -> None:
    decision = decide_any(claim, policy)
    assert bool(decision.actions) != (decision.answer is not None)
    assert decision.answer is None or decision.answer.change is decision.change


@given(claim=claims, policy=policies)
@settings(max_examples=60)
def test_every_action_concerns_the_subscription_of_the_grant(
    claim: FlowClaim, policy: Policy
) -> None:
    assert {action.subscription_id for action in decide_any(claim, policy).actions} <= {
        SUBSCRIPTION_ID
    }


# Answering

GOING_ON, ENDED = Receipt("active", None), Receipt("canceled", ENDS_AT)
ENDING, EXPIRED = Receipt("active", ENDS_AT), Receipt("incomplete_expired", None)
DONE, PARKED = ActionState.DONE, ActionState.PARKED
WAITING, RUNNING = ActionState.WAITING, ActionState.RUNNING


@pytest.mark.parametrize(
    ("change", "actions", "expected"),
    [
        pytest.param(Topic.CANCELLATION, [(DONE, ENDED)], (AnswerKind.DONE, ENDS_AT), id="ended"),
        pytest.param(
            Topic.CANCELLATION, [(DONE, EXPIRED)], (AnswerKind.DONE, None), id="expired, no date"
        ),
        pytest.param(
            Topic.CANCELLATION,
            [(DONE, ENDING)],
            (AnswerKind.SCHEDULED, ENDS_AT),
            id="grace period",
        ),
        pytest.param(
            Topic.CANCELLATION, [(WAITING, None)], (AnswerKind.QUEUED, None), id="waiting"
        ),
        pytest.param(
            Topic.CANCELLATION, [(RUNNING, None)], (AnswerKind.QUEUED, None), id="running"
        ),
        pytest.param(Topic.CANCELLATION, [(PARKED, None)], (AnswerKind.MANUAL, None), id="parked"),
        pytest.param(
            Topic.CANCELLATION, [], (AnswerKind.QUEUED, None), id="no action, no evidence"
        ),
        pytest.param(
            Topic.CANCELLATION,
            [(DONE, None)],
            (AnswerKind.QUEUED, None),
            id="no receipt, no evidence",
        ),
        pytest.param(Topic.RESUMPTION, [(DONE, GOING_ON)], (AnswerKind.DONE, None), id="resumed"),
        pytest.param(Topic.UNPAUSING, [(DONE, GOING_ON)], (AnswerKind.DONE, None), id="unpaused"),
        pytest.param(
            Topic.DISCOUNT_REMOVAL,
            [(DONE, GOING_ON)],
            (AnswerKind.DONE, None),
            id="discount removed",
        ),
        pytest.param(
            Topic.RESUMPTION, [(PARKED, None)], (AnswerKind.MANUAL, None), id="resumption parked"
        ),
        pytest.param(
            Topic.CANCELLATION,
            [(DONE, ENDED), (WAITING, None)],
            (AnswerKind.QUEUED, None),
            id="one is unfinished",
        ),
        pytest.param(
            Topic.CANCELLATION,
            [(WAITING, None), (PARKED, None)],
            (AnswerKind.MANUAL, None),
            id="one is parked",
        ),
        pytest.param(
            Topic.CANCELLATION,
            [(DONE, ENDING), (DONE, ENDED)],
            (AnswerKind.DONE, ENDS_AT),
            id="the last counts",
        ),
    ],
)
def test_the_answer_sums_up_where_the_actions_stand(
    change: Topic,
    actions: list[tuple[ActionState, Receipt | None]],
    expected: tuple[AnswerKind, datetime | None],
) -> None:
    kind, effective_at = expected
    assert answer_of(change, actions) == Answer(kind, change, effective_at)


@given(actions=progress)
@settings(max_examples=150)
def test_a_cancellation_is_done_only_when_all_actions_are_and_stripe_says_it_ended(
    actions: list[tuple[ActionState, Receipt | None]],
) -> None:
    answer = answer_of(Topic.CANCELLATION, actions)
    if answer.kind in (AnswerKind.DONE, AnswerKind.SCHEDULED):
        assert actions
        assert all(state is ActionState.DONE and receipt is not None for state, receipt in actions)
        last = actions[-1][1]
        assert last is not None
        assert (answer.kind is AnswerKind.DONE) == (
            last.status in {"canceled", "incomplete_expired"}
        )
        assert answer.effective_at == last.ends_at


@given(change=st.sampled_from(Topic), actions=progress)
@settings(max_examples=100)
def test_a_date_is_told_only_with_something_that_stripe_has_done(
    change: Topic, actions: list[tuple[ActionState, Receipt | None]]
) -> None:
    answer = answer_of(change, actions)
    assert answer.change is change
    assert answer.effective_at is None or answer.kind in (AnswerKind.DONE, AnswerKind.SCHEDULED)


@given(actions=progress.filter(bool))
@settings(max_examples=60)
def test_an_answer_is_open_as_long_as_a_worker_has_something_to_do(
    actions: list[tuple[ActionState, Receipt | None]],
) -> None:
    ended_early = any(state in (ActionState.PARKED, ActionState.REFUSED) for state, _ in actions)
    unfinished = any(not state.is_final for state, _ in actions)
    if unfinished and not ended_early:
        assert not answer_of(Topic.CANCELLATION, actions).is_settled


LATER = Receipt(WAITS_FOR_ITS_DATE, ENDS_AT)
UNPAID = Receipt(WAITS_FOR_PAYMENT, None, "https://invoice.stripe.com/i/1")
VERIFIED = (DONE, Receipt("verified", None))


@pytest.mark.parametrize("state", [WAITING, RUNNING])
def test_what_waits_for_its_date_is_scheduled_also_while_it_is_looked_at(
    state: ActionState,
) -> None:
    expected = Answer(AnswerKind.SCHEDULED, Topic.OFFER, ENDS_AT)
    assert answer_of(Topic.OFFER, [VERIFIED, (state, LATER)]) == expected


@pytest.mark.parametrize("state", [WAITING, RUNNING])
def test_what_waits_for_a_payment_says_where_to_make_it(state: ActionState) -> None:
    expected = Answer(AnswerKind.NEEDS_PAYMENT_ACTION, Topic.OFFER, payment_url=UNPAID.payment_url)
    assert answer_of(Topic.OFFER, [VERIFIED, (state, UNPAID)]) == expected
    assert "invoice.stripe.com" not in repr(expected)


def test_what_waits_for_its_date_is_nothing_to_rely_on_while_something_else_is_open() -> None:
    assert answer_of(Topic.OFFER, [(WAITING, LATER), (WAITING, None)]) == Answer(
        AnswerKind.QUEUED, Topic.OFFER
    )
    assert answer_of(Topic.OFFER, [(WAITING, LATER), (PARKED, None)]) == Answer(
        AnswerKind.MANUAL, Topic.OFFER
    )


def test_only_a_queued_answer_can_still_change() -> None:
    kinds = {
        kind
        for kind, change in itertools.product(AnswerKind, Topic)
        if not Answer(kind, change).is_settled
    }
    assert kinds == {AnswerKind.QUEUED}


def test_a_policy_says_nothing_unless_told() -> None:
    assert Policy() == Policy(
        cancel_timing="at_period_end",
        applies_cancellation="app",
        applies_offers="vendor",
        verifies_offers=False,
        names_customers=False,
    )


def test_the_words_of_answers_are_those_that_pages_and_programs_know() -> None:
    assert [kind.value for kind in AnswerKind] == [
        "done",
        "scheduled",
        "needs_payment_action",
        "queued",
        "manual",
        "refused",
        "closed",
    ]


# Proof


@pytest.mark.parametrize("vendor", ["prosperstack", OWN_VENDOR])
@pytest.mark.parametrize("status", sorted(OWN_CHOICES))
def test_a_customers_own_choice_is_proven_by_the_grant(status: FlowStatus, vendor: str) -> None:
    reason = CancelReason("too dear", "price")
    outcome = verify_own_choice(FlowClaim(vendor, status, reason=reason), GRANT)
    assert outcome == VerifiedOutcome(
        status, GRANT.customer_id, GRANT.subscription_id, reason, "grant", vendor
    )


@pytest.mark.parametrize("status", sorted(set(FlowStatus) - OWN_CHOICES))
def test_nothing_else_is_proven_by_the_grant(status: FlowStatus) -> None:
    claim = FlowClaim(
        "prosperstack", status, FlowSessionId("sess_1"), offer_id="offr_1", offer_type="coupon"
    )
    assert verify_own_choice(claim, GRANT) is None


@given(
    claim=st.builds(
        FlowClaim,
        vendor=st.text(max_size=9),
        status=st.sampled_from(FlowStatus),
        flow_session_id=st.none() | st.text(max_size=9).map(FlowSessionId),
        offer_id=st.none() | st.text(max_size=9),
        offer_type=st.none() | st.text(max_size=9),
    )
)
@settings(max_examples=60)
def test_whom_and_what_an_outcome_concerns_comes_from_the_grant_alone(claim: FlowClaim) -> None:
    outcome = verify_own_choice(claim, GRANT)
    if outcome is not None:
        assert (outcome.customer_id, outcome.subscription_id) == (
            GRANT.customer_id,
            GRANT.subscription_id,
        )
        assert outcome.status is claim.status


# Whether a reading of the subscription shows an answer already

SHOWN_GOING_ON = read_subscription(stripe_object())
SHOWN_ENDING = dataclasses.replace(SHOWN_GOING_ON, cancel_at_period_end=True, cancel_at=ENDS_AT)
SHOWN_PAUSED = dataclasses.replace(SHOWN_GOING_ON, paused=CollectionPause("void", None))


@pytest.mark.parametrize(
    ("change", "shown", "seen"),
    [
        (Topic.CANCELLATION, SHOWN_ENDING, True),
        (Topic.CANCELLATION, SHOWN_GOING_ON, False),
        (Topic.RESUMPTION, SHOWN_GOING_ON, True),
        (Topic.RESUMPTION, SHOWN_ENDING, False),
        (Topic.UNPAUSING, SHOWN_GOING_ON, True),
        (Topic.UNPAUSING, SHOWN_PAUSED, False),
        (Topic.UNPAUSING, dataclasses.replace(SHOWN_GOING_ON, status="paused"), False),
        (Topic.OFFER, SHOWN_GOING_ON, True),
        (Topic.DISCOUNT_REMOVAL, SHOWN_GOING_ON, True),
    ],
)
def test_a_reading_from_before_the_change_is_told_from_one_after_it(
    change: Topic, shown: Subscription, seen: bool
) -> None:
    answer = Answer(AnswerKind.DONE, change)

    assert answer.is_seen_in(ShownSubscription(shown, (), has_more=False)) is seen


def test_an_offer_is_seen_when_what_was_given_is() -> None:
    moved = MoveTrialEnd(ENDS_AT + timedelta(days=400), None)
    given = Given(SUBSCRIPTION_ID, AcceptedOffer("offr_1", TrialTerms(400)), moved)
    answer = Answer(AnswerKind.DONE, Topic.OFFER, given=given)

    assert not answer.is_seen_in(ShownSubscription(SHOWN_GOING_ON, (), has_more=False))
