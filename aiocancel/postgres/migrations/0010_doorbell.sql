-- Rings of the webhook are bounded and forgotten; those that the flow vendor's own list named stay and come first.
-- A worker of the release before goes on as it did.

-- Whether the vendor's list of events named it. A ring of the webhook alone may be invented.
ALTER TABLE aiocancel.doorbell ADD COLUMN polled boolean NOT NULL DEFAULT false;

CREATE INDEX doorbell_unproven ON aiocancel.doorbell (vendor, rung_at DESC) WHERE NOT polled;
