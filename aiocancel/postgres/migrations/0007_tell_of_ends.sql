-- Whoever waits for the end of a claim hears of it at once: the process that answers a customer is rarely the one whose
-- worker did the work. A trigger, so that workers of the release before tell of it as well.

CREATE FUNCTION aiocancel.tell_of_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('aiocancel_ended', c.public_id::text) FROM aiocancel.claim c WHERE c.id = NEW.claim_id;
    RETURN NULL;
END
$$;

-- A deferred action waits for its date or for a payment, and the customer may be told so.
CREATE TRIGGER action_tells_of_its_end AFTER UPDATE OF state ON aiocancel.action
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state AND aiocancel.is_asked_for(NEW.kind)
        AND (NEW.state IN ('done', 'parked', 'refused') OR NEW.state = 'waiting' AND NEW.deferred))
    EXECUTE FUNCTION aiocancel.tell_of_end();
