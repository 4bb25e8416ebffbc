"""Stories take place in the time of the tests: looks that come every few seconds come at once."""

from __future__ import annotations

import pytest

from aiocancel.worker import vendor_events, worker


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search the ledger and the doorbell more often than a worker does."""
    monkeypatch.setattr(worker, "SWEEP_EVERY_S", 0.5)
    monkeypatch.setattr(vendor_events, "IDLE_LOOK_S", 0.1)
