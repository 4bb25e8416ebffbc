-- The owner's pages: who did something by hand, and how a search finds its way. Everything here is new beside what there
-- was: a process of the release before goes on as it did.

-- The operator's name as the application gave it; NULL for what no operator did, and for the command line.
ALTER TABLE aiocancel.journal ADD COLUMN operator text;

-- A search takes a whole id, or the start of one.
CREATE INDEX flow_session_customer_start ON aiocancel.flow_session (customer_id text_pattern_ops);
CREATE INDEX flow_session_subscription_start ON aiocancel.flow_session (subscription_id text_pattern_ops);
CREATE INDEX flow_session_id_start ON aiocancel.flow_session (session_id text_pattern_ops);
CREATE INDEX claim_customer_start ON aiocancel.claim (customer_id text_pattern_ops);
CREATE INDEX claim_subscription_start ON aiocancel.claim (subscription_id text_pattern_ops);

-- What waits for a person, the longest first.
CREATE INDEX action_parked_since ON aiocancel.action (finished_at, id) WHERE state = 'parked' AND closed_at IS NULL;

-- What another person or program took back at Stripe.
CREATE INDEX subscription_news_drift ON aiocancel.subscription_news (subscription_id) WHERE reported <> '{}';
