-- Plans that a schedule at Stripe brings when the period ends. Whoever takes one back has to know which schedule is
-- ours, also when the promise in the ledger has been taken back already.

CREATE INDEX action_planned ON aiocancel.action (subscription_id, id) WHERE change->>'type' = 'schedule_price';
