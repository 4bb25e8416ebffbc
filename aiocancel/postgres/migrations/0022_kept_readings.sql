-- Whether customers are still there: each session is read at Stripe on day 30, 60 and 90. Everything here is new beside
-- what there was: a process of the release before goes on as it did.

CREATE TABLE aiocancel.kept_reading (
    session    bigint NOT NULL REFERENCES aiocancel.flow_session,
    day        smallint NOT NULL CHECK (day IN (30, 60, 90)),
    -- When to look at it, or when the lease of whoever looks ends; NULL once it was read.
    due_at     timestamptz,
    lease      uuid,
    attempts   integer NOT NULL DEFAULT 0,
    read_at    timestamptz,
    -- How Stripe showed the subscription, as core/measures/kept.py has it, and whether that is kept.
    state      text CHECK (state IN ('active', 'trialing', 'unpaid', 'ending', 'paused', 'ended', 'gone')),
    kept       boolean,
    is_late    boolean,
    PRIMARY KEY (session, day),
    CHECK ((read_at IS NULL) = (state IS NULL) AND (read_at IS NULL) = (kept IS NULL)
        AND (read_at IS NULL) = (is_late IS NULL) AND (read_at IS NULL) = (due_at IS NOT NULL))
);

CREATE INDEX kept_reading_due ON aiocancel.kept_reading (due_at) WHERE due_at IS NOT NULL;

-- What was paid since the session began, as the reading found it; a row for each currency.
CREATE TABLE aiocancel.kept_payment (
    session      bigint NOT NULL,
    day          smallint NOT NULL,
    currency     text NOT NULL,
    invoices     integer NOT NULL,
    paid_minor   bigint NOT NULL,
    given_minor  bigint NOT NULL,
    PRIMARY KEY (session, day, currency),
    FOREIGN KEY (session, day) REFERENCES aiocancel.kept_reading
);

-- Whoever ends a session plans its readings. Pressing the exit of an abandoned one plans nothing new.
CREATE FUNCTION aiocancel.plan_readings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO aiocancel.kept_reading (session, day, due_at)
    SELECT NEW.id, day, NEW.opened_at + make_interval(days => day) FROM unnest(ARRAY[30, 60, 90]) AS day
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER flow_session_plans_readings AFTER INSERT OR UPDATE OF state ON aiocancel.flow_session
    FOR EACH ROW WHEN (NEW.state <> 'open') EXECUTE FUNCTION aiocancel.plan_readings();

-- Stripe's news of an end: it will not be another one on its day, so it is read now.
CREATE FUNCTION aiocancel.bring_readings_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE aiocancel.kept_reading r SET due_at = now() FROM aiocancel.flow_session s
    WHERE s.subscription_id = NEW.subscription_id AND r.session = s.id AND r.due_at > now();
    RETURN NULL;
END
$$;

CREATE TRIGGER news_bring_readings_forward AFTER INSERT OR UPDATE OF told ON aiocancel.subscription_news
    FOR EACH ROW WHEN (NEW.told ->> 'has_ended' = 'true') EXECUTE FUNCTION aiocancel.bring_readings_forward();
