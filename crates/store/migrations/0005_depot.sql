-- What the releases here and the artifact store's production/ and rollback/ last agreed on, by which a change on one
-- side is told from a change on the other.
CREATE TABLE depot_agreed (
    -- Where the artifact store is, as its option names it: another one has agreed on nothing yet.
    location TEXT NOT NULL,
    device_type TEXT NOT NULL,
    -- The deployed version; empty if there was none.
    production TEXT NOT NULL,
    -- A JSON object: blocked version to reason.
    blocked TEXT NOT NULL,
    -- Grows with every change, so that of several servers one makes each.
    revision BIGINT NOT NULL,
    PRIMARY KEY (location, device_type)
);
