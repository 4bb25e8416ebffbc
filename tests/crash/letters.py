"""Letters while workers and the mail server are killed: none lost, none untrue, and every double counted.

By hand, with as many customers as you like: ``python -m tests.crash.letters --customers 1000``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiocancel.core.actions import Action, ActionKind
from aiocancel.core.claim import OWN_VENDOR, FlowClaim, FlowStatus, Topic
from aiocancel.core.decision import Decision
from aiocancel.core.declaration import Declaration
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.postgres.ledger import Ledger
from tests.crash.crew import ROOT
from tests.crash.customers import Customer, Wish
from tests.crash.deaths import LETTER_POINTS
from tests.crash.setup import Setup
from tests.crash.stage import Server, Stage, open_stage
from tests.support.waiting import until

LEASE_S = 3.0
# In which of its mails each process of the mail server dies, before it has the mail or after; the last one stays.
DEATHS = ((2, "after"), (2, "before"))
# Every fourth customer's subscription is not at Stripe: nothing may be said to be carried out.
MISSING_EVERY = 4
# A letter about what waits for a person looks again every minute, for months.
SETTLED = """
SELECT NOT EXISTS (SELECT FROM aiocancel.action
        WHERE state = 'running' OR state = 'waiting' AND (kind <> 'acknowledge' OR due_at <= now()))
    AND NOT EXISTS (SELECT FROM aiocancel.claim c WHERE NOT EXISTS (
        SELECT FROM aiocancel.acknowledgement k WHERE k.claim_id = c.id AND k.handed_over_at IS NOT NULL
            AND k.kind IN ('carried_out', 'left_to_a_person')))
"""


@dataclass
class LetterCounts:
    """What the run came to."""

    customers: int
    sent: int = 0
    lost: int = 0
    untrue: int = 0
    doubles: int = 0
    uncounted: int = 0
    altered: int = 0
    worker_deaths: Counter[str] = field(default_factory=Counter)
    server_deaths: int = 0
    seconds: float = 0.0

    def line(self) -> str:
        return (
            f"letters: {self.customers} customers, {self.sent} letters, {self.lost} lost, {self.untrue} untrue, "
            f"{self.doubles} doubles of which {self.uncounted} not counted, {self.altered} altered "
            f"({self.worker_deaths.total()} deaths of workers at {len(self.worker_deaths)} steps, "
            f"{self.server_deaths} of the mail server; {self.seconds:.1f} s)"
        )


class MailHouse:
    """Keeps the mail server's process alive on one port; what it took is in a file."""

    def __init__(self, path: Path, customers: int) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.path = path
        self.deaths = 0
        # More customers see more deaths.
        self._ends = [*DEATHS * max(1, customers // 100), (0, "")]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[MailHouse]:
        self.path.touch()
        keeper = asyncio.create_task(self._keep())
        try:
            yield self
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def _keep(self) -> None:
        for end in self._ends:
            arguments = (self.port, self.path, *end)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.crash.mail_server",
                *map(str, arguments),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
            )
            try:
                status = await process.wait()
            except asyncio.CancelledError:
                process.kill()
                await process.wait()
                raise
            self.deaths += status == -signal.SIGKILL

    def taken(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]


async def _declare(stage: Stage, customers: Sequence[Customer]) -> list[str]:
    """Record a cancellation of each customer; returns those whose subscription is not at Stripe."""
    ledger = Ledger(stage.pool, letters=True)
    missing = []

    for customer in customers:
        name, subscription_id = customer.name, SubscriptionId(customer.subscription_id)
        if customer.number % MISSING_EVERY == MISSING_EVERY - 1:
            missing.append(name)
            del stage.stripe.subscriptions[subscription_id]
        grant = Grant(CustomerId(name), subscription_id, "test", 0, 0, uuid.uuid4().hex)
        claim = FlowClaim(
            OWN_VENDOR,
            FlowStatus.CANCELED,
            declaration=Declaration("en", "Cancel subscription"),
        )
        action = Action(ActionKind.CANCEL_AT_PERIOD_END, subscription_id)
        decision = Decision(Topic.CANCELLATION, (action,))
        await ledger.accept(claim, grant, decision, verified=True)
    return missing


async def play_letters(
    server: Server,
    *,
    customers: int,
    logs: Path,
    workers: int = 2,
    seed: int = 1,
    points: Sequence[str] = tuple(LETTER_POINTS),
) -> LetterCounts:
    """Let customers leave while everybody who writes to them dies, and count the letters.

    ``points`` are those of ``LETTER_POINTS`` at which a worker dies, once each at least.
    """
    counts, began = LetterCounts(customers), time.monotonic()
    crowd = [Customer(number, [Wish("canceled")]) for number in range(customers)]
    house = MailHouse(logs / "mails.jsonl", customers)
    async with (
        house.open(),
        open_stage(
            server, "letters", seed, logs, crowd, smtp_port=house.port, lease_s=LEASE_S
        ) as stage,
    ):
        missing = await _declare(stage, crowd)
        waiting = list(points)

        def next_setup() -> Setup:
            return replace(stage.setup, dies_at=waiting.pop(0) if waiting else "")

        for _ in range(workers):
            stage.add_worker(next_setup)
        await until(lambda: stage.pool.fetchval(SETTLED), within_s=240 + customers)

        for place in stage.workers:
            counts.worker_deaths.update(place.deaths)
        counts.server_deaths = house.deaths
        await _count(counts, stage, crowd, house.taken(), missing)
    counts.seconds = time.monotonic() - began
    return counts


async def _count(
    counts: LetterCounts,
    stage: Stage,
    customers: Sequence[Customer],
    taken: list[dict[str, Any]],
    missing: list[str],
) -> None:
    rows = await stage.pool.fetch("SELECT public_id, doubts FROM aiocancel.acknowledgement")
    doubts = {f"<aiocancel-{row['public_id']}": row["doubts"] for row in rows}
    by_id: dict[str, list[dict[str, Any]]] = {}
    for mail in taken:
        by_id.setdefault(mail["id"].partition("@")[0], []).append(mail)

    counts.sent = len(by_id)
    for message_id, copies in by_id.items():
        counts.doubles += len(copies) - 1
        counts.uncounted += max(0, len(copies) - 1 - doubts.get(message_id, 0))
        counts.altered += len({(mail["subject"], mail["text"]) for mail in copies}) - 1

    subjects: dict[str, set[str]] = {}
    for mail in taken:
        (address,) = mail["to"]
        subjects.setdefault(address.partition("@")[0], set()).add(mail["subject"])
    for customer in customers:
        name = customer.name
        got = subjects.get(name, set())
        is_done = any("ends on" in subject for subject in got)
        is_left = any(subject.startswith("We received") for subject in got)
        subscription = stage.stripe.subscriptions.get(customer.subscription_id)
        is_ending = subscription is not None and subscription["cancel_at_period_end"]
        counts.lost += not (is_left if name in missing else is_done)
        counts.untrue += is_done and not is_ending


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.letters")
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logs = Path(tempfile.mkdtemp(prefix="aiocancel-crash-letters-"))
    with Server() as server:
        counts = asyncio.run(play_letters(server, **vars(options), logs=logs))
    print(counts.line(), flush=True)
    return int(any((counts.lost, counts.untrue, counts.uncounted, counts.altered)))


if __name__ == "__main__":
    sys.exit(main())
