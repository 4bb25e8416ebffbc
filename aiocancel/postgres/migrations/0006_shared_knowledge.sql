-- What several statements must know, said once. Functions only: no row changes, and a process of the release before
-- goes on as it did. Each is simple enough for PostgreSQL to put it into the statement that uses it.

-- The ordinals of the actions that follow from others, far behind any that a claim may lead to; NULL for the rest.
CREATE FUNCTION aiocancel.follow_up_ordinal(kind text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind WHEN 'end_pause' THEN 900 WHEN 'run_hooks' THEN 1000 END
$$;

-- Whether the customer asked for the action. Telling the application and ending a pause are no part of the answer.
CREATE FUNCTION aiocancel.is_asked_for(kind text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT aiocancel.follow_up_ordinal(kind) IS NULL
$$;

-- A parked action that a person has dealt with stays parked in the table, and is shown as closed.
CREATE FUNCTION aiocancel.shown_state(state text, closed_at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN closed_at IS NULL THEN state ELSE 'closed' END
$$;

-- Whether an unfinished action waits for a date or a payment, and so holds up nothing that comes after it.
CREATE FUNCTION aiocancel.lets_others_pass(deferred boolean, due_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT deferred AND due_at > now()
$$;

-- The action that comes next in a lane when ``ended`` is out of the way.
CREATE FUNCTION aiocancel.next_in_lane(of_lane text, ended bigint)
RETURNS TABLE (id bigint, attempts integer, due_at timestamptz) LANGUAGE sql STABLE AS $$
    SELECT n.id, n.attempts, n.due_at FROM aiocancel.action n
    WHERE n.lane = of_lane AND n.id <> ended AND n.state = 'waiting'
      AND NOT aiocancel.lets_others_pass(n.deferred, n.due_at)
    ORDER BY n.id LIMIT 1
$$;
