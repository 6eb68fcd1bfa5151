-- One release given to a target in stages. Plan and machine are JSON objects; what is looked up by stands beside them.
CREATE TABLE rollouts (
    id TEXT PRIMARY KEY,
    device_type TEXT NOT NULL REFERENCES device_types (name),
    release_id TEXT NOT NULL REFERENCES releases (id),
    name TEXT,
    state TEXT NOT NULL,
    plan TEXT NOT NULL,
    -- Where it stands: step, bound, counters.
    machine TEXT NOT NULL,
    -- Grows with every change. A change that was made from an older one is refused.
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    started_at BIGINT,
    started_by TEXT,
    ended_at BIGINT
);

CREATE INDEX rollouts_by_release ON rollouts (release_id);

-- A device's way to a release, by a rollout or directly: then the rollout's id is empty.
CREATE TABLE deployments_by_rollout (
    device_id TEXT NOT NULL REFERENCES devices (id),
    release_id TEXT NOT NULL REFERENCES releases (id),
    rollout_id TEXT NOT NULL,
    -- The rollout's step that was open when it was last offered.
    step BIGINT,
    state TEXT NOT NULL,
    reason TEXT,
    detail TEXT,
    failures BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (device_id, release_id, rollout_id)
);

INSERT INTO deployments_by_rollout
    (device_id, release_id, rollout_id, step, state, reason, detail, failures, started_at, updated_at)
SELECT device_id, release_id, '', NULL, state, reason, detail, failures, started_at, updated_at
FROM deployments;

DROP TABLE deployments;
ALTER TABLE deployments_by_rollout RENAME TO deployments;
CREATE INDEX deployments_by_release ON deployments (release_id);
CREATE INDEX deployments_by_rollout_id ON deployments (rollout_id);
