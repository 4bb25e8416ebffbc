-- The ledger: what customers asked for (claim), what we do about it (action), every try (attempt),
-- and what happened when (journal). The state of the world is here, never in a process.

CREATE TABLE aiocancel.claim (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id        uuid NOT NULL UNIQUE,
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    -- What makes an intent one intent, for ever: the grant that it used up.
    grant_nonce      text NOT NULL,
    uses_grant       boolean NOT NULL,
    vendor           text NOT NULL,
    status           text NOT NULL,
    flow_session_id  text,
    customer_id      text NOT NULL,
    subscription_id  text NOT NULL,
    mode             text NOT NULL CHECK (mode IN ('live', 'test')),
    reason_text      text,
    reason_code      text,
    offer_id         text,
    offer_type       text,
    change           text NOT NULL,
    -- The answer of a claim that needs no action; NULL where the actions tell it.
    answer           text,
    recovery_point   text NOT NULL
        CHECK (recovery_point IN ('claim_recorded', 'outcome_verified', 'actions_enqueued', 'action_applied'))
);

CREATE UNIQUE INDEX claim_grant ON aiocancel.claim (grant_nonce) WHERE uses_grant;
-- A claim that changes nothing leaves its grant usable, but is kept once only.
CREATE UNIQUE INDEX claim_note ON aiocancel.claim (grant_nonce, status) WHERE NOT uses_grant;
-- Scoped to the subscription: nobody can occupy somebody else's flow session by naming it first.
CREATE UNIQUE INDEX claim_flow_session ON aiocancel.claim (subscription_id, flow_session_id)
    WHERE uses_grant AND flow_session_id IS NOT NULL;

CREATE TABLE aiocancel.action (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    claim_id            bigint NOT NULL REFERENCES aiocancel.claim,
    ordinal             smallint NOT NULL,
    kind                text NOT NULL,
    subscription_id     text NOT NULL,
    reason_text         text,
    reason_code         text,
    state               text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'parked')),
    created_at          timestamptz NOT NULL DEFAULT now(),
    -- When a worker may take it; while it runs, when its lease ends.
    due_at              timestamptz NOT NULL DEFAULT now(),
    attempts            integer NOT NULL DEFAULT 0,
    idempotency_key     text NOT NULL UNIQUE,
    key_generation      integer NOT NULL DEFAULT 1,
    -- Stripe counts a key's age from its first use, and so do we.
    key_used_at         timestamptz,
    key_spent           boolean NOT NULL DEFAULT false,
    lease_owner         uuid,
    finished_at         timestamptz,
    receipt_status      text,
    receipt_ends_at     timestamptz,
    parked_code         text,
    UNIQUE (claim_id, ordinal),
    CHECK ((state = 'running') = (lease_owner IS NOT NULL)),
    CHECK ((state IN ('done', 'parked')) = (finished_at IS NOT NULL)),
    CHECK ((state = 'parked') = (parked_code IS NOT NULL)),
    CHECK ((state = 'done') = (receipt_status IS NOT NULL))
);

-- Two actions on one subscription never run at once, whatever the workers believe.
CREATE UNIQUE INDEX action_one_running ON aiocancel.action (subscription_id) WHERE state = 'running';
CREATE INDEX action_unfinished ON aiocancel.action (subscription_id, id) WHERE state IN ('waiting', 'running');
CREATE INDEX action_due ON aiocancel.action (due_at, id) WHERE state IN ('waiting', 'running');

CREATE TABLE aiocancel.attempt (
    action_id        bigint NOT NULL REFERENCES aiocancel.action,
    number           integer NOT NULL,
    idempotency_key  text NOT NULL,
    started_at       timestamptz NOT NULL DEFAULT now(),
    ended_at         timestamptz,
    result           text,
    code             text,
    request_id       text,
    PRIMARY KEY (action_id, number)
);

CREATE TABLE aiocancel.journal (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    claim_id    bigint NOT NULL REFERENCES aiocancel.claim,
    action_id   bigint REFERENCES aiocancel.action,
    entry       text NOT NULL,
    code        text
);

CREATE INDEX journal_claim ON aiocancel.journal (claim_id, id);

CREATE FUNCTION aiocancel.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'aiocancel.journal is append-only';
END
$$;

CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON aiocancel.journal
    FOR EACH STATEMENT EXECUTE FUNCTION aiocancel.refuse_change();
