"""Which providers fail, and whose work is to be woken when one is back.

While a provider is away, the waits between attempts grow to half an hour. When it answers again, the work that waited
longest would come last. So the first success wakes what failed before it, a batch at a time.

Some actions may fail for days while others succeed: a key lacks a permission, an account is not connected any more, a
mail server puts one domain off. Every success of another would wake them, and use up the attempts that they have. So
after each time that somebody was woken, nobody is for a while, and for longer each time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, get_args

from aiocancel.core.actions import ActionKind, WatchKind, WriteKind
from aiocancel.core.codes import Code
from aiocancel.core.retry import RATE_LIMITS
from aiocancel.errors import BillingError, RejectedBillingError

Provider = Literal["stripe", "flow vendor", "mail server"]

# One action that always fails, beside others that succeed, is no outage.
IN_A_ROW: Final = 3
# Their waits have reasons of their own, which end by themselves.
NO_OUTAGE: Final = RATE_LIMITS | {
    Code.LOCK_TIMEOUT,
    Code.RESOURCE_RATE_LIMIT,
    Code.DATABASE_UNAVAILABLE,
    Code.LEDGER_UNREADABLE,
    Code.MAIL_WAITED_TOO_LONG,
}

KINDS: Final[Mapping[Provider, Sequence[ActionKind]]] = {
    "flow vendor": [ActionKind.VERIFY_OFFER],
    "mail server": [ActionKind.ACKNOWLEDGE],
    "stripe": [*get_args(WriteKind), *get_args(WatchKind)],
}

# So long nobody is woken again; twice as long each time, unless all was well for the longest of them.
_FIRST_REST_S: Final = 30.0
LONGEST_REST_S: Final = 4 * 3600.0


class Outages:
    """Counts the failures in a row of each provider, in one process.

    A process that has just started knows of none, and takes each provider's first success for the end of one.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed = dict.fromkeys(KINDS, IN_A_ROW)
        self._back_at: dict[Provider, float] = {}
        self._rests: dict[Provider, tuple[float, float]] = {}

    def note(self, kind: ActionKind, error: BillingError | None) -> None:
        """Take in how an attempt at an action of this kind ended; None is a success."""
        provider = next((each for each, kinds in KINDS.items() if kind in kinds), None)
        if provider is None or (error is not None and error.code in NO_OUTAGE):
            return

        if error is not None and not isinstance(error, RejectedBillingError):
            self._failed[provider] += 1
            if self._failed[provider] >= IN_A_ROW:
                self._wake_no_more(provider)
            return

        if self._failed[provider] >= IN_A_ROW:
            self._back_at[provider] = self._clock()
        self._failed[provider] = 0

    def back(self) -> list[tuple[Provider, float]]:
        """Return the providers whose waiting actions are to be woken, and for how many seconds each is back."""
        return [
            (provider, self._clock() - since)
            for provider, since in self._back_at.items()
            if not self._is_resting(provider)
        ]

    def woken(self, provider: Provider) -> None:
        """Say that nothing of this provider is left to wake."""
        self._wake_no_more(provider)

    def _wake_no_more(self, provider: Provider) -> None:
        """Forget that it is back; where somebody was woken for that, nobody is for a while."""
        if self._back_at.pop(provider, None) is None or self._is_resting(provider):
            return
        now = self._clock()
        rest_s, until = self._rests.get(provider, (0.0, -math.inf))
        is_again = now < until + LONGEST_REST_S
        rest_s = min(LONGEST_REST_S, rest_s * 2) if is_again else _FIRST_REST_S
        self._rests[provider] = rest_s, now + rest_s

    def _is_resting(self, provider: Provider) -> bool:
        _, until = self._rests.get(provider, (0.0, -math.inf))
        return self._clock() < until
