-- Where a rule keeps everything back until the customer has declared to leave, the page of the outcome asks and offers: in
-- a session of its own, which names the one that ended with the declaration. In the owner's figures both are one session.
-- A process of the release before takes one that is open for any other; it is over after half an hour.
ALTER TABLE aiocancel.flow_session ADD COLUMN after_id bigint REFERENCES aiocancel.flow_session;
-- One at most; and the figures find it.
CREATE UNIQUE INDEX flow_session_after ON aiocancel.flow_session (after_id) WHERE after_id IS NOT NULL;

-- It follows a declaration of the same customer about the same subscription, and no other such session.
CREATE FUNCTION aiocancel.guard_session_after() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.after_id IS DISTINCT FROM OLD.after_id THEN
            RAISE EXCEPTION 'what a flow session follows cannot be changed' USING ERRCODE = 'check_violation';
        END IF;
        -- Nothing is offered before the cancellation is carried out, and the declaration itself offers nothing.
        IF NEW.shown IS DISTINCT FROM OLD.shown AND NOT EXISTS (
            SELECT FROM aiocancel.flow_session s JOIN aiocancel.claim c
                ON c.subscription_id = s.subscription_id AND c.flow_session_id = s.session_id
                JOIN aiocancel.action a ON a.claim_id = c.id
            WHERE s.id = NEW.after_id AND c.status = 'canceled' AND a.kind = 'cancel_at_period_end'
              AND a.state = 'done') THEN
            RAISE EXCEPTION 'nothing is offered before the cancellation is carried out'
                USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NEW.told_by <> 'own' OR NEW.shown <> '[]' OR NOT EXISTS (
        SELECT FROM aiocancel.flow_session s JOIN aiocancel.claim c
            ON c.subscription_id = s.subscription_id AND c.flow_session_id = s.session_id
        WHERE s.id = NEW.after_id AND s.after_id IS NULL AND s.told_by = 'own' AND c.status = 'canceled'
          AND (s.customer_id, s.subscription_id, s.mode, s.hold_out)
            = (NEW.customer_id, NEW.subscription_id, NEW.mode, NEW.hold_out)) THEN
        RAISE EXCEPTION 'a flow session follows only a cancellation of the same customer'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER flow_session_follows_a_declaration BEFORE INSERT ON aiocancel.flow_session
    FOR EACH ROW WHEN (NEW.after_id IS NOT NULL) EXECUTE FUNCTION aiocancel.guard_session_after();
CREATE TRIGGER flow_session_stays_behind_its_declaration BEFORE UPDATE ON aiocancel.flow_session
    FOR EACH ROW WHEN (OLD.after_id IS NOT NULL OR NEW.after_id IS NOT NULL)
    EXECUTE FUNCTION aiocancel.guard_session_after();

-- Whether the customer stayed is read once for both.
DROP TRIGGER flow_session_plans_readings ON aiocancel.flow_session;
CREATE TRIGGER flow_session_plans_readings AFTER INSERT OR UPDATE OF state ON aiocancel.flow_session
    FOR EACH ROW WHEN (NEW.state <> 'open' AND NEW.after_id IS NULL) EXECUTE FUNCTION aiocancel.plan_readings();

