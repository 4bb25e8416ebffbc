-- The journal only grows, and the operator's name in it stays as well: what may be taken out of the journal of an erased
-- claim is the operator's word, and nothing else. A function only: no row changes.
CREATE OR REPLACE FUNCTION aiocancel.guard_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.entry IN ('action_closed', 'action_retried') AND NEW.code = 'erased'
        AND (NEW.id, NEW.at, NEW.claim_id, NEW.action_id, NEW.entry, NEW.operator)
            IS NOT DISTINCT FROM (OLD.id, OLD.at, OLD.claim_id, OLD.action_id, OLD.entry, OLD.operator)
        AND EXISTS (SELECT FROM aiocancel.claim WHERE id = OLD.claim_id AND erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'aiocancel.journal is append-only';
END
$$;
