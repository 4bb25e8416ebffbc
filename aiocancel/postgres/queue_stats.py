"""Cheap questions about how the database and the queue of actions are; no customer's row is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiocancel.errors import SchemaError
from aiocancel.postgres.connection import unavailable_on_outage
from aiocancel.postgres.schema import installed_version, migrations

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Pool

# Only what is unfinished or parked is looked at, each by an index of its own: finished actions may be millions.
STATS: Final = """
SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'running') AS running,
    (SELECT count(*) FROM aiocancel.action WHERE aiocancel.waits_for_a_person(state, closed_at)) AS parked,
    coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at < now()))::float8, 0) AS oldest_due_s
FROM aiocancel.action WHERE state IN ('waiting', 'running')
"""

# The first that was noted: no other can have waited for much longer.
UNSEALED: Final = """
SELECT coalesce(extract(epoch FROM now() - (
    SELECT noted_at FROM aiocancel.evidence_due ORDER BY id LIMIT 1))::float8, 0)
"""


@dataclass(frozen=True, slots=True)
class QueueStats:
    """How many actions wait, run and are parked, and for how long the oldest could have been taken, in seconds.

    What waits behind another action on its subscription counts as due, too. ``unsealed_s`` is how long the oldest fact
    has waited for its place in the chain of evidence.
    """

    waiting: int
    running: int
    parked: int
    oldest_due_s: float
    unsealed_s: float = 0.0


async def queue_stats(pool: Pool) -> QueueStats:
    """Return the state of the queue in all processes; raises UnavailableError."""
    with unavailable_on_outage():
        row = await pool.fetchrow(STATS)
        unsealed_s = await pool.fetchval(UNSEALED)
    assert row is not None  # noqa: S101 - an aggregate has one row
    return QueueStats(**row, unsealed_s=unsealed_s)


async def probe(pool: Pool) -> None:
    """Raise UnavailableError unless the database answers, and SchemaError where our tables are missing or older.

    Newer ones are no reason to stop: while an upgrade goes on, the processes of the release before still work.
    """
    with unavailable_on_outage():
        async with pool.acquire() as connection:
            present = await installed_version(connection)
    if present is None or present < max(migrations()):
        raise SchemaError("the tables of aiocancel are missing or older than this release")
