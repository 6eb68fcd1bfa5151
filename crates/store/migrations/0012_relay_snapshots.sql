-- The last snapshot issued for the relays of each site, so that all nodes give one revision to what has not changed.
CREATE TABLE relay_snapshots (
    -- JSON: the site's name, or null for all devices.
    site TEXT PRIMARY KEY,
    -- SHA-256 of its body.
    body TEXT NOT NULL,
    -- Never the same twice.
    revision BIGINT NOT NULL,
    issued_at BIGINT NOT NULL
);
