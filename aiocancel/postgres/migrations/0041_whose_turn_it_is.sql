-- Whose turn it is in a lane, said once for the statements that lease actions and that find forgotten ones. A function
-- only: no row changes, and a process of the release before goes on with the text of its own.

-- The actions of a lane that stand before one of them: any that runs, and any older one that waits. That keeps their
-- order, and it is an action's turn when there is none. An action whose lease ran out waits for none that waits, or the two
-- would wait for each other, since an older one can be committed later. A kind that the asking process does not know
-- belongs to a newer release; where none of its workers came within ``left_to_newer_for``, it holds nothing up. One of
-- ``cancellations`` waits no longer than ``waited_for_at_most`` for one of ``giving_way`` that fails again and again, nor
-- for those behind that one. Simple enough for PostgreSQL to put it into the statement that uses it.
CREATE FUNCTION aiocancel.before_in_lane(of_lane text, action_id bigint, action_state text, action_kind text,
    known_kinds text[], cancellations text[], giving_way text[], left_to_newer_for interval, waited_for_at_most interval)
RETURNS TABLE (id bigint) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT o.id FROM aiocancel.action o
    WHERE o.lane = of_lane AND o.id <> action_id
      AND (o.state = 'running' OR o.state = 'waiting' AND action_state = 'waiting' AND o.id < action_id
          AND NOT aiocancel.lets_others_pass(o.deferred, o.due_at)
          AND NOT (o.kind <> ALL(known_kinds) AND o.due_at < now() - left_to_newer_for)
          AND NOT (action_kind = ANY(cancellations) AND o.kind = ANY(giving_way) AND EXISTS (
            SELECT FROM aiocancel.action f
            WHERE f.lane = o.lane AND f.id <= o.id AND f.state = 'waiting' AND NOT f.deferred
              AND f.kind = ANY(giving_way) AND f.due_at > now()
              AND coalesce(f.woke_at, f.created_at) < now() - waited_for_at_most)))
$$;
