-- Runs of customers through a flow: our own, and as much of a vendor's as it tells. What was shown is kept, so that a
-- dispute can be answered and a figure computed. Everything here is new beside what there was: a process of the release
-- before goes on as it did.

-- What an owner defined, once for each version. The version is the SHA-256 of its canonical JSON.
CREATE TABLE aiocancel.flow_definition (
    version     text PRIMARY KEY,
    definition  jsonb NOT NULL,
    stored_at   timestamptz NOT NULL DEFAULT now()
);

-- The words of one language as customers read them, once for each wording. The hash is the SHA-256 of its canonical JSON.
CREATE TABLE aiocancel.flow_words (
    hash       text PRIMARY KEY,
    language   text NOT NULL,
    words      jsonb NOT NULL,
    stored_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE aiocancel.flow_session (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Our own random one, or the vendor's.
    session_id          text NOT NULL,
    vendor              text NOT NULL,
    -- Who tells all this: our own server ('own'), the vendor's API ('vendor'), or only a browser ('browser').
    told_by             text NOT NULL CHECK (told_by IN ('own', 'vendor', 'browser')),
    mode                text NOT NULL CHECK (mode IN ('live', 'test')),
    customer_id         text NOT NULL,
    subscription_id     text NOT NULL,
    state               text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'canceled', 'accepted', 'abandoned')),
    -- Counts the moves: of two at once, the later one is told to look again.
    revision            integer NOT NULL DEFAULT 0,
    -- The vendor's own word for the end; NULL for a session of ours.
    vendor_status       text,
    definition_version  text REFERENCES aiocancel.flow_definition,
    words_hash          text REFERENCES aiocancel.flow_words,
    language            text,
    place               text,
    -- Price, quantity, currency, interval, start, country as they were at the beginning; NULL where nobody knows.
    snapshot            jsonb,
    -- Stripe's subscription as it was read at the beginning, for choosing an offer; gone with the end.
    stripe              jsonb,
    -- The keys of the reasons in the order in which they were drawn.
    reasons             text[] NOT NULL DEFAULT '{}',
    -- The chosen reason, and the customer's words.
    reason              text,
    answers             jsonb NOT NULL DEFAULT '{}',
    -- Where in the flow it is, as core/flow/steps has it.
    progress            jsonb NOT NULL DEFAULT '{}',
    -- Each offer with the code why it was left out, or null.
    considered          jsonb NOT NULL DEFAULT '[]',
    -- Each offer that a screen showed: key, terms, price effect, words, time.
    shown               jsonb NOT NULL DEFAULT '[]',
    declined            text[] NOT NULL DEFAULT '{}',
    accepted_offer      text,
    accepted_months     integer,
    -- Whether it gets no offer so that the rest can be compared, and the offer that fitted or would have.
    hold_out            boolean NOT NULL DEFAULT false,
    fitted              text,
    opened_at           timestamptz NOT NULL DEFAULT now(),
    touched_at          timestamptz NOT NULL DEFAULT now(),
    ended_at            timestamptz,
    erased_at           timestamptz,
    CHECK ((state = 'open') = (ended_at IS NULL)),
    CHECK (state <> 'accepted' OR told_by <> 'own' OR accepted_offer IS NOT NULL),
    -- Who accepted may still leave, and then both are known.
    CHECK (state IN ('accepted', 'canceled') OR accepted_offer IS NULL),
    CHECK (told_by <> 'own' OR definition_version IS NOT NULL),
    -- A hold-out that was shown an offer would spoil the comparison.
    CONSTRAINT flow_session_hold_out_sees_nothing CHECK (NOT hold_out OR shown = '[]'),
    -- Only what a screen showed can be accepted.
    CONSTRAINT flow_session_accepts_what_was_shown CHECK (
        told_by <> 'own' OR accepted_offer IS NULL
        OR shown @> jsonb_build_array(jsonb_build_object('offer', accepted_offer)))
);

