-- A page may show a day that has just changed as it was counted last, says so, and for a minute at most: so a change is
-- noted with its time, and a counted day keeps the times of those that were made since, until it is counted anew.
-- A process of the release before writes its notes as it did, and forgets such a day instead.

-- Of the notes that there are nobody knows how old they are.
ALTER TABLE aiocancel.recount ADD COLUMN noted_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE aiocancel.recount ALTER COLUMN noted_at SET DEFAULT now();

ALTER TABLE aiocancel.counted_day
    -- Since when a session of this day has changed, NULL for not since it was counted.
    ADD COLUMN changed_at timestamptz,
    -- The same of a reading, which changes some of its figures alone.
    ADD COLUMN read_at timestamptz;
