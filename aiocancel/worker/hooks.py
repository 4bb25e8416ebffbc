"""The application's hooks: what it wants to be told when a claim has ended, off the request path."""

from __future__ import annotations

from collections.abc import Sequence

from aiocancel.core.outcome import Outcome
from aiocancel.ports import OutcomeHook


class Hooks:
    """Calls the hooks of a claim in their order.

    One that raises has all of them called again later, so each is called at least once and may be called
    twice: ``Outcome.claim_id`` tells a repetition.
    """

    def __init__(
        self, on_outcome: Sequence[OutcomeHook] = (), on_error: Sequence[OutcomeHook] = ()
    ) -> None:
        self._on_outcome = on_outcome
        self._on_error = on_error

    async def run(self, outcome: Outcome) -> None:
        """Tell every hook; those for errors only of what a person has to look at, or what was refused."""
        for hook in self._on_outcome:
            await hook(outcome)
        if outcome.failed:
            for hook in self._on_error:
                await hook(outcome)
