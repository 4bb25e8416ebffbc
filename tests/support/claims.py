"""What customers ask for, recorded in the ledger the way the service does it."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from aiocancel.core.claim import CancelReason, FlowClaim, FlowStatus
from aiocancel.core.decision import Policy, decide, decide_unproven, verify_own_choice
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import CustomerId, FlowSessionId, SubscriptionId
from aiocancel.postgres.claims import RecordedClaim
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from tests.support.saas import Pool

AT_PERIOD_END = Policy()
AT_ONCE = Policy(cancel_timing="now")
BY_VENDOR = Policy(applies_cancellation="vendor")

_numbers = itertools.count(1)


def make_grant(
    subscription_id: str = "sub_1", *, customer_id: str = "ada", nonce: str | None = None
) -> Grant:
    return Grant(
        CustomerId(customer_id),
        SubscriptionId(subscription_id),
        "test",
        issued_at=0,
        expires_at=3600,
        nonce=nonce or f"nonce-{next(_numbers)}",
    )


def make_claim(status: str = "canceled", *, session: str | None = None, **fields: Any) -> FlowClaim:
    reason = CancelReason(fields.pop("text", None), fields.pop("code", None))
    session_id = FlowSessionId(session) if session else None
    return FlowClaim("prosperstack", FlowStatus(status), session_id, reason, **fields)


async def record(
    ledger: Ledger, claim: FlowClaim, grant: Grant, policy: Policy = AT_PERIOD_END
) -> RecordedClaim:
    outcome = verify_own_choice(claim, grant)
    decision = decide(outcome, policy) if outcome else decide_unproven(claim, grant.subscription_id)
    recorded = await ledger.accept(claim, grant, decision, verified=outcome is not None)
    await ledger.wake_ups.given()
    return recorded


async def ask(
    pool: Pool,
    subscription_id: str = "sub_1",
    status: str = "canceled",
    policy: Policy = AT_PERIOD_END,
    **fields: Any,
) -> int:
    """Record a fresh claim and return the id of its action."""
    recorded = await record(
        Ledger(pool), make_claim(status, **fields), make_grant(subscription_id), policy
    )
    action_id = await pool.fetchval(
        "SELECT a.id FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id WHERE c.public_id = $1",
        recorded.public_id,
    )
    return int(action_id)


async def take_due(pool: Pool, owner: uuid.UUID, *, limit: int = 10) -> list[TakenAction]:
    """Take what is due and whose turn it is, the oldest first, without waiting for its jobs."""
    taken: list[TakenAction] = []
    for row in await pool.fetch(
        "SELECT id FROM aiocancel.action WHERE state = 'waiting' ORDER BY due_at, id"
    ):
        if len(taken) < limit:
            taken += await Ledger(pool).take(owner, [row["id"]], lease_s=90)
    return taken


async def hurry(pool: Pool) -> None:
    """Let what waits for its time be due now."""
    await pool.execute(
        "UPDATE aiocancel.action SET due_at = now() WHERE state = 'waiting' AND due_at > now()"
    )
    await pool.execute(
        "UPDATE aiocancel.pgqueuer SET execute_after = now() WHERE execute_after > now()"
    )


# A migration has filled them.
FILLED = (
    "action_transition",
    "evidence_chain",
    "flow_session_transition",
    "recovery_transition",
    "schema_version",
)


async def empty_tables(pool: Pool) -> None:
    """Make a database as good as new; much faster than another one."""
    async with pool.acquire() as connection, connection.transaction():
        # Without its triggers, or the journal would refuse.
        await connection.execute("SET LOCAL session_replication_role = replica")
        rows = await connection.fetch(
            "SELECT format('DELETE FROM aiocancel.%I', tablename) FROM pg_tables"
            " WHERE schemaname = 'aiocancel' AND tablename <> ALL ($1)",
            FILLED,
        )
        deletions = "; ".join(row[0] for row in rows)
        await connection.execute(
            f"{deletions}; DELETE FROM app_subscription; DROP TABLE IF EXISTS account"
        )
