"""The ways an action and a claim may go."""

from __future__ import annotations

from itertools import product

from aiocancel.core.actions import ActionState
from aiocancel.core.transitions import RecoveryPoint, may_go, may_move


def test_a_final_action_never_moves_again() -> None:
    assert not any(may_go(state, to) for state, to in product(ActionState, repeat=2) if state.is_final)


def test_only_a_worker_that_runs_an_action_can_end_it() -> None:
    assert [state for state, to in product(ActionState, repeat=2) if to.is_final and may_go(state, to)] == [
        ActionState.RUNNING
    ] * 3


def test_a_claim_moves_forward_and_never_back() -> None:
    points = list(RecoveryPoint)
    for point, to in product(points, repeat=2):
        assert may_move(point, to) == (points.index(point) < points.index(to))
