-- A declaration of the public exit waits for no hook and no handler, so asking whose it is has places of its own. A
-- function only: no row changes. Its job from before is worked off as before, and a process of the release before, which
-- knows no declarations, goes on as it did.
CREATE OR REPLACE FUNCTION aiocancel.places_of(kind text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN kind IN ('cancel_at_period_end', 'cancel_now') THEN 'cancellations'
        WHEN kind IN ('verify_offer', 'expect_cancellation', 'expect_offer') THEN 'questions'
        WHEN kind IN ('run_offer_handler', 'run_hooks') THEN 'calls'
        WHEN kind = 'acknowledge' THEN 'mails'
        WHEN kind = 'match_declaration' THEN 'declarations'
        ELSE 'changes' END
$$;
