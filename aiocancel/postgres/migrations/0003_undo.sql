-- Watching for an offer that the flow vendor carries out holds up nobody, so it has no lane, like watching for a
-- cancellation. The lane of an action was computed from a fixed list of kinds. Another expression would rewrite
-- the table under a lock; instead the values stay and a trigger writes the new ones. Workers of an earlier release
-- go on: they insert without naming the lane, and leave a kind that they do not know to others.
ALTER TABLE aiocancel.action ALTER COLUMN lane DROP EXPRESSION IF EXISTS;

CREATE FUNCTION aiocancel.choose_lane() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.lane := CASE
        WHEN NEW.kind IN ('expect_cancellation', 'expect_offer', 'verify_offer', 'run_offer_handler', 'run_hooks')
        THEN NULL ELSE NEW.subscription_id END;
    RETURN NEW;
END
$$;

CREATE TRIGGER action_has_its_lane BEFORE INSERT ON aiocancel.action
    FOR EACH ROW EXECUTE FUNCTION aiocancel.choose_lane();

-- What the first look showed, for telling what came since.
ALTER TABLE aiocancel.action ADD COLUMN baseline jsonb;

-- What offers did to a subscription, for taking it back. Small, and made while the lock above is held anyway.
CREATE INDEX action_made ON aiocancel.action (subscription_id, id)
    WHERE state = 'done' AND kind IN ('apply_offer', 'expect_offer', 'unpause', 'end_pause', 'remove_discount');
