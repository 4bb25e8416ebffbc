-- What a flow held beside its end: the survey's answers, the offers that were shown, the accepted one's metadata, and who
-- told it. Additive: a process of the release before leaves it empty.
ALTER TABLE aiocancel.claim ADD COLUMN flow jsonb;
