-- Letters to customers about their claims. A letter is an action of the kind acknowledge: it has no lane, so nothing waits
-- for it, and places of its own. A process of the release before goes on as it did, and leaves letters to newer workers.

-- Which words were pressed, in which language, and what the page showed beside them.
ALTER TABLE aiocancel.claim ADD COLUMN declaration jsonb;

-- Letters follow each other under ordinals from 800 to 899.
CREATE OR REPLACE FUNCTION aiocancel.follow_up_ordinal(kind text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind WHEN 'acknowledge' THEN 800 WHEN 'end_pause' THEN 900 WHEN 'run_hooks' THEN 1000 END
$$;

CREATE OR REPLACE FUNCTION aiocancel.choose_lane() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.lane := CASE
        WHEN NEW.kind IN ('expect_cancellation', 'expect_offer', 'verify_offer', 'run_offer_handler', 'run_hooks',
            'acknowledge')
        THEN NULL ELSE NEW.subscription_id END;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION aiocancel.places_of(kind text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN kind IN ('cancel_at_period_end', 'cancel_now') THEN 'cancellations'
        WHEN kind IN ('verify_offer', 'expect_cancellation', 'expect_offer') THEN 'questions'
        WHEN kind IN ('run_offer_handler', 'run_hooks') THEN 'calls'
        WHEN kind = 'acknowledge' THEN 'mails'
        ELSE 'changes' END
$$;

-- A letter is first due when "received" and "carried out" can no longer be one, unless the claim is settled before.
CREATE FUNCTION aiocancel.due_after(kind text) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind WHEN 'acknowledge' THEN interval '60 seconds' ELSE interval '0' END
$$;

CREATE TABLE aiocancel.acknowledgement (
    action_id       bigint PRIMARY KEY REFERENCES aiocancel.action,
    claim_id        bigint NOT NULL REFERENCES aiocancel.claim,
    public_id       uuid NOT NULL UNIQUE,
    kind            text NOT NULL,
    -- The words as they were written; empty once the claim is erased.
    letter          jsonb NOT NULL,
    recipient       text NOT NULL,
    written_at      timestamptz NOT NULL DEFAULT now(),
    -- While it may be under way. Whoever finds it set sends the very same letter again.
    sending_since   timestamptz,
    -- How often it was sent again without knowing whether it had arrived.
    doubts          integer NOT NULL DEFAULT 0,
    handed_over_at  timestamptz,
    -- The mail server's name for it.
    reference       text
);

CREATE INDEX acknowledgement_by_claim ON aiocancel.acknowledgement (claim_id, action_id);

-- The letter of a claim looks again as soon as nothing of the claim is under way.
CREATE FUNCTION aiocancel.wake_acknowledgement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    woken record;
BEGIN
    FOR woken IN
        UPDATE aiocancel.action a SET due_at = now()
        WHERE a.claim_id = NEW.claim_id AND a.kind = 'acknowledge' AND a.state = 'waiting' AND a.due_at > now()
          AND NOT EXISTS (
            SELECT FROM aiocancel.action o
            WHERE o.claim_id = NEW.claim_id AND aiocancel.is_asked_for(o.kind)
              AND (o.state = 'running' OR o.state = 'waiting' AND NOT o.deferred))
        RETURNING a.id, a.attempts, a.kind
    LOOP
        UPDATE aiocancel.pgqueuer q SET execute_after = now()
        WHERE q.dedupe_key = aiocancel.job_key(woken.id, woken.attempts, woken.kind) AND q.status = 'queued';
    END LOOP;
    RETURN NULL;
END
$$;

CREATE TRIGGER action_wakes_its_acknowledgement AFTER UPDATE OF state ON aiocancel.action
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state AND aiocancel.is_asked_for(NEW.kind)
        AND (NEW.state IN ('done', 'parked', 'refused') OR NEW.state = 'waiting' AND NEW.deferred))
    EXECUTE FUNCTION aiocancel.wake_acknowledgement();
