-- Declarations of the public exit: a claim that names no subscription yet, and an action that finds whose it is. A process
-- of the release before goes on as it did, and leaves them to newer workers.

CREATE OR REPLACE FUNCTION aiocancel.choose_lane() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.lane := CASE
        WHEN NEW.kind IN ('expect_cancellation', 'expect_offer', 'verify_offer', 'run_offer_handler', 'run_hooks',
            'acknowledge', 'match_declaration')
        THEN NULL ELSE NEW.subscription_id END;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION aiocancel.places_of(kind text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN kind IN ('cancel_at_period_end', 'cancel_now') THEN 'cancellations'
        WHEN kind IN ('verify_offer', 'expect_cancellation', 'expect_offer') THEN 'questions'
        WHEN kind IN ('run_offer_handler', 'run_hooks', 'match_declaration') THEN 'calls'
        WHEN kind = 'acknowledge' THEN 'mails'
        ELSE 'changes' END
$$;

-- How many came within the last hour, of which network and for which address.
CREATE INDEX claim_public_exit ON aiocancel.claim (recorded_at) WHERE subscription_id = 'public_exit';