-- Scoped to the subscription: nobody can occupy another customer's flow session by naming it first.
CREATE UNIQUE INDEX flow_session_once ON aiocancel.flow_session (session_id, subscription_id, vendor);
-- One run at a time, whichever tab it is in.
CREATE UNIQUE INDEX flow_session_one_open ON aiocancel.flow_session (subscription_id, customer_id)
    WHERE state = 'open' AND told_by = 'own';
-- For the sweep.
CREATE INDEX flow_session_open ON aiocancel.flow_session (touched_at) WHERE state = 'open';
-- For erasing, and for the owner's figures.
CREATE INDEX flow_session_by_customer ON aiocancel.flow_session (customer_id, opened_at);
CREATE INDEX flow_session_by_subscription ON aiocancel.flow_session (subscription_id, opened_at);
CREATE INDEX flow_session_opened ON aiocancel.flow_session (opened_at);

-- A session moves only along these ways, whoever writes. The same table in Python is tests/support/transitions.py; a
-- test holds the two together. The exit works from everywhere.
CREATE TABLE aiocancel.flow_session_transition (
    from_state  text NOT NULL,
    to_state    text NOT NULL,
    PRIMARY KEY (from_state, to_state)
);

INSERT INTO aiocancel.flow_session_transition (from_state, to_state) VALUES
    ('open', 'canceled'),
    ('open', 'accepted'),
    ('open', 'abandoned'),
    ('accepted', 'canceled'),
    ('abandoned', 'canceled');

CREATE FUNCTION aiocancel.guard_flow_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'aiocancel.flow_session is evidence: erase it instead' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND OLD.told_by = 'own' AND NOT EXISTS (
        SELECT FROM aiocancel.flow_session_transition WHERE from_state = OLD.state AND to_state = NEW.state) THEN
        RAISE EXCEPTION 'a flow session cannot go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    -- What was shown stays as it was shown; only the personal part may be taken out.
    IF OLD.told_by = 'own' AND NEW.erased_at IS NULL AND (
        OLD.state <> 'open' AND (NEW.shown, NEW.considered, NEW.declined, NEW.reason, NEW.answers, NEW.fitted,
                NEW.accepted_offer, NEW.accepted_months)
            IS DISTINCT FROM (OLD.shown, OLD.considered, OLD.declined, OLD.reason, OLD.answers, OLD.fitted,
                OLD.accepted_offer, OLD.accepted_months)
        OR NOT NEW.shown @> OLD.shown
        OR NOT NEW.declined @> OLD.declined
        OR (NEW.session_id, NEW.vendor, NEW.told_by, NEW.mode, NEW.customer_id, NEW.subscription_id,
                NEW.definition_version, NEW.words_hash, NEW.snapshot, NEW.reasons, NEW.hold_out, NEW.opened_at)
            IS DISTINCT FROM (OLD.session_id, OLD.vendor, OLD.told_by, OLD.mode, OLD.customer_id, OLD.subscription_id,
                OLD.definition_version, OLD.words_hash, OLD.snapshot, OLD.reasons, OLD.hold_out, OLD.opened_at)) THEN
        RAISE EXCEPTION 'what a flow session has shown cannot be changed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER flow_session_moves_along_its_ways BEFORE UPDATE OR DELETE ON aiocancel.flow_session
    FOR EACH ROW EXECUTE FUNCTION aiocancel.guard_flow_session();

-- A definition and a wording are evidence as well: another one has another hash.
CREATE FUNCTION aiocancel.refuse_other_wording() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% holds what customers were shown', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END
$$;

CREATE TRIGGER flow_definition_stays BEFORE UPDATE OR DELETE ON aiocancel.flow_definition
    FOR EACH ROW EXECUTE FUNCTION aiocancel.refuse_other_wording();
CREATE TRIGGER flow_words_stay BEFORE UPDATE OR DELETE ON aiocancel.flow_words
    FOR EACH ROW EXECUTE FUNCTION aiocancel.refuse_other_wording();
