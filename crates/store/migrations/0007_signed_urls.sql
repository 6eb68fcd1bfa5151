-- Keys of signed URLs; `retired_at` is null for the one that signs. And how often a device's URLs were revoked, which is
-- part of what is signed. Both are asked for by every node, so that a URL one node signs is good at the others.
CREATE TABLE url_keys (
    id BIGINT PRIMARY KEY,
    secret TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);
CREATE TABLE url_revocations (
    device_id TEXT PRIMARY KEY,
    count BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL
);