-- They count on the day of the first.
CREATE OR REPLACE FUNCTION aiocancel.recount_session() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO aiocancel.recount
    SELECT coalesce((SELECT opened_at FROM aiocancel.flow_session WHERE id = NEW.after_id), NEW.opened_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER flow_session_after_is_counted_anew AFTER INSERT OR UPDATE ON aiocancel.flow_session
    FOR EACH ROW WHEN (NEW.after_id IS NOT NULL) EXECUTE FUNCTION aiocancel.recount_session();

-- An offer that was made takes a cancellation back as well.
DROP TRIGGER action_resumed_is_counted_anew ON aiocancel.action;
CREATE TRIGGER action_resumed_is_counted_anew AFTER INSERT OR UPDATE ON aiocancel.action
    FOR EACH ROW WHEN (NEW.kind IN ('resume', 'apply_offer') AND NEW.state = 'done')
    EXECUTE FUNCTION aiocancel.recount_taken_back();

CREATE OR REPLACE VIEW aiocancel.v_sessions AS
SELECT s.id AS session, NULL::bigint AS claim, s.opened_at AS started_at, s.ended_at, s.mode, s.vendor,
    s.subscription_id, s.place, s.language, s.snapshot ->> 'plan' AS plan,
    CASE WHEN s.snapshot ->> 'price_minor' ~ '^-?[0-9]{1,18}$' THEN (s.snapshot ->> 'price_minor')::bigint END AS price_minor,
    s.snapshot ->> 'currency' AS currency, s.snapshot ->> 'interval' AS price_interval, s.snapshot IS NOT NULL AS has_snapshot,
    coalesce(s.reason, f.reason) AS reason, s.hold_out AS held_out, coalesce(s.fitted, f.fitted) AS fitted,
    jsonb_array_length(s.shown) + coalesce(jsonb_array_length(f.shown), 0) AS offers_shown,
    coalesce(s.accepted_offer, f.accepted_offer) AS offer, s.erased_at IS NOT NULL AS erased,
    CASE WHEN s.state = 'canceled' AND (EXISTS (
        SELECT FROM aiocancel.action r WHERE r.subscription_id = s.subscription_id AND r.kind = 'resume'
          AND r.state = 'done' AND r.finished_at > s.ended_at)
        -- The offer that was accepted afterwards was made, and took the cancellation back with it.
        OR f.state = 'accepted' AND EXISTS (
            SELECT FROM aiocancel.claim c JOIN aiocancel.action a ON a.claim_id = c.id
            WHERE c.subscription_id = f.subscription_id AND c.flow_session_id = f.session_id AND c.status = 'saved'
              AND a.kind = 'apply_offer' AND a.state = 'done')) THEN 'taken_back' ELSE s.state END AS outcome
FROM aiocancel.flow_session s LEFT JOIN aiocancel.flow_session f ON f.after_id = s.id
WHERE s.after_id IS NULL
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
    'One row for each run through a cancellation flow, what followed its declaration included, and for each cancellation '
    'that came without one.';

CREATE OR REPLACE VIEW aiocancel.v_reasons AS
SELECT s.id AS session, s.opened_at AS started_at, s.mode, shown.reason, shown.place AS shown_at,
    shown.reason IS NOT DISTINCT FROM coalesce(s.reason, f.reason) AS chosen
FROM aiocancel.flow_session s LEFT JOIN aiocancel.flow_session f ON f.after_id = s.id,
    unnest(CASE WHEN s.reasons = '{}' THEN coalesce(f.reasons, '{}') ELSE s.reasons END)
        WITH ORDINALITY AS shown (reason, place)
WHERE s.after_id IS NULL
UNION ALL
SELECT s.id, s.opened_at, s.mode, '', NULL, coalesce(s.reason, f.reason) IS NULL
FROM aiocancel.flow_session s LEFT JOIN aiocancel.flow_session f ON f.after_id = s.id
WHERE s.after_id IS NULL AND (s.reasons <> '{}' OR f.reasons <> '{}')
UNION ALL
-- A vendor tells the answer, and not which answers there were.
SELECT s.id, s.opened_at, s.mode, s.reason, NULL, true
FROM aiocancel.flow_session s
WHERE s.told_by <> 'own' AND s.reasons = '{}' AND s.reason IS NOT NULL;

CREATE OR REPLACE VIEW aiocancel.v_offers AS
SELECT s.id AS session, s.opened_at AS started_at, s.mode, shown.value ->> 'offer' AS offer, s.state AS session_state,
    s.accepted_offer IS NOT DISTINCT FROM shown.value ->> 'offer' AND s.state = 'accepted' AS accepted
FROM aiocancel.flow_session s, jsonb_array_elements(s.shown) AS shown (value)
WHERE s.after_id IS NULL
UNION ALL
-- Who declared to leave and did not take the offer has left.
SELECT s.id, s.opened_at, s.mode, shown.value ->> 'offer',
    CASE WHEN f.state = 'accepted' THEN 'accepted' ELSE s.state END,
    f.accepted_offer IS NOT DISTINCT FROM shown.value ->> 'offer' AND f.state = 'accepted'
FROM aiocancel.flow_session s JOIN aiocancel.flow_session f ON f.after_id = s.id,
    jsonb_array_elements(f.shown) AS shown (value);

CREATE OR REPLACE VIEW aiocancel.v_kept AS
SELECT s.id AS session, s.opened_at AS started_at, s.mode, r.day, r.read_at, r.state, r.kept, r.is_late,
    CASE WHEN f.state = 'accepted' THEN f.state ELSE s.state END AS session_state,
    coalesce(s.accepted_offer, f.accepted_offer) AS offer
FROM aiocancel.flow_session s JOIN aiocancel.kept_reading r ON r.session = s.id
    LEFT JOIN aiocancel.flow_session f ON f.after_id = s.id
WHERE r.read_at IS NOT NULL;

CREATE OR REPLACE VIEW aiocancel.v_revenue AS
SELECT s.id AS session, s.opened_at AS started_at, s.mode, p.day, p.currency, p.invoices, p.paid_minor, p.given_minor,
    CASE WHEN f.state = 'accepted' THEN f.state ELSE s.state END AS outcome,
    coalesce(s.accepted_offer, f.accepted_offer) AS offer, NOT EXISTS (
        SELECT FROM aiocancel.kept_reading later
        WHERE later.session = s.id AND later.day > p.day AND later.read_at IS NOT NULL) AS is_latest
FROM aiocancel.flow_session s JOIN aiocancel.kept_payment p ON p.session = s.id
    LEFT JOIN aiocancel.flow_session f ON f.after_id = s.id;

CREATE OR REPLACE VIEW aiocancel.v_hold_out AS
SELECT s.id AS session, s.opened_at AS started_at, s.mode, s.hold_out AS held_out, r.day, r.kept
FROM aiocancel.flow_session s JOIN aiocancel.kept_reading r ON r.session = s.id
WHERE (s.fitted IS NOT NULL OR EXISTS (SELECT FROM aiocancel.flow_session f
        WHERE f.after_id = s.id AND f.fitted IS NOT NULL))
  AND s.told_by = 'own' AND r.day = 30 AND r.read_at IS NOT NULL AND s.id = (
    -- One look into the index for each session, whatever the planner knows of the table.
    SELECT coalesce(e.after_id, e.id) FROM aiocancel.flow_session e
    WHERE e.subscription_id = s.subscription_id AND e.mode = s.mode AND e.told_by = 'own' AND e.fitted IS NOT NULL
    ORDER BY e.opened_at, e.id LIMIT 1);
