-- What a device says of where it is, and what an operator set: JSON objects, because nothing is looked up by them here.
ALTER TABLE devices ADD COLUMN said_attributes TEXT;
ALTER TABLE devices ADD COLUMN set_attributes TEXT;
-- The only version it is to run.
ALTER TABLE devices ADD COLUMN pin TEXT;
-- Why it is offered nothing, and until when: a JSON object.
ALTER TABLE devices ADD COLUMN hold TEXT;
-- Seconds between its questions, as observed.
ALTER TABLE devices ADD COLUMN poll_seconds BIGINT;

-- A semver requirement on what runs, and whether devices must pass through the release.
ALTER TABLE releases ADD COLUMN from_versions TEXT;
ALTER TABLE releases ADD COLUMN stepping_stone BIGINT NOT NULL DEFAULT 0;
