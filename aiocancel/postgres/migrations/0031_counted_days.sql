-- The figures of whole days are kept: a page over three years adds up a thousand days, and not a million sessions.
-- 1. A day of the owner's is counted once it has been over for seven hours.
-- 2. Whatever changes a session that is older than six hours notes the session's time, in the same transaction. A day
--    with such a note counts for nothing until it was counted anew. A note is a row of its own: nobody waits for it.
-- Everything here is new beside what there was: a process of the release before goes on as it did.

CREATE TABLE aiocancel.counted_day (
    mode        text NOT NULL,
    -- Whose day it is.
    zone        text NOT NULL,
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    counted_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (mode, zone, since),
    CHECK (since < until)
);
-- For finding the days of a moment.
CREATE INDEX counted_day_since ON aiocancel.counted_day (since);

-- What a figure of a day comes to, for each of its keys; postgres/report.py says which numbers.
CREATE TABLE aiocancel.day_figure (
    mode     text NOT NULL,
    zone     text NOT NULL,
    figure   text NOT NULL,
    since    timestamptz NOT NULL,
    key      text NOT NULL,
    -- 30, 60 or 90 for a reading, else 0.
    day      smallint NOT NULL,
    numbers  bigint[] NOT NULL,
    PRIMARY KEY (mode, zone, figure, since, key, day),
    FOREIGN KEY (mode, zone, since) REFERENCES aiocancel.counted_day ON DELETE CASCADE
);
-- For the days that are counted anew.
CREATE INDEX day_figure_of_day ON aiocancel.day_figure (mode, zone, since);

-- The sessions of these moments have changed since they may have been counted.
CREATE TABLE aiocancel.recount (started_at timestamptz NOT NULL);
-- A million of them at once, as after a purge, delay no page.
CREATE INDEX recount_of_moment ON aiocancel.recount (started_at);

-- As their owner: whoever changes a session needs no right to these notes.
CREATE FUNCTION aiocancel.recount_session() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO aiocancel.recount VALUES (NEW.opened_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER flow_session_is_counted_anew AFTER INSERT OR UPDATE ON aiocancel.flow_session
    FOR EACH ROW WHEN (NEW.opened_at < now() - interval '6 hours') EXECUTE FUNCTION aiocancel.recount_session();

CREATE FUNCTION aiocancel.recount_claim() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO aiocancel.recount VALUES (NEW.recorded_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER claim_is_counted_anew AFTER INSERT OR UPDATE ON aiocancel.claim
    FOR EACH ROW WHEN (NEW.uses_grant AND NEW.status = 'canceled' AND NEW.recorded_at < now() - interval '6 hours')
    EXECUTE FUNCTION aiocancel.recount_claim();

CREATE FUNCTION aiocancel.recount_reading() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO aiocancel.recount SELECT opened_at FROM aiocancel.flow_session WHERE id = NEW.session;
    RETURN NULL;
END
$$;
CREATE TRIGGER kept_reading_is_counted_anew AFTER INSERT OR UPDATE ON aiocancel.kept_reading
    FOR EACH ROW WHEN (NEW.read_at IS NOT NULL) EXECUTE FUNCTION aiocancel.recount_reading();
CREATE TRIGGER kept_payment_is_counted_anew AFTER INSERT OR UPDATE ON aiocancel.kept_payment
    FOR EACH ROW EXECUTE FUNCTION aiocancel.recount_reading();

-- A cancellation that was taken back has another end.
CREATE FUNCTION aiocancel.recount_taken_back() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO aiocancel.recount
    SELECT opened_at FROM aiocancel.flow_session
    WHERE subscription_id = NEW.subscription_id AND opened_at < now() - interval '6 hours'
    UNION ALL
    SELECT recorded_at FROM aiocancel.claim
    WHERE subscription_id = NEW.subscription_id AND uses_grant AND status = 'canceled'
      AND recorded_at < now() - interval '6 hours';
    RETURN NULL;
END
$$;
CREATE TRIGGER action_resumed_is_counted_anew AFTER INSERT OR UPDATE ON aiocancel.action
    FOR EACH ROW WHEN (NEW.kind = 'resume' AND NEW.state = 'done') EXECUTE FUNCTION aiocancel.recount_taken_back();

-- When the hold-out began.
CREATE INDEX flow_session_held_out ON aiocancel.flow_session (mode, opened_at) WHERE hold_out;

-- Sessions of one mode alone, where most are of the other.
CREATE INDEX flow_session_of_mode ON aiocancel.flow_session (mode, opened_at);
-- Of one reason, or of one end, where they are few.
CREATE INDEX flow_session_of_reason ON aiocancel.flow_session (mode, reason, opened_at);
CREATE INDEX flow_session_of_state ON aiocancel.flow_session (mode, state, opened_at);

-- As before, with the question whether a cancellation was taken back in its place: as a function it was planned anew for
-- each session.
CREATE OR REPLACE VIEW aiocancel.v_sessions AS
SELECT s.id AS session, NULL::bigint AS claim, s.opened_at AS started_at, s.ended_at, s.mode, s.vendor,
    s.subscription_id, s.place, s.language, s.snapshot ->> 'plan' AS plan, s.snapshot ->> 'price_minor' AS price_minor,
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
WHERE c.uses_grant AND c.status = 'canceled' AND NOT EXISTS (
    SELECT FROM aiocancel.flow_session s
    WHERE s.session_id = c.flow_session_id AND s.subscription_id = c.subscription_id);
