-- What all nodes over one database agree on, such as the hash of the key that devices enrol with.
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    -- How often it was set: who knows the last may set the next.
    revision BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- How often the device's news were written: a node that does not know the last reads them before it writes its own.
ALTER TABLE devices ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
