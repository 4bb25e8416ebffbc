-- A declaration of the public exit is no cancellation: one comes of it only where a worker finds the contract, as a claim
-- of its own. Counted by itself it would be a second one, or one of nobody's. And a price is a number, so that it can be
-- added up; a column cannot change its type in place.
DROP VIEW aiocancel.v_sessions;
CREATE VIEW aiocancel.v_sessions AS
SELECT s.id AS session, NULL::bigint AS claim, s.opened_at AS started_at, s.ended_at, s.mode, s.vendor,
    s.subscription_id, s.place, s.language, s.snapshot ->> 'plan' AS plan,
    CASE WHEN s.snapshot ->> 'price_minor' ~ '^-?[0-9]{1,18}$' THEN (s.snapshot ->> 'price_minor')::bigint END AS price_minor,
    s.snapshot ->> 'currency' AS currency, s.snapshot ->> 'interval' AS price_interval, s.snapshot IS NOT NULL AS has_snapshot,
    s.reason, s.hold_out AS held_out, s.fitted, jsonb_array_length(s.shown) AS offers_shown, s.accepted_offer AS offer,
    s.erased_at IS NOT NULL AS erased,
    CASE WHEN s.state = 'canceled' AND EXISTS (
        SELECT FROM aiocancel.action r WHERE r.subscription_id = s.subscription_id AND r.kind = 'resume'
          AND r.state = 'done' AND r.finished_at > s.ended_at) THEN 'taken_back' ELSE s.state END AS outcome
FROM aiocancel.flow_session s
UNION ALL
SELECT NULL, c.id, c.recorded_at, c.recorded_at, c.mode, c.vendor, c.subscription_id, NULL, NULL, NULL, NULL, NULL, NULL,
    false, c.reason_code, false, NULL, 0, NULL, c.erased_at IS NOT NULL,
    CASE WHEN EXISTS (
        SELECT FROM aiocancel.action r WHERE r.subscription_id = c.subscription_id AND r.kind = 'resume'
          AND r.state = 'done' AND r.finished_at > c.recorded_at) THEN 'taken_back' ELSE 'canceled' END
FROM aiocancel.claim c
WHERE c.uses_grant AND c.status = 'canceled' AND c.subscription_id <> 'public_exit' AND NOT EXISTS (
    SELECT FROM aiocancel.flow_session s
    WHERE s.session_id = c.flow_session_id AND s.subscription_id = c.subscription_id);
COMMENT ON VIEW aiocancel.v_sessions IS
    'One row for each run through a cancellation flow, and for each cancellation that came without one.';

-- Days that were counted before with declarations are counted anew.
INSERT INTO aiocancel.recount SELECT recorded_at FROM aiocancel.claim WHERE subscription_id = 'public_exit';
