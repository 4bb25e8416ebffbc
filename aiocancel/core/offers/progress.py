"""The ledger's knowledge of earlier attempts at an offer. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiocancel.core.changes import Change


@dataclass(frozen=True, slots=True)
class Progress:
    """The ledger's knowledge of earlier attempts.

    ``earlier`` is the change that one sent, or may have sent. ``promised`` is when the customer was told that a
    deferred offer takes effect, ``asked_to_pay`` that a payment was found missing.
    """

    earlier: Change | None = None
    promised: datetime | None = None
    asked_to_pay: bool = False


NO_PROGRESS: Final = Progress()
