"""The operations of a person on an action: start a parked one over, or close it. Pure.

parked ── retry ──> waiting     the worker begins again, with attempts counted from none
parked ── close ──> closed      a person has dealt with it elsewhere; no worker touches it again
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from aiocancel.core.actions import ActionState

# A word for programs: it is journalled and shown, and must not become a place for remarks about a person.
_REASON: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class Operation(StrEnum):
    """An operation by hand."""

    RETRY = "retry"
    CLOSE = "close"


RESULTS: Final = {Operation.RETRY: ActionState.WAITING, Operation.CLOSE: ActionState.CLOSED}


def refusal(operation: Operation, state: ActionState, *, is_overtaken: bool) -> str | None:
    """Say in one sentence why an operation is not allowed, None where it is.

    Args:
        operation: What the operator wants to do.
        state: The action's state.
        is_overtaken: Whether a later wish about the same subscription was carried out, or is being. The older one must
            not be put on top of it.
    """
    if state is not ActionState.PARKED:
        return f"it is {state}, and only a parked action can be retried or closed"
    if operation is Operation.RETRY and is_overtaken:
        return (
            "a later action on the same subscription was carried out since; close this one instead"
        )
    return None


def is_reason(word: str) -> bool:
    """Tell whether ``word`` may say why an action was closed: up to 64 of a-z, 0-9, and _ . - after the first."""
    return _REASON.fullmatch(word) is not None
