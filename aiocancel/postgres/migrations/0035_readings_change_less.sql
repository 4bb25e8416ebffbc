-- A reading of Stripe changes who was kept and what came in, and no other figure of its day: the others stay in force
-- until the day is counted anew. A process of the release before takes such a note for a change of every figure.
ALTER TABLE aiocancel.recount ADD COLUMN by_reading boolean NOT NULL DEFAULT false;

CREATE OR REPLACE FUNCTION aiocancel.recount_reading() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO aiocancel.recount (started_at, by_reading)
    SELECT opened_at, true FROM aiocancel.flow_session WHERE id = NEW.session;
    RETURN NULL;
END
$$;
