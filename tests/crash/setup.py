"""What a process of the crash suite is told, in one environment variable."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

VARIABLE = "AIOCANCEL_CRASH"


@dataclass(frozen=True)
class Setup:
    """Where the process finds the others, and how it is to misbehave.

    ``pool_size`` 0 leaves the pool to the plug-in, ``smtp_port`` 0 customers without letters. ``dies_at``
    is one of ``deaths.POINTS`` or ``deaths.LETTER_POINTS``, passed ``passages`` times before the end.
    """

    database: str
    stripe_url: str
    vendor_api_url: str
    vendor_app_url: str
    timing: str = "at_period_end"
    run_worker: bool = True
    pool_size: int = 0
    answer_within_s: float = 1.0
    smtp_port: int = 0
    lease_s: float = 5.0
    dies_at: str = ""
    passages: int = 1

    def environment(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> Setup:
        return cls(**json.loads(os.environ[VARIABLE]))
