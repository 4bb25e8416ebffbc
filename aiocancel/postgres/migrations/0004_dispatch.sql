-- An action and a claim move only along these ways, whoever writes. The same table in Python is
-- core/transitions.py; a test holds the two together.

CREATE TABLE aiocancel.action_transition (
    from_state  text NOT NULL,
    to_state    text NOT NULL,
    PRIMARY KEY (from_state, to_state)
);

INSERT INTO aiocancel.action_transition (from_state, to_state) VALUES
    ('waiting', 'running'),
    ('waiting', 'refused'),
    ('running', 'waiting'),
    ('running', 'done'),
    ('running', 'parked'),
    ('running', 'refused');

CREATE FUNCTION aiocancel.check_action_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM aiocancel.action_transition WHERE from_state = OLD.state AND to_state = NEW.state) THEN
        RAISE EXCEPTION 'an action cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER action_moves_along_its_ways BEFORE UPDATE OF state ON aiocancel.action
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION aiocancel.check_action_transition();

CREATE TABLE aiocancel.recovery_transition (
    from_point  text NOT NULL,
    to_point    text NOT NULL,
    PRIMARY KEY (from_point, to_point)
);

INSERT INTO aiocancel.recovery_transition (from_point, to_point) VALUES
    ('claim_recorded', 'outcome_verified'),
    ('claim_recorded', 'actions_enqueued'),
    ('claim_recorded', 'action_applied'),
    ('outcome_verified', 'actions_enqueued'),
    ('outcome_verified', 'action_applied'),
    ('actions_enqueued', 'action_applied');

CREATE FUNCTION aiocancel.check_recovery_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM aiocancel.recovery_transition
        WHERE from_point = OLD.recovery_point AND to_point = NEW.recovery_point) THEN
        RAISE EXCEPTION 'a claim cannot go from % to %', OLD.recovery_point, NEW.recovery_point
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER claim_moves_along_its_ways BEFORE UPDATE OF recovery_point ON aiocancel.claim
    FOR EACH ROW WHEN (OLD.recovery_point IS DISTINCT FROM NEW.recovery_point)
    EXECUTE FUNCTION aiocancel.check_recovery_transition();

-- What a worker holds: for the renewal of its leases, and for finding what it lost.
CREATE INDEX action_leased ON aiocancel.action (lease_owner) WHERE state = 'running';
