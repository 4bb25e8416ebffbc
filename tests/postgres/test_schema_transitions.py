"""The ways an action and a claim may go."""

from __future__ import annotations

from itertools import product

from aiocancel.core.actions import ActionState
from aiocancel.core.claim import RecoveryPoint
from tests.support.transitions import may_go, may_move


def test_a_final_action_never_moves_again_unless_it_is_parked_and_a_person_lets_it() -> None:
    assert [
        pair for pair in product(ActionState, repeat=2) if pair[0].is_final and may_go(*pair)
    ] == [(ActionState.PARKED, ActionState.WAITING)]


def test_only_a_worker_that_runs_an_action_can_end_it_but_what_waits_can_be_withdrawn() -> None:
    ends = {
        (state, to)
        for state, to in product(ActionState, repeat=2)
        if to.is_final and may_go(state, to)
    }
    assert ends == {
        (ActionState.RUNNING, ActionState.DONE),
        (ActionState.RUNNING, ActionState.PARKED),
        (ActionState.RUNNING, ActionState.REFUSED),
        (ActionState.WAITING, ActionState.REFUSED),
    }


def test_a_claim_moves_forward_and_never_back() -> None:
    points = list(RecoveryPoint)
    for point, to in product(points, repeat=2):
        assert may_move(point, to) == (points.index(point) < points.index(to))
