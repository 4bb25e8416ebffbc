-- What the owner's figures are counted from: views that anybody may read who may read our tables. Their names and columns
-- stay; each is filtered by started_at, and found by an index then. No row of them names a customer.

-- What was asked for without a session, on the plain page or before this release, is found by its time.
CREATE INDEX claim_without_session ON aiocancel.claim (recorded_at) WHERE uses_grant AND status = 'canceled';

-- What is taken back by the customer is a wish of its own, about the same subscription.
CREATE INDEX action_resumed ON aiocancel.action (subscription_id, finished_at) WHERE kind = 'resume' AND state = 'done';

-- A cancellation was taken back where the customer resumed the subscription here afterwards. One that has taken effect
-- cannot be resumed, so that there is no other order.
CREATE FUNCTION aiocancel.was_taken_back(of_subscription text, canceled_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT EXISTS (
        SELECT FROM aiocancel.action r
        WHERE r.subscription_id = of_subscription AND r.kind = 'resume' AND r.state = 'done'
          AND r.finished_at > canceled_at)
$$;

CREATE VIEW aiocancel.v_sessions AS
SELECT s.id AS session, NULL::bigint AS claim, s.opened_at AS started_at, s.ended_at, s.mode, s.vendor,
    s.subscription_id, s.place, s.language, s.snapshot ->> 'plan' AS plan, s.snapshot ->> 'price_minor' AS price_minor,
    s.snapshot ->> 'currency' AS currency, s.snapshot ->> 'interval' AS price_interval, s.snapshot IS NOT NULL AS has_snapshot,
    s.reason, s.hold_out AS held_out, s.fitted, jsonb_array_length(s.shown) AS offers_shown, s.accepted_offer AS offer,
    s.erased_at IS NOT NULL AS erased,
    CASE WHEN s.state = 'canceled' AND aiocancel.was_taken_back(s.subscription_id, s.ended_at) THEN 'taken_back'
        ELSE s.state END AS outcome
FROM aiocancel.flow_session s
UNION ALL
SELECT NULL, c.id, c.recorded_at, c.recorded_at, c.mode, c.vendor, c.subscription_id, NULL, NULL, NULL, NULL, NULL, NULL,
    false, c.reason_code, false, NULL, 0, NULL, c.erased_at IS NOT NULL,
    CASE WHEN aiocancel.was_taken_back(c.subscription_id, c.recorded_at) THEN 'taken_back' ELSE 'canceled' END
FROM aiocancel.claim c
WHERE c.uses_grant AND c.status = 'canceled' AND NOT EXISTS (
    SELECT FROM aiocancel.flow_session s
    WHERE s.session_id = c.flow_session_id AND s.subscription_id = c.subscription_id);
COMMENT ON VIEW aiocancel.v_sessions IS
    'One row for each run through a cancellation flow, and for each cancellation that came without one.';

-- Each reason has its own denominator: the sessions that showed it.
CREATE VIEW aiocancel.v_reasons AS
SELECT s.id AS session, s.opened_at AS started_at, s.mode, shown.reason, shown.place AS shown_at,
    shown.reason IS NOT DISTINCT FROM s.reason AS chosen
FROM aiocancel.flow_session s, unnest(s.reasons) WITH ORDINALITY AS shown (reason, place)
UNION ALL
SELECT s.id, s.opened_at, s.mode, '', NULL, s.reason IS NULL
FROM aiocancel.flow_session s WHERE s.reasons <> '{}'
UNION ALL
-- A vendor tells the answer, and not which answers there were.
SELECT s.id, s.opened_at, s.mode, s.reason, NULL, true
FROM aiocancel.flow_session s WHERE s.reasons = '{}' AND s.reason IS NOT NULL;
COMMENT ON VIEW aiocancel.v_reasons IS
    'One row for each reason that a session showed; the empty reason stands for no answer.';

CREATE VIEW aiocancel.v_offers AS
SELECT s.id AS session, s.opened_at AS started_at, s.mode, shown.value ->> 'offer' AS offer, s.state AS session_state,
    s.accepted_offer IS NOT DISTINCT FROM shown.value ->> 'offer' AND s.state = 'accepted' AS accepted
FROM aiocancel.flow_session s, jsonb_array_elements(s.shown) AS shown (value);
COMMENT ON VIEW aiocancel.v_offers IS 'One row for each offer that a session showed.';

CREATE VIEW aiocancel.v_kept AS
SELECT s.id AS session, s.opened_at AS started_at, s.mode, r.day, r.read_at, r.state, r.kept, r.is_late,
    s.state AS session_state, s.accepted_offer AS offer
FROM aiocancel.flow_session s JOIN aiocancel.kept_reading r ON r.session = s.id
WHERE r.read_at IS NOT NULL;
COMMENT ON VIEW aiocancel.v_kept IS 'One row for each reading of Stripe on day 30, 60 and 90 after a session.';

CREATE VIEW aiocancel.v_revenue AS
SELECT s.id AS session, s.opened_at AS started_at, s.mode, p.day, p.currency, p.invoices, p.paid_minor, p.given_minor,
    s.state AS outcome, s.accepted_offer AS offer, NOT EXISTS (
        SELECT FROM aiocancel.kept_reading later
        WHERE later.session = s.id AND later.day > p.day AND later.read_at IS NOT NULL) AS is_latest
FROM aiocancel.flow_session s JOIN aiocancel.kept_payment p ON p.session = s.id;
COMMENT ON VIEW aiocancel.v_revenue IS
    'What was paid after a session until each reading, in minor units, one row for each currency.';

CREATE VIEW aiocancel.v_hold_out AS
SELECT s.id AS session, s.opened_at AS started_at, s.mode, s.hold_out AS held_out, r.day, r.kept
FROM aiocancel.flow_session s JOIN aiocancel.kept_reading r ON r.session = s.id
WHERE s.fitted IS NOT NULL AND s.told_by = 'own' AND r.day = 30 AND r.read_at IS NOT NULL;
COMMENT ON VIEW aiocancel.v_hold_out IS
    'One row for each session for which an offer fitted: whether it was shown or held out, and kept on day 30 or not.';
