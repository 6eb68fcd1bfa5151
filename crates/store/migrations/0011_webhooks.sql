-- Where events are posted to. Where a hook stands is in its row, so that any node goes on where another stopped.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    -- Whoever signs must know it: it cannot be kept as a hash.
    secret TEXT NOT NULL,
    -- Kinds of events, with commas between them; empty means all but those of webhooks.
    kinds TEXT NOT NULL,
    -- Why nothing is sent any more; empty while it is active.
    disabled TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    -- The last event that was delivered, passed over or given up.
    event BIGINT NOT NULL,
    -- How often the next one was tried in vain.
    tries BIGINT NOT NULL,
    -- When it is tried next, Unix seconds.
    next_at BIGINT NOT NULL,
    -- Since when nothing was delivered, if the last try failed.
    failing_since BIGINT,
    delivered_at BIGINT,
    -- Why the last try failed.
    last_error TEXT,
    -- The node that delivers, and until when nobody else may.
    lease TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);
