-- Gifts: how often, and once. An index and functions only: no row changes, and a worker of the release before goes on as
-- it did.

-- What one subscription was given, for the bound on it over time.
CREATE INDEX action_gift ON aiocancel.action (subscription_id, created_at)
    WHERE kind IN ('apply_offer', 'expect_offer', 'run_offer_handler') AND state <> 'refused';

-- A key names the wish, so that another application on the same accounts, or a database that was set back, sends the
-- same one. Keys that are stored stay as they are: those of the release before, too. The same text in Python is
-- core/idempotency.py; a test holds the two together. It must never change.
CREATE FUNCTION aiocancel.wish_key(vendor text, mode text, subscription_id text, flow_session_id text, grant_nonce text,
    kind text, ordinal integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 'aiocancel-' || left(encode(sha256(convert_to(
        (SELECT string_agg(char_length(part) || ':' || part, '' ORDER BY position) FROM unnest(ARRAY[
            vendor, mode, subscription_id, CASE WHEN flow_session_id IS NULL THEN 'grant' ELSE 'flow_session' END,
            coalesce(flow_session_id, grant_nonce), kind]) WITH ORDINALITY AS parts (part, position)),
        'UTF8')), 'hex'), 40) || '-' || ordinal::text || '-1'
$$;

-- The same key in another generation.
CREATE FUNCTION aiocancel.key_in_generation(key text, generation integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT regexp_replace(key, '-[0-9]+$', '-' || generation::text)
$$;
