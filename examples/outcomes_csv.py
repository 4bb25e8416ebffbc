"""Write every outcome into a CSV file of its day, for a spreadsheet or a warehouse that takes files.

from outcomes_csv import write_outcomes_to
write_outcomes_to(cancel, Path("/var/lib/shop/cancellations"))

The row of a claim that is told twice stands there twice: its first column tells.
"""

from __future__ import annotations

import asyncio
import csv
import re
from datetime import UTC, datetime
from pathlib import Path

import aiocancel

COLUMNS = (
    "claim_id",
    "at",
    "subscription_id",
    "status",
    "answer",
    "offer_id",
    "reason",
    "plan",
    "price_minor",
    "currency",
    "problem",
)


def write_outcomes_to(cancel: aiocancel.CancelFlow, folder: Path) -> None:
    """Register the hook; call it before the application starts, in one process alone."""
    lock = asyncio.Lock()

    @cancel.on_outcome
    async def write(outcome: aiocancel.Outcome) -> None:
        now, snapshot = datetime.now(UTC), outcome.snapshot or {}
        row = (
            outcome.claim_id,
            now.isoformat(timespec="seconds"),
            outcome.subscription_id,
            outcome.status,
            str(outcome.answer.kind),
            outcome.offer_id or "",
            outcome.reason.code or "",
            snapshot.get("plan") or "",
            # A price of 0 is a price.
            "" if snapshot.get("price_minor") is None else snapshot["price_minor"],
            snapshot.get("currency") or "",
            str(outcome.problem or ""),
        )

        async with lock:
            await asyncio.to_thread(_append, folder / f"{now:%Y-%m-%d}.csv", row)


def _append(path: Path, row: tuple[object, ...]) -> None:
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(COLUMNS)
        writer.writerow([_cell(each) for each in row])


def _cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = str(value)
    # Behind a semicolon as well: with a decimal comma, a spreadsheet parts cells there.
    text = re.sub('(?<=[;\t\r\n])(?="*[=+@-])', "'", text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
