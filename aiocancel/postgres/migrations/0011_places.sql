-- A worker has places of their own for cancellations, for other changes, for questions to a flow vendor and for calls into
-- the application. Which of them an action takes, and the jobs of each. Functions only, and an index: a process of the
-- release before goes on as it did, and the sweep of a newer one finds what it leaves.

CREATE FUNCTION aiocancel.places_of(kind text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN kind IN ('cancel_at_period_end', 'cancel_now') THEN 'cancellations'
        WHEN kind IN ('verify_offer', 'expect_cancellation', 'expect_offer') THEN 'questions'
        WHEN kind IN ('run_offer_handler', 'run_hooks') THEN 'calls'
        ELSE 'changes' END
$$;

CREATE FUNCTION aiocancel.job_entrypoint(kind text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE aiocancel.places_of(kind)
        WHEN 'cancellations' THEN 'aiocancel_action' ELSE 'aiocancel_' || aiocancel.places_of(kind) END
$$;

-- One action, one number of attempts, one job. The release before knows the jobs of cancellations alone.
CREATE FUNCTION aiocancel.job_key(id bigint, attempts integer, kind text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT id::text || ':' || attempts::text || CASE aiocancel.places_of(kind)
        WHEN 'cancellations' THEN '' ELSE ':' || aiocancel.places_of(kind) END
$$;

CREATE FUNCTION aiocancel.kind_of(action_id bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT kind FROM aiocancel.action WHERE id = action_id
$$;

-- How much of one customer is unfinished, and how much came within the last minute.
CREATE INDEX claim_by_customer ON aiocancel.claim (customer_id, recorded_at);
