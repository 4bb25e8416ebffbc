-- The journal as a chain: each fact is sealed by a worker soon after it is stored, over the SHA-256 of the one before.
-- Everything here is new beside what there was: a process of the release before goes on as it did, and its facts are
-- sealed by newer workers. What was stored before this migration is not chained.

-- One chain for each database, under a random name. Its time tells which facts are older than it.
CREATE TABLE aiocancel.evidence_chain (
    id        uuid NOT NULL DEFAULT gen_random_uuid(),
    begun_at  timestamptz NOT NULL DEFAULT now(),
    is_only   boolean PRIMARY KEY DEFAULT true CHECK (is_only)
);

INSERT INTO aiocancel.evidence_chain DEFAULT VALUES;

-- Facts that are not sealed yet, noted in the transaction that stores them, by their place in their own tables. The order
-- of commits does not matter: whatever is here was committed, and whatever is committed later comes later.
CREATE TABLE aiocancel.evidence_due (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source     text NOT NULL CHECK (source IN ('journal', 'attempt', 'claim', 'session')),
    -- The id in the journal, of the action, of the claim, of the flow session.
    reference  bigint NOT NULL,
    attempt    integer,
    noted_at   timestamptz NOT NULL DEFAULT now()
);

-- The links. ``fact`` is the canonical JSON over which ``hash`` is made, as core/evidence.py has it. The two keys leave no
-- room for a gap or a fork, whoever writes.
CREATE TABLE aiocancel.evidence_link (
    position   bigint PRIMARY KEY CHECK (position > 0),
    before     bigint GENERATED ALWAYS AS (nullif(position - 1, 0)) STORED,
    previous   text NOT NULL,
    hash       text NOT NULL,
    claim_id   bigint NOT NULL,
    source     text NOT NULL,
    reference  bigint NOT NULL,
    fact       text NOT NULL,
    UNIQUE (position, hash),
    FOREIGN KEY (before, previous) REFERENCES aiocancel.evidence_link (position, hash)
);

CREATE INDEX evidence_link_claim ON aiocancel.evidence_link (claim_id, position);

-- The personal part of a fact as it was when it was sealed. The link holds its SHA-256 under the salt: without both,
-- nobody can find out what it was, and the chain still holds.
CREATE TABLE aiocancel.evidence_content (
    position  bigint PRIMARY KEY REFERENCES aiocancel.evidence_link,
    claim_id  bigint NOT NULL,
    salt      bytea NOT NULL CHECK (length(salt) = 32),
    content   text NOT NULL
);

CREATE INDEX evidence_content_claim ON aiocancel.evidence_content (claim_id);

-- Claims that were erased but for their evidence, because the owner said so, and whose they were.
CREATE TABLE aiocancel.evidence_kept (
    claim_id     bigint PRIMARY KEY REFERENCES aiocancel.claim,
    customer_id  text NOT NULL,
    kept_at      timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX evidence_kept_customer ON aiocancel.evidence_kept (customer_id);

CREATE FUNCTION aiocancel.guard_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'evidence_content' AND TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT FROM aiocancel.claim WHERE id = OLD.claim_id AND erased_at IS NOT NULL) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'aiocancel.% is append-only', TG_TABLE_NAME;
END
$$;

CREATE TRIGGER evidence_link_stays BEFORE UPDATE OR DELETE ON aiocancel.evidence_link
    FOR EACH ROW EXECUTE FUNCTION aiocancel.guard_evidence();
CREATE TRIGGER evidence_content_stays BEFORE UPDATE OR DELETE ON aiocancel.evidence_content
    FOR EACH ROW EXECUTE FUNCTION aiocancel.guard_evidence();
CREATE TRIGGER evidence_chain_stays BEFORE UPDATE OR DELETE ON aiocancel.evidence_chain
    FOR EACH ROW EXECUTE FUNCTION aiocancel.guard_evidence();
CREATE TRIGGER evidence_link_is_not_emptied BEFORE TRUNCATE ON aiocancel.evidence_link
    FOR EACH STATEMENT EXECUTE FUNCTION aiocancel.guard_evidence();
CREATE TRIGGER evidence_content_is_not_emptied BEFORE TRUNCATE ON aiocancel.evidence_content
    FOR EACH STATEMENT EXECUTE FUNCTION aiocancel.guard_evidence();
CREATE TRIGGER evidence_chain_is_not_emptied BEFORE TRUNCATE ON aiocancel.evidence_chain
    FOR EACH STATEMENT EXECUTE FUNCTION aiocancel.guard_evidence();

-- A time as facts spell it, whatever the session's time zone is.
CREATE FUNCTION aiocancel.spelled(moment timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- Every line of the journal is a fact. It is noted by the right of the tables' owner: a role that lacks one on the chain
-- must not keep a customer from leaving.
CREATE FUNCTION aiocancel.note_journal() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO aiocancel.evidence_due (source, reference) SELECT 'journal', id FROM noted ORDER BY id;
    RETURN NULL;
END
$$;

CREATE TRIGGER journal_is_evidence AFTER INSERT ON aiocancel.journal
    REFERENCING NEW TABLE AS noted FOR EACH STATEMENT EXECUTE FUNCTION aiocancel.note_journal();

-- So is what a call to Stripe came back with, which the journal does not always tell.
CREATE FUNCTION aiocancel.note_attempt() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO aiocancel.evidence_due (source, reference, attempt) VALUES ('attempt', NEW.action_id, NEW.number);
    RETURN NULL;
END
$$;

CREATE TRIGGER attempt_is_evidence AFTER UPDATE OF ended_at ON aiocancel.attempt
    FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION aiocancel.note_attempt();

-- The end of a run through a flow of ours says what was shown and answered. One that was left led to no claim.
CREATE FUNCTION aiocancel.note_session() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO aiocancel.evidence_due (source, reference) VALUES ('session', NEW.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER flow_session_is_evidence AFTER UPDATE OF state ON aiocancel.flow_session
    FOR EACH ROW WHEN (NEW.told_by = 'own' AND NEW.state IN ('canceled', 'accepted') AND NEW.erased_at IS NULL
        AND OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION aiocancel.note_session();

-- A claim learns more later: the flow vendor's word, or whose it is.
CREATE FUNCTION aiocancel.note_claim() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO aiocancel.evidence_due (source, reference) VALUES ('claim', NEW.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER claim_is_evidence AFTER UPDATE OF flow, customer_id, subscription_id, declaration ON aiocancel.claim
    FOR EACH ROW WHEN (NEW.erased_at IS NULL AND (NEW.flow, NEW.customer_id, NEW.subscription_id, NEW.declaration)
        IS DISTINCT FROM (OLD.flow, OLD.customer_id, OLD.subscription_id, OLD.declaration))
    EXECUTE FUNCTION aiocancel.note_claim();
