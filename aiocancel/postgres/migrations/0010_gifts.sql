-- What one subscription was given, for the bound on it over time. An index only: no row changes, and a worker of the
-- release before goes on as it did.
CREATE INDEX action_gift ON aiocancel.action (subscription_id, created_at)
    WHERE kind IN ('apply_offer', 'expect_offer', 'run_offer_handler') AND state <> 'refused';
