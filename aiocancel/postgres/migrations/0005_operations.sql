-- Limits of other companies that all workers keep together, and what a person does about a parked action.
-- Everything here is new beside what there was: a process of the release before goes on as it did.

-- Not logged: it is written often, and what a crash takes from it is a fraction of a second.
CREATE UNLOGGED TABLE aiocancel.rate (
    name       text PRIMARY KEY,
    -- The next free slot, and how much slower than usual they come.
    next_at    timestamptz NOT NULL DEFAULT 'epoch',
    slowness   float8 NOT NULL DEFAULT 1,
    slowed_at  timestamptz NOT NULL DEFAULT 'epoch'
) WITH (fillfactor = 50);

-- Attempts that do not count towards giving up: somebody else's limit stood in the way, or a person started over.
ALTER TABLE aiocancel.action ADD COLUMN excused integer NOT NULL DEFAULT 0;

-- A parked action that a person has dealt with stays parked, so that no worker mistakes it for anything else.
ALTER TABLE aiocancel.action ADD COLUMN closed_at timestamptz;
ALTER TABLE aiocancel.action ADD COLUMN closed_reason text;
-- No row there is can be against it, so nobody has to wait for a look at all of them.
ALTER TABLE aiocancel.action ADD CONSTRAINT action_closed
    CHECK ((closed_at IS NULL) = (closed_reason IS NULL) AND (closed_at IS NULL OR state = 'parked')) NOT VALID;

CREATE INDEX action_parked ON aiocancel.action (id) WHERE state = 'parked' AND closed_at IS NULL;

INSERT INTO aiocancel.action_transition (from_state, to_state) VALUES ('parked', 'waiting');
