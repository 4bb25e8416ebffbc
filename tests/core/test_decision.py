"""From an outcome to its actions, and from the actions to what may honestly be said."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

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
from aiocancel.core.claim import (
    OWN_VENDOR,
    CancelReason,
    FlowClaim,
    FlowStatus,
    VerifiedOutcome,
    verify_own_choice,
)
from aiocancel.core.decision import (
    Answer,
    AnswerKind,
    Applier,
    CancelTiming,
    Change,
    Decision,
    Policy,
    answer_of,
    decide,
    decide_unproven,
)
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import CustomerId, FlowSessionId, SubscriptionId

SUBSCRIPTION_ID = SubscriptionId("sub_1")
GRANT = Grant(CustomerId("customer"), SUBSCRIPTION_ID, "test", 1, 2, "nonce")
REASON = CancelReason("too dear", "price")
ENDS_AT = datetime(2027, 3, 1, tzinfo=UTC)
NOTHING = Decision(Change.NOTHING, answer=Answer(AnswerKind.DONE, Change.NOTHING))

policies = st.builds(
    Policy,
    cancel_timing=st.sampled_from(["at_period_end", "now"]),
    applies_cancellation=st.sampled_from(["app", "vendor"]),
    applies_offers=st.sampled_from(["app", "vendor"]),
)
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
    return decide(proven, policy) if proven else decide_unproven(claim, SUBSCRIPTION_ID, policy)


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
    ],
)
def test_a_proven_cancellation_becomes_one_action_with_its_reason(
    applier: Applier, timing: CancelTiming, vendor: str, kind: ActionKind
) -> None:
    decision = decide(
        outcome(FlowStatus.CANCELED, vendor), Policy(timing, applies_cancellation=applier)
    )
    assert decision == Decision(Change.CANCELLATION, (Action(kind, SUBSCRIPTION_ID, REASON),))


@given(policy=policies)
@settings(max_examples=15)
def test_what_a_customer_takes_back_is_always_carried_out_by_the_application(
    policy: Policy,
) -> None:
    undoes = {
        FlowStatus.RESUMED: (Change.RESUMPTION, ActionKind.RESUME),
        FlowStatus.UNPAUSED: (Change.UNPAUSING, ActionKind.UNPAUSE),
        FlowStatus.DISCOUNT_REMOVED: (Change.DISCOUNT_REMOVAL, ActionKind.REMOVE_DISCOUNT),
    }
    assert set(undoes) == {status for status in FlowStatus if status.takes_back}
    for status, (change, kind) in undoes.items():
        assert decide(outcome(status, OWN_VENDOR), policy) == Decision(
            change, (Action(kind, SUBSCRIPTION_ID),)
        )


OWN_CHOICES = {
    FlowStatus.CANCELED,
    FlowStatus.RESUMED,
    FlowStatus.UNPAUSED,
    FlowStatus.DISCOUNT_REMOVED,
}


@pytest.mark.parametrize("status", sorted(set(FlowStatus) - OWN_CHOICES))
def test_any_other_proven_status_changes_nothing(status: FlowStatus) -> None:
    assert decide(outcome(status), Policy()) == NOTHING


@given(policy=policies)
@settings(max_examples=15)
def test_a_cancellation_past_the_vendor_is_never_left_to_the_vendor(policy: Policy) -> None:
    (action,) = decide(outcome(FlowStatus.CANCELED, OWN_VENDOR), policy).actions
    assert action.kind is not ActionKind.EXPECT_CANCELLATION


# Deciding without proof


@pytest.mark.parametrize("applier", ["vendor", "app"])
@pytest.mark.parametrize("offer_type", ["coupon", "custom", None])
def test_the_browsers_word_for_an_accepted_offer_is_recorded_and_never_called_done(
    applier: Applier, offer_type: str | None
) -> None:
    claim = FlowClaim("prosperstack", FlowStatus.SAVED, offer_id="offr_1", offer_type=offer_type)
    expected = Decision(Change.OFFER, answer=Answer(AnswerKind.MANUAL, Change.OFFER))
    assert decide_unproven(claim, SUBSCRIPTION_ID, Policy(applies_offers=applier)) == expected


@pytest.mark.parametrize("applier", ["vendor", "app"])
def test_where_the_vendor_can_be_asked_it_is_asked_about_the_flow_session(applier: Applier) -> None:
    session_id = FlowSessionId("sess_1")
    claim = FlowClaim(
        "prosperstack", FlowStatus.SAVED, session_id, offer_id="offr_1", offer_type="custom"
    )
    ask = Action(ActionKind.VERIFY_OFFER, SUBSCRIPTION_ID, flow_session_id=session_id)
    policy = Policy(applies_offers=applier, verifies_offers=True)
    assert decide_unproven(claim, SUBSCRIPTION_ID, policy) == Decision(Change.OFFER, (ask,))


def test_an_offer_without_a_flow_session_cannot_be_asked_about() -> None:
    claim = FlowClaim("prosperstack", FlowStatus.SAVED, offer_id="offr_1", offer_type="coupon")
    expected = Decision(Change.OFFER, answer=Answer(AnswerKind.MANUAL, Change.OFFER))
    policy = Policy(applies_offers="app", verifies_offers=True)
    assert decide_unproven(claim, SUBSCRIPTION_ID, policy) == expected


@pytest.mark.parametrize("status", sorted(set(FlowStatus) - {FlowStatus.SAVED}))
def test_without_proof_no_other_status_does_anything(status: FlowStatus) -> None:
    assert decide_unproven(FlowClaim("prosperstack", status), SUBSCRIPTION_ID, Policy()) == NOTHING


@given(claim=claims, policy=policies)
@settings(max_examples=60)
def test_without_proof_nothing_is_ever_changed(claim: FlowClaim, policy: Policy) -> None:
    decision = decide_unproven(claim, SUBSCRIPTION_ID, policy)
    assert decision.actions == ()
    assert decision.answer is not None
    assert decision.change in (Change.OFFER, Change.NOTHING)


@given(claim=claims, policy=policies)
@settings(max_examples=100)
def test_an_accepted_offer_never_becomes_an_action_on_the_browsers_word(
    claim: FlowClaim, policy: Policy
) -> None:
    decision = decide_any(claim, policy)
    assert bool(decision.actions) == (claim.status in OWN_CHOICES)


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
        pytest.param(Change.CANCELLATION, [(DONE, ENDED)], (AnswerKind.DONE, ENDS_AT), id="ended"),
        pytest.param(
            Change.CANCELLATION, [(DONE, EXPIRED)], (AnswerKind.DONE, None), id="expired, no date"
        ),
        pytest.param(
            Change.CANCELLATION,
            [(DONE, ENDING)],
            (AnswerKind.SCHEDULED, ENDS_AT),
            id="grace period",
        ),
        pytest.param(
            Change.CANCELLATION, [(WAITING, None)], (AnswerKind.QUEUED, None), id="waiting"
        ),
        pytest.param(
            Change.CANCELLATION, [(RUNNING, None)], (AnswerKind.QUEUED, None), id="running"
        ),
        pytest.param(Change.CANCELLATION, [(PARKED, None)], (AnswerKind.MANUAL, None), id="parked"),
        pytest.param(
            Change.CANCELLATION, [], (AnswerKind.QUEUED, None), id="no action, no evidence"
        ),
        pytest.param(
            Change.CANCELLATION,
            [(DONE, None)],
            (AnswerKind.QUEUED, None),
            id="no receipt, no evidence",
        ),
        pytest.param(Change.RESUMPTION, [(DONE, GOING_ON)], (AnswerKind.DONE, None), id="resumed"),
        pytest.param(Change.UNPAUSING, [(DONE, GOING_ON)], (AnswerKind.DONE, None), id="unpaused"),
        pytest.param(
            Change.DISCOUNT_REMOVAL,
            [(DONE, GOING_ON)],
            (AnswerKind.DONE, None),
            id="discount removed",
        ),
        pytest.param(
            Change.RESUMPTION, [(PARKED, None)], (AnswerKind.MANUAL, None), id="resumption parked"
        ),
        pytest.param(
            Change.CANCELLATION,
            [(DONE, ENDED), (WAITING, None)],
            (AnswerKind.QUEUED, None),
            id="one is unfinished",
        ),
        pytest.param(
            Change.CANCELLATION,
            [(WAITING, None), (PARKED, None)],
            (AnswerKind.MANUAL, None),
            id="one is parked",
        ),
        pytest.param(
            Change.CANCELLATION,
            [(DONE, ENDING), (DONE, ENDED)],
            (AnswerKind.DONE, ENDS_AT),
            id="the last counts",
        ),
    ],
)
def test_the_answer_sums_up_where_the_actions_stand(
    change: Change,
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
    answer = answer_of(Change.CANCELLATION, actions)
    if answer.kind in (AnswerKind.DONE, AnswerKind.SCHEDULED):
        assert actions
        assert all(state is ActionState.DONE and receipt is not None for state, receipt in actions)
        last = actions[-1][1]
        assert last is not None
        assert (answer.kind is AnswerKind.DONE) == (
            last.status in {"canceled", "incomplete_expired"}
        )
        assert answer.effective_at == last.ends_at


@given(change=st.sampled_from(Change), actions=progress)
@settings(max_examples=100)
def test_a_date_is_told_only_with_something_that_stripe_has_done(
    change: Change, actions: list[tuple[ActionState, Receipt | None]]
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
        assert not answer_of(Change.CANCELLATION, actions).is_settled


LATER = Receipt(WAITS_FOR_ITS_DATE, ENDS_AT)
UNPAID = Receipt(WAITS_FOR_PAYMENT, None, "https://invoice.stripe.com/i/1")
VERIFIED = (DONE, Receipt("verified", None))


@pytest.mark.parametrize("state", [WAITING, RUNNING])
def test_what_waits_for_its_date_is_scheduled_also_while_it_is_looked_at(
    state: ActionState,
) -> None:
    expected = Answer(AnswerKind.SCHEDULED, Change.OFFER, ENDS_AT)
    assert answer_of(Change.OFFER, [VERIFIED, (state, LATER)]) == expected


@pytest.mark.parametrize("state", [WAITING, RUNNING])
def test_what_waits_for_a_payment_says_where_to_make_it(state: ActionState) -> None:
    expected = Answer(AnswerKind.NEEDS_PAYMENT_ACTION, Change.OFFER, payment_url=UNPAID.payment_url)
    assert answer_of(Change.OFFER, [VERIFIED, (state, UNPAID)]) == expected
    assert "invoice.stripe.com" not in repr(expected)


def test_what_waits_for_its_date_is_nothing_to_rely_on_while_something_else_is_open() -> None:
    assert answer_of(Change.OFFER, [(WAITING, LATER), (WAITING, None)]) == Answer(
        AnswerKind.QUEUED, Change.OFFER
    )
    assert answer_of(Change.OFFER, [(WAITING, LATER), (PARKED, None)]) == Answer(
        AnswerKind.MANUAL, Change.OFFER
    )


def test_only_a_queued_answer_can_still_change() -> None:
    kinds = {
        kind
        for kind, change in itertools.product(AnswerKind, Change)
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
