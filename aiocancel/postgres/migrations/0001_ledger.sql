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

CREATE INDEX claim_by_flow_session ON aiocancel.claim (subscription_id, flow_session_id)
    WHERE flow_session_id IS NOT NULL;

CREATE TABLE aiocancel.action (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    claim_id            bigint NOT NULL REFERENCES aiocancel.claim,
    ordinal             smallint NOT NULL,
    kind                text NOT NULL,
    subscription_id     text NOT NULL,
    -- Actions of one lane never overlap and keep their order. What only asks somebody else has no lane: a flow
    -- vendor that is down must not hold up the cancellation that comes after it.
    lane                text GENERATED ALWAYS AS (
        CASE WHEN kind IN ('expect_cancellation', 'verify_offer', 'run_offer_handler', 'run_hooks') THEN NULL
        ELSE subscription_id END) STORED,
    reason_text         text,
    reason_code         text,
    flow_session_id     text,
    offer               jsonb,
    -- What an offer came to, kept before it is sent: a repetition must send the same.
    change              jsonb,
    state               text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'running', 'done', 'parked', 'refused')),
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
    CHECK ((state IN ('done', 'parked', 'refused')) = (finished_at IS NOT NULL)),
    CHECK ((state IN ('parked', 'refused')) = (parked_code IS NOT NULL)),
    CHECK ((state = 'done') = (receipt_status IS NOT NULL))
);

-- Two actions on one subscription never run at once, whatever the workers believe.
CREATE UNIQUE INDEX action_one_running ON aiocancel.action (lane) WHERE state = 'running';
CREATE INDEX action_unfinished ON aiocancel.action (lane, id) WHERE state IN ('waiting', 'running');
CREATE INDEX action_due ON aiocancel.action (due_at, id) WHERE state IN ('waiting', 'running');

-- What a flow vendor confirmed. A flow session pays once, for ever, whichever claim it came with.
CREATE TABLE aiocancel.outcome (
    vendor           text NOT NULL,
    flow_session_id  text NOT NULL,
    claim_id         bigint NOT NULL REFERENCES aiocancel.claim,
    offer_id         text NOT NULL,
    confirmed_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (vendor, flow_session_id)
);

-- Events that the flow vendor told us of, by webhook or when asked: each is looked at once.
CREATE TABLE aiocancel.doorbell (
    vendor    text NOT NULL,
    event_id  text NOT NULL,
    rung_at   timestamptz NOT NULL DEFAULT now(),
    due_at    timestamptz NOT NULL DEFAULT now(),
    attempts  integer NOT NULL DEFAULT 0,
    -- NULL until it is dealt with: what came of it.
    result    text,
    PRIMARY KEY (vendor, event_id)
);

CREATE INDEX doorbell_due ON aiocancel.doorbell (due_at) WHERE result IS NULL;

-- How far the flow vendor's list of events was read.
CREATE TABLE aiocancel.event_cursor (
    vendor      text PRIMARY KEY,
    after_id    text,
    started_at  timestamptz NOT NULL DEFAULT now(),
    polled_at   timestamptz NOT NULL DEFAULT now()
);

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
