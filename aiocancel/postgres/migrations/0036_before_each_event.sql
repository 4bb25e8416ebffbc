-- How a subscription was before each event that came while no hook had heard of it: Stripe's events come in any order, and
-- the first that comes need not be the first that happened. A process of the release before neither writes nor empties it.
ALTER TABLE aiocancel.subscription_news ADD COLUMN before jsonb[] NOT NULL DEFAULT '{}';
