-- Offers against the hold-out: each subscription counts once, in its first session that an offer fitted. Whoever took a gift
-- is due none when coming back, and whoever is held out is due one each time: counted by sessions, the hold-out would have
-- more of those who leave, whether offers help or not.
CREATE OR REPLACE VIEW aiocancel.v_hold_out AS
SELECT s.id AS session, s.opened_at AS started_at, s.mode, s.hold_out AS held_out, r.day, r.kept
FROM aiocancel.flow_session s JOIN aiocancel.kept_reading r ON r.session = s.id
WHERE s.fitted IS NOT NULL AND s.told_by = 'own' AND r.day = 30 AND r.read_at IS NOT NULL AND s.id = (
    -- One look into the index for each session, whatever the planner knows of the table.
    SELECT e.id FROM aiocancel.flow_session e
    WHERE e.subscription_id = s.subscription_id AND e.mode = s.mode AND e.told_by = 'own' AND e.fitted IS NOT NULL
    ORDER BY e.opened_at, e.id LIMIT 1);
COMMENT ON VIEW aiocancel.v_hold_out IS
    'One row for each subscription for which an offer fitted, by its first such session: whether it was shown or held out,
    and kept on day 30 or not.';

-- The definition that customers were shown last, also where a vendor's flow tells a million sessions.
CREATE INDEX flow_session_defined ON aiocancel.flow_session (mode, opened_at) WHERE definition_version IS NOT NULL;

-- Days that were counted before are counted anew, and none is shown as it was meanwhile: for this, for sessions whose price
-- Stripe did not tell, and for those that are still on their offer, who have not declined it.
INSERT INTO aiocancel.recount (started_at, noted_at) SELECT DISTINCT since, '-infinity'::timestamptz FROM aiocancel.counted_day;
