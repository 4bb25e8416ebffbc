"""Flow sessions of the past, as they would be in the ledger: few by hand, or many whose truth is known."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiocancel.core.measures.definitions import Definition
from tests.support.saas import Pool

BEGAN = datetime(2026, 1, 5, 12, tzinfo=UTC)

INSERT = """
INSERT INTO aiocancel.flow_session (session_id, vendor, told_by, mode, customer_id, subscription_id, state,
    definition_version, snapshot, reasons, reason, considered, shown, accepted_offer, hold_out, fitted, opened_at,
    ended_at, place)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $12::jsonb, $13::jsonb, $14, $15, $16, $17, $18, $19)
RETURNING id
"""
DEFINE = """
INSERT INTO aiocancel.flow_definition (version, definition) VALUES ('v1', $1::jsonb)
ON CONFLICT DO NOTHING
"""


@dataclass
class PastSession:
    """One session; what is not said is what an ordinary one has."""

    number: int
    state: str = "canceled"
    opened_at: datetime = BEGAN
    reason: str | None = None
    reasons: tuple[str, ...] = ("too_expensive", "unused", "other")
    shown: tuple[str, ...] = ()
    accepted: str | None = None
    hold_out: bool = False
    fitted: str | None = None
    mode: str = "test"
    customer_id: str | None = None
    subscription_id: str | None = None
    snapshot: dict[str, Any] | None = field(
        default_factory=lambda: {
            "plan": "Pro",
            "price_minor": 2900,
            "currency": "eur",
            "interval": "month",
        }
    )
    considered: tuple[dict[str, Any], ...] = ()
    told_by: str = "own"
    definition_version: str = "v1"
    place: str | None = "DE"

    def row(self) -> tuple[Any, ...]:
        """The values of its row, in the order of the columns that are written."""
        own = self.told_by == "own"

        return (
            f"run_{self.number}",
            "own" if own else "prosperstack",
            self.told_by,
            self.mode,
            f"customer_{self.number}" if self.customer_id is None else self.customer_id,
            self.subscription_id or f"sub_{self.number}",
            self.state,
            self.definition_version if own else None,
            None if self.snapshot is None else json.dumps(self.snapshot),
            list(self.reasons),
            self.reason,
            json.dumps(list(self.considered)),
            json.dumps([{"offer": each} for each in self.shown]),
            self.accepted,
            self.hold_out,
            self.fitted,
            self.opened_at,
            None if self.state == "open" else self.opened_at + timedelta(minutes=2),
            self.place,
        )


async def add_sessions(pool: Pool, *sessions: PastSession, hold_out_percent: int = 20) -> list[int]:
    """Put sessions into the ledger; returns their ids."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(DEFINE, json.dumps({"hold_out_percent": hold_out_percent}))
        return [int(await connection.fetchval(INSERT, *each.row())) for each in sessions]


async def add_reading(
    pool: Pool,
    session: int,
    day: int = 30,
    state: str = "active",
    *,
    kept: bool | None = None,
    paid: dict[str, tuple[int, int]] | None = None,
    is_late: bool = False,
) -> None:
    """Say what a reading found; ``paid`` has what was paid and given away, by currency."""
    await pool.execute(
        "UPDATE aiocancel.kept_reading SET read_at = now(), due_at = NULL, state = $3, kept = $4, is_late = $5"
        " WHERE session = $1 AND day = $2",
        session,
        day,
        state,
        state == "active" if kept is None else kept,
        is_late,
    )

    for currency, (paid_minor, given_minor) in (paid or {}).items():
        await pool.execute(
            "INSERT INTO aiocancel.kept_payment VALUES ($1, $2, $3, 1, $4, $5)",
            session,
            day,
            currency,
            paid_minor,
            given_minor,
        )


async def take_back(pool: Pool, subscription: str, at: datetime) -> None:
    """Say that a customer resumed a subscription here at a moment."""
    await pool.execute(
        "INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, customer_id, subscription_id,"
        " mode, change, recovery_point) VALUES (gen_random_uuid(), gen_random_uuid()::text, true, 'own', 'resumed',"
        " 'customer_1', $1, 'test', 'resumption', 'action_applied')",
        subscription,
    )

    await pool.execute(
        "INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, state, idempotency_key, finished_at,"
        " receipt_status) SELECT id, 0, 'resume', $1, 'done', public_id::text, $2, 'active'"
        " FROM aiocancel.claim WHERE status = 'resumed' AND subscription_id = $1",
        subscription,
        at,
    )


def as_statement(definition: Definition) -> str:
    """The statement of a figure as asyncpg takes it: $1 and $2 are the range, $3 is the mode."""
    named = {":a": "$1", ":b": "$2", ":mode": "$3"}
    return re.sub(r":(a|b|mode)\b", lambda found: named[found[0]], definition.sql)
