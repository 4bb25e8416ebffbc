"""The order in which one session shows the reasons: another for each, so that no reason gains by its place. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from aiocancel.core.flow.definition import OTHER, Reason


def reasons_in_order(reasons: Sequence[Reason], session_id: str) -> tuple[Reason, ...]:
    """Return the reasons in the order of a session, "other" last; the same for the same session.

    Args:
        reasons: Those of the definition.
        session_id: Drawn at random, so that the order is, too.
    """

    def place(each: Reason) -> tuple[bool, bytes]:
        drawn = hashlib.sha256(f"{session_id}|{each.key}".encode()).digest()
        return each.key == OTHER, drawn

    return tuple(sorted(reasons, key=place))
