"""The ways an action and a claim may go, written out a second time: the tests hold the database's tables to these.

    waiting ──▶ running ──▶ done       Stripe shows the change
       ▲           │  └────▶ parked     a person must look, and may let it wait again
       └───────────┤
      handed back  └──────▶ refused     the claim was untrue, or nothing is left to do

What waits for its date may be refused without running, when the customer withdraws it. A dead worker's action is
running until another takes it under a lease of its own, so it stays in its state.
"""

from __future__ import annotations

from typing import Final

from aiocancel.core.actions import ActionState
from aiocancel.core.claim import RecoveryPoint

TRANSITIONS: Final = frozenset(
    {
        (ActionState.WAITING, ActionState.RUNNING),
        (ActionState.WAITING, ActionState.REFUSED),
        (ActionState.RUNNING, ActionState.WAITING),
        (ActionState.RUNNING, ActionState.DONE),
        (ActionState.RUNNING, ActionState.PARKED),
        (ActionState.RUNNING, ActionState.REFUSED),
        (ActionState.PARKED, ActionState.WAITING),
    }
)

RECOVERY: Final = frozenset(
    {
        (RecoveryPoint.CLAIM_RECORDED, RecoveryPoint.OUTCOME_VERIFIED),
        (RecoveryPoint.CLAIM_RECORDED, RecoveryPoint.ACTIONS_ENQUEUED),
        (RecoveryPoint.CLAIM_RECORDED, RecoveryPoint.ACTION_APPLIED),
        (RecoveryPoint.OUTCOME_VERIFIED, RecoveryPoint.ACTIONS_ENQUEUED),
        (RecoveryPoint.OUTCOME_VERIFIED, RecoveryPoint.ACTION_APPLIED),
        (RecoveryPoint.ACTIONS_ENQUEUED, RecoveryPoint.ACTION_APPLIED),
    }
)


FLOW_SESSION_STATES: Final = ("open", "canceled", "accepted", "abandoned")

# The exit works from everywhere. Nothing can be accepted after half an hour of nothing.
FLOW_SESSION: Final = frozenset(
    {
        ("open", "canceled"),
        ("open", "accepted"),
        ("open", "abandoned"),
        ("accepted", "canceled"),
        ("abandoned", "canceled"),
    }
)


def may_go(state: ActionState, to: ActionState) -> bool:
    """Tell whether an action may go from one state to another; staying where it is is no transition."""
    return (state, to) in TRANSITIONS


def may_move(point: RecoveryPoint, to: RecoveryPoint) -> bool:
    """Tell whether a claim may move from one recovery point to another: forward only."""
    return (point, to) in RECOVERY
