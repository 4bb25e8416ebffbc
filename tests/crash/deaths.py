"""A process that kills itself at a chosen step of the work: what kill -9 from outside hits by luck only.

The product knows nothing of it: its methods are wrapped, here, in the process that is to die.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from aiocancel.billing.client import StripeClient
from aiocancel.mail.smtp import SmtpMailer
from aiocancel.postgres.ledger import Ledger
from tests.crash.parent import die

# Long enough for the request to be on its way, shorter than the simulator's latency.
_INTO_A_CALL_S = 0.01


@dataclass(frozen=True)
class Point:
    """A step of the work: before, during or after a method."""

    owner: type
    method: str
    moment: Literal["before", "during", "after"]


POINTS = {
    "after the action was taken": Point(Ledger, "take", "after"),
    "after Stripe was read": Point(StripeClient, "read", "after"),
    "after the attempt was stored, before the call": Point(StripeClient, "apply", "before"),
    "while Stripe is at work": Point(StripeClient, "apply", "during"),
    "after the call, before its result is stored": Point(StripeClient, "apply", "after"),
    "after the call's result was stored": Point(Ledger, "end_write", "after"),
    "before the action is marked done": Point(Ledger, "finish", "before"),
    "after the action was marked done": Point(Ledger, "finish", "after"),
    "before the vendor's word is stored": Point(Ledger, "confirm", "before"),
    "after the vendor's word was stored": Point(Ledger, "confirm", "after"),
    "before a failure is stored": Point(Ledger, "hand_back", "before"),
    "after a failure was stored": Point(Ledger, "hand_back", "after"),
}


LETTER_POINTS = {
    "after it was looked up what is true": Point(Ledger, "letter_due", "after"),
    "before the letter is stored": Point(Ledger, "begin_letter", "before"),
    "after the letter was stored": Point(Ledger, "begin_letter", "after"),
    "while the mail server is at work": Point(SmtpMailer, "send", "during"),
    "after the letter was sent": Point(SmtpMailer, "send", "after"),
    "before the hand-over is stored": Point(Ledger, "letter_handed_over", "before"),
    "after the hand-over was stored": Point(Ledger, "letter_handed_over", "after"),
}


def die_at(name: str, passages: int) -> None:
    """Make this process end itself when it passes the point for the given time."""
    point = (POINTS | LETTER_POINTS)[name]
    original: Callable[..., Awaitable[Any]] = getattr(point.owner, point.method)
    left = passages

    def pass_by() -> bool:
        nonlocal left
        left -= 1
        return left <= 0

    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        if point.moment == "before" and pass_by():
            die()

        if point.moment == "during" and pass_by():
            asyncio.get_running_loop().call_later(_INTO_A_CALL_S, die)

        try:
            result = await original(*args, **kwargs)
        except Exception:
            # A call that failed has been made as well.
            if point.moment == "after" and pass_by():
                die()
            raise

        # Having found nothing to take is not the point.
        if point.moment == "after" and result != [] and pass_by():
            die()

        return result

    setattr(point.owner, point.method, wrapped)
