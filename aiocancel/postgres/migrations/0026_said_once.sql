-- More of what several statements must know, said once. Functions only: no row changes, and a process of the release
-- before goes on as it did. Each is simple enough for PostgreSQL to put it into the statement that uses it, so that
-- the partial indexes on the same conditions serve as before.

-- Whether a person is to look at the action and has not closed it.
CREATE FUNCTION aiocancel.waits_for_a_person(state text, closed_at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT state = 'parked' AND closed_at IS NULL
$$;

-- Whether an action of this kind gives something away, however it is carried out.
CREATE FUNCTION aiocancel.is_gift(kind text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT kind IN ('apply_offer', 'expect_offer', 'run_offer_handler')
$$;

-- Whether an action that is done ended the subscription. One of ours that found it ending already did not.
CREATE FUNCTION aiocancel.has_cancelled(kind text, key_used_at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT kind = 'expect_cancellation' OR kind IN ('cancel_at_period_end', 'cancel_now') AND key_used_at IS NOT NULL
$$;

-- The key of the action that tells the application how a claim ended. It goes to nobody else, and is unique. One that
-- has made room for a later telling has another ordinal, which is at the end of its key.
CREATE FUNCTION aiocancel.telling_key(public_id uuid, ordinal integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 'aiocancel-' || public_id::text || '-hooks'
        || CASE WHEN ordinal = aiocancel.follow_up_ordinal('run_hooks') THEN '' ELSE '-' || ordinal::text END
$$;
