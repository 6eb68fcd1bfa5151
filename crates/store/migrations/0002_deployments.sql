-- A device's way to a release is called a deployment everywhere.
ALTER TABLE attempts RENAME TO deployments;
DROP INDEX attempts_by_release;
CREATE INDEX deployments_by_release ON deployments (release_id);
