"""Whether a worker begins one more action while posts of its own process wait to be stored. Pure.

A choice is safe once it is stored, which takes a fraction of the processor's time that carrying it out takes. Where
both want the same processor, what is stored already can wait: nobody is told later for that than "it is recorded".

Rules, in this order:

1. Nobody has lately waited for a turn to be stored: it begins.
2. None of its sort has begun here for a while: it begins, so that nothing waits for the end of a rush.
3. It is a cancellation, and no other one runs here: it begins.
"""

from __future__ import annotations

from typing import Final

from aiocancel.core.actions import Places

EVERY_S: Final = 0.25
"""So often one of each sort begins, whatever comes in."""

LASTS_S: Final = 0.25
"""So long after the last post waited it still counts as a rush: twenty actions that begin at once are the next one."""


def pause_s(sort: Places, *, running: int, rush_left_s: float, begun_s_ago: float) -> float:
    """Return for how long an action gives way before it is looked at again; 0 lets it begin.

    Args:
        sort: What it is.
        running: How many of its sort this process carries out now.
        rush_left_s: For how long the rush lasts, if no other post has to wait; 0 or less where there is none.
        begun_s_ago: How long ago the last of its sort began here.
    """
    if rush_left_s <= 0 or begun_s_ago >= EVERY_S:
        return 0.0
    if sort is Places.CANCELLATIONS and not running:
        return 0.0
    return min(rush_left_s, EVERY_S - begun_s_ago)
