-- Personal data can go, and a link to an invoice goes by itself. A worker of the release before goes on as it did.

-- When a person's data was taken out of the claim and of its actions. Its keys and its outcome stay, so that nothing
-- can be done twice.
ALTER TABLE aiocancel.claim ADD COLUMN erased_at timestamptz;

-- Whoever has the link of an invoice sees a name and an address, and after the end nobody needs it. The empty text stays:
-- it says that a payment was asked for.
CREATE FUNCTION aiocancel.forget_payment_url() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.payment_url := '';
    RETURN NEW;
END
$$;

CREATE TRIGGER action_forgets_its_payment_url BEFORE UPDATE OF state ON aiocancel.action
    FOR EACH ROW WHEN (NEW.state IN ('done', 'parked', 'refused') AND NEW.payment_url <> '')
    EXECUTE FUNCTION aiocancel.forget_payment_url();

UPDATE aiocancel.action SET payment_url = '' WHERE state IN ('done', 'parked', 'refused') AND payment_url <> '';

-- The journal still only grows. One thing may change: an operator's own word about a claim that is erased.
CREATE FUNCTION aiocancel.guard_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.entry IN ('action_closed', 'action_retried') AND NEW.code = 'erased'
        AND (NEW.id, NEW.at, NEW.claim_id, NEW.action_id, NEW.entry)
            IS NOT DISTINCT FROM (OLD.id, OLD.at, OLD.claim_id, OLD.action_id, OLD.entry)
        AND EXISTS (SELECT FROM aiocancel.claim WHERE id = OLD.claim_id AND erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'aiocancel.journal is append-only';
END
$$;

DROP TRIGGER journal_is_append_only ON aiocancel.journal;
CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE ON aiocancel.journal
    FOR EACH ROW EXECUTE FUNCTION aiocancel.guard_journal();
CREATE TRIGGER journal_is_not_emptied BEFORE TRUNCATE ON aiocancel.journal
    FOR EACH STATEMENT EXECUTE FUNCTION aiocancel.refuse_change();
