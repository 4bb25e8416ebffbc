-- Actions that wait for a date or for a payment instead of for a worker. Additive: a worker of the release before
-- keeps the order more strictly than it must, and otherwise does what it did.

ALTER TABLE aiocancel.action
    -- Waits for due_at without holding up the actions that come after it. Set with the lease given back, and
    -- cleared with the next one.
    ADD COLUMN deferred         boolean NOT NULL DEFAULT false,
    -- What the customer was told meanwhile: the date it takes effect, or where to pay ('' where nobody knows).
    ADD COLUMN takes_effect_at  timestamptz,
    ADD COLUMN payment_url      text,
    -- Its age counts from here.
    ADD COLUMN woke_at          timestamptz;
