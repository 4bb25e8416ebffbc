"""A page of the console costs what it shows: no statement looks through all sessions, claims or actions."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

from aiocancel.postgres import console
from tests.support.query_plans import read_whole
from tests.support.saas import Pool

# As many as make a scan dear.
PAST = """
INSERT INTO aiocancel.flow_session (session_id, vendor, told_by, mode, customer_id, subscription_id, state, reasons,
    opened_at, ended_at)
SELECT 'run_' || n, 'prosperstack', 'vendor', 'test', 'c_' || n, 'sub_' || n, 'canceled', '{}',
    now() - n * interval '1 minute', now() - n * interval '1 minute'
FROM generate_series(1, 20000) n;
INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, flow_session_id, customer_id,
    subscription_id, mode, change, recovery_point)
SELECT gen_random_uuid(), 'n' || n, true, 'prosperstack', 'canceled', 'run_' || n, 'c_' || n, 'sub_' || n, 'test',
    'cancellation', 'actions_enqueued'
FROM generate_series(1, 20000) n;
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, idempotency_key, state, finished_at,
    parked_code, receipt_status)
SELECT id, 0, 'cancel_at_period_end', subscription_id, 'k' || id,
    CASE WHEN id % 500 = 0 THEN 'parked' ELSE 'done' END, now(),
    CASE WHEN id % 500 = 0 THEN 'card_declined' END, CASE WHEN id % 500 = 0 THEN NULL ELSE 'active' END
FROM aiocancel.claim;
INSERT INTO aiocancel.attempt (action_id, number, idempotency_key) SELECT id, 1, idempotency_key FROM aiocancel.action;
"""
LONG_AGO, LATER = datetime(2016, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
ANY = uuid.UUID(int=7)
STATEMENTS = {
    "waiting": (console.WAITING, ("test", 200)),
    "polled": (console.POLLED, ("test",)),
    "writes": (console.WRITES, ()),
    "list": (console.LIST, ("test", LONG_AGO, LATER, None, None, 51, 2000, 7, 7)),
    "find": (console.FIND, ("test", "sub_77", "sub_77\U0010ffff", ANY, ANY, True, 500)),
    "found": (console.FOUND, ("test", [1, 2], [3], LONG_AGO, LATER, None, None, 51, 7, 7)),
    "day 30": (console.READ_ON_DAY_30, ([1, 2],)),
    "answers": (console.ANSWERS, ([1, 2],)),
    "session of a claim": (console.SESSION_OF_CLAIM, (7,)),
    "claims of a session": (console.CLAIMS_OF_SESSION, (7,)),
    "attempts": (console.ATTEMPTS, ([1, 2],)),
    "journal": (console.JOURNAL, ([1, 2],)),
    "definition": (console.DEFINITION, ("test",)),
}
LARGE = {"flow_session", "claim", "action", "attempt", "kept_reading"}


async def test_no_statement_of_the_console_scans_a_large_table(pool: Pool) -> None:
    found: dict[str, set[str]] = {}
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(PAST)
        await connection.execute(
            "ANALYZE aiocancel.flow_session, aiocancel.claim, aiocancel.action, aiocancel.attempt,"
            " aiocancel.kept_reading"
        )

        for name, (statement, values) in STATEMENTS.items():
            planned = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *values)
            found[name] = read_whole(json.loads(planned)[0]["Plan"]) & LARGE

        await transaction.rollback()
    assert found == {name: set() for name in STATEMENTS}
