-- In which of Stripe's accounts the subscription of a session is, where each row of the application names its own: on day
-- 30, 60 and 90 that row may be gone. '' stands for the account of the settings, NULL for not noted yet.
ALTER TABLE aiocancel.flow_session ADD COLUMN stripe_account text;
