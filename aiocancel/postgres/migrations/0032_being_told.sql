-- How a subscription stood each time that the application may have been told of it in part, because the telling broke
-- off. A process of the release before neither writes nor empties it: then a change may be told once more.
ALTER TABLE aiocancel.subscription_news ADD COLUMN telling jsonb NOT NULL DEFAULT '[]';
