"""What a person may do about an action, and what the customer is then told."""

from __future__ import annotations

import pytest

from aiocancel.core.actions import ActionState, Receipt
from aiocancel.core.by_hand import RESULTS, Operation, is_reason, refusal
from aiocancel.core.decision import Answer, AnswerKind, Topic, answer_of

DONE = (ActionState.DONE, Receipt("active", None))
CLOSED = (ActionState.CLOSED, None)


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("is_overtaken", [False, True])
@pytest.mark.parametrize(
    "state", [state for state in ActionState if state is not ActionState.PARKED]
)
def test_only_a_parked_action_is_for_a_person(
    operation: Operation, state: ActionState, is_overtaken: bool
) -> None:
    assert refusal(operation, state, is_overtaken=is_overtaken) == (
        f"it is {state}, and only a parked action can be retried or closed"
    )


def test_a_parked_action_can_be_retried_and_then_waits() -> None:
    assert refusal(Operation.RETRY, ActionState.PARKED, is_overtaken=False) is None
    assert RESULTS[Operation.RETRY] is ActionState.WAITING


@pytest.mark.parametrize("is_overtaken", [False, True])
def test_a_parked_action_can_be_closed_and_that_is_final(is_overtaken: bool) -> None:
    assert refusal(Operation.CLOSE, ActionState.PARKED, is_overtaken=is_overtaken) is None
    assert RESULTS[Operation.CLOSE].is_final


def test_an_old_wish_is_not_put_on_top_of_a_later_one() -> None:
    assert "a later action" in (
        refusal(Operation.RETRY, ActionState.PARKED, is_overtaken=True) or ""
    )


@pytest.mark.parametrize("word", ["done_by_hand", "refunded", "a", "crm-1.2", "x" * 64])
def test_a_reason_is_a_word(word: str) -> None:
    assert is_reason(word)


@pytest.mark.parametrize(
    "text", ["", "Ada asked for it", "ada@example.com", "-x", "Done", "x" * 65, "x\n", "é"]
)
def test_a_reason_is_no_place_for_remarks(text: str) -> None:
    assert not is_reason(text)


@pytest.mark.parametrize(
    ("actions", "kind"),
    [
        pytest.param([CLOSED], AnswerKind.CLOSED, id="closed"),
        pytest.param([DONE, CLOSED], AnswerKind.CLOSED, id="one done, the other closed"),
        pytest.param(
            [CLOSED, (ActionState.WAITING, None)],
            AnswerKind.QUEUED,
            id="something is still to come",
        ),
        pytest.param(
            [CLOSED, (ActionState.PARKED, None)],
            AnswerKind.MANUAL,
            id="something is still for a person",
        ),
        pytest.param(
            [CLOSED, (ActionState.REFUSED, None)], AnswerKind.REFUSED, id="the claim was untrue"
        ),
    ],
)
@pytest.mark.parametrize("change", Topic)
def test_what_a_person_closed_is_called_neither_done_nor_open(
    actions: list[tuple[ActionState, Receipt | None]], kind: AnswerKind, change: Topic
) -> None:
    assert answer_of(change, actions) == Answer(kind, change)


def test_a_closed_request_will_not_change_by_waiting() -> None:
    assert answer_of(Topic.OFFER, [CLOSED]).is_settled
