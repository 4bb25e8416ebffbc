"""A company with a past for the owner's figures: sessions, claims, actions and readings, made by the database itself.

Three years of it, the newest session a minute ago. Half of the sessions cancel, a fifth take an offer, a tenth are held
out; one cancellation in twenty was taken back. Every session that is old enough was read on its days.
"""

from __future__ import annotations

from typing import Any

YEARS = 3
# How far apart sessions are: $1 is how many there are.
_SESSIONS = f"""
INSERT INTO aiocancel.flow_session (session_id, vendor, told_by, mode, customer_id, subscription_id, state,
    definition_version, snapshot, reasons, reason, considered, shown, declined, accepted_offer, hold_out, fitted,
    opened_at, touched_at, ended_at, place, language)
SELECT 'run_' || n, 'own', 'own', 'test', 'cus_' || n, 'sub_' || n, made.state, 'v1',
    jsonb_build_object('plan', 'Plan ' || n % 5, 'price_minor', 900 + 1000 * (n % 5), 'currency', 'eur', 'interval',
        'month', 'interval_count', 1, 'quantity', 1, 'columns', jsonb_build_object('seats', n % 50)),
    ARRAY['too_expensive', 'unused', 'missing_features', 'switching', 'temporary', 'bugs', 'other'],
    CASE WHEN n % 9 < 7 THEN (ARRAY['too_expensive', 'unused', 'missing_features', 'switching', 'temporary', 'bugs',
        'other'])[1 + n % 9] END,
    jsonb_build_array(jsonb_build_object('offer', 'half', 'code', NULL),
        jsonb_build_object('offer', 'break', 'code', 'offer_condition_not_met')),
    CASE WHEN made.held THEN '[]' ELSE jsonb_build_array(jsonb_build_object('offer', made.offer, 'terms',
        jsonb_build_object('percent_off', 50, 'months', 3), 'at', made.at, 'words', jsonb_build_object('title',
        'Half the price for three months', 'text', repeat('Stay and pay half of it. ', 8)))) END,
    CASE WHEN made.state = 'canceled' AND NOT made.held THEN ARRAY[made.offer] ELSE '{{}}' END,
    CASE WHEN made.state = 'accepted' THEN made.offer END, made.held,
    CASE WHEN n % 10 < 6 OR made.held THEN made.offer END,
    made.at, made.at, made.at + interval '2 minutes', (ARRAY['DE', 'FR', 'US', 'GB'])[1 + n % 4], 'en'
FROM generate_series(1, $1::integer) n, LATERAL (SELECT
    now() - interval '1 minute' - ($1 - n) * (interval '{YEARS} years' / $1) AS at, n % 10 = 3 AS held,
    CASE WHEN n % 10 = 3 THEN 'canceled' WHEN n % 5 = 0 THEN 'accepted' WHEN n % 10 < 6 THEN 'canceled'
        ELSE 'abandoned' END AS state,
    'offer_' || n % 4 AS offer) made
"""
_CLAIMS = """
INSERT INTO aiocancel.claim (public_id, recorded_at, grant_nonce, uses_grant, vendor, status, flow_session_id,
    customer_id, subscription_id, mode, reason_code, change, recovery_point)
SELECT gen_random_uuid(), s.ended_at, s.session_id, true, 'own', 'canceled', s.session_id, s.customer_id,
    s.subscription_id, 'test', s.reason, 'cancellation', 'action_applied'
FROM aiocancel.flow_session s
"""
# Three for each claim: the change, the letter and the hooks; of one claim in twenty the third is its resumption.
_ACTIONS = """
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, state, created_at, due_at, attempts,
    idempotency_key, key_used_at, finished_at, receipt_status, parked_code)
SELECT c.id, o, (ARRAY['cancel_at_period_end', 'acknowledge', CASE WHEN c.id % 20 = 1 THEN 'resume' ELSE 'run_hooks'
        END])[1 + o], c.subscription_id, made.state, c.recorded_at, c.recorded_at, 1,
    'key-' || c.id || '-' || o, c.recorded_at, c.recorded_at + (1 + o) * interval '1 hour',
    CASE WHEN made.state = 'done' THEN 'active' END, CASE WHEN made.state = 'parked' THEN 'card_declined' END
FROM aiocancel.claim c, generate_series(0, 2) o, LATERAL (SELECT
    CASE WHEN o = 0 AND c.id % 10000 = 7 THEN 'parked' ELSE 'done' END AS state) made
"""
_ATTEMPTS = """
INSERT INTO aiocancel.attempt (action_id, number, idempotency_key, started_at, ended_at, result)
SELECT a.id, 1, a.idempotency_key, a.due_at, a.due_at, 'accepted' FROM aiocancel.action a WHERE a.ordinal = 0
"""
_JOURNAL = """
INSERT INTO aiocancel.journal (at, claim_id, entry)
SELECT c.recorded_at, c.id, entry FROM aiocancel.claim c, unnest(ARRAY['claim_recorded', 'action_applied']) entry
"""
_READINGS = """
INSERT INTO aiocancel.kept_reading (session, day, due_at, read_at, state, kept, is_late)
SELECT s.id, day, CASE WHEN made.is_read THEN NULL ELSE made.at END, CASE WHEN made.is_read THEN made.at END,
    CASE WHEN made.is_read THEN made.state END, CASE WHEN made.is_read THEN made.state = 'active' END,
    CASE WHEN made.is_read THEN false END
FROM aiocancel.flow_session s, unnest(ARRAY[30, 60, 90]) day, LATERAL (SELECT
    s.opened_at + make_interval(days => day) AS at, s.opened_at + make_interval(days => day) < now() AS is_read,
    CASE WHEN s.id % 10 < 4 THEN 'active' WHEN s.id % 10 < 5 THEN 'paused' ELSE 'ended' END AS state) made
"""
_PAYMENTS = """
INSERT INTO aiocancel.kept_payment (session, day, currency, invoices, paid_minor, given_minor)
SELECT session, day, CASE WHEN session % 3 = 0 THEN 'usd' ELSE 'eur' END, 1, 2900, 400
FROM aiocancel.kept_reading WHERE kept
"""
TABLES = ("flow_session", "claim", "action", "attempt", "journal", "kept_reading", "kept_payment")


async def fill(connection: Any, sessions: int) -> None:
    """Fill empty tables with this many sessions and claims, and three times as many actions and readings."""
    async with connection.transaction():
        # The rows fit each other; to have that checked row by row would take longer than to write them.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "INSERT INTO aiocancel.flow_definition (version, definition)"
            " VALUES ('v1', jsonb_build_object('hold_out_percent', 10))"
        )
        await connection.execute(_SESSIONS, sessions)
        for statement in (_CLAIMS, _ACTIONS, _ATTEMPTS, _JOURNAL, _READINGS, _PAYMENTS):
            await connection.execute(statement)

    for table in TABLES:
        await connection.execute(f"VACUUM ANALYZE aiocancel.{table}")
