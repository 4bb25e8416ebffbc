-- Stripe's own news: its events, each heard once, and what the application was told of each subscription last.
-- Everything here is new beside what there was: a process of the release before goes on as it did.

-- An event counts once, whether the webhook or Stripe's list told of it, or both. ``account`` is the connected account,
-- '' for the key's own.
CREATE TABLE aiocancel.stripe_event (
    account    text NOT NULL,
    event_id   text NOT NULL,
    heard_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, event_id)
);

CREATE INDEX stripe_event_heard ON aiocancel.stripe_event (heard_at);

CREATE TABLE aiocancel.subscription_news (
    account          text NOT NULL,
    subscription_id  text NOT NULL,
    -- How often it rang, so that a ring during a look leads to another look.
    rung             bigint NOT NULL DEFAULT 1,
    -- When to look at it, or when the lease of whoever looks ends; NULL where nothing is new.
    due_at           timestamptz DEFAULT now(),
    lease            uuid,
    attempts         integer NOT NULL DEFAULT 0,
    -- How it stood when the application was told last, and how many times it was told.
    told             jsonb,
    tellings         bigint NOT NULL DEFAULT 0,
    -- Actions of ours that another person or program took back: each is reported once.
    reported         bigint[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (account, subscription_id)
);

CREATE INDEX subscription_news_due ON aiocancel.subscription_news (due_at) WHERE due_at IS NOT NULL;

-- How far Stripe's list of events was read; NULL before the first time.
CREATE TABLE aiocancel.stripe_cursor (
    account     text PRIMARY KEY,
    started_at  timestamptz NOT NULL DEFAULT now(),
    read_until  timestamptz,
    polled_at   timestamptz NOT NULL DEFAULT now()
);

-- What was done and what waits on one subscription: for waking what waits, and for telling who took something back.
CREATE INDEX action_by_subscription ON aiocancel.action (subscription_id, id);
