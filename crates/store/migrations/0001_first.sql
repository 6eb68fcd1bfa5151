-- One SQL text for SQLite and PostgreSQL: TEXT and BIGINT only. Digests are 64 lowercase hexadecimal digits,
-- times are Unix seconds, truth is 0 or 1.

CREATE TABLE device_types (
    name TEXT PRIMARY KEY,
    chip TEXT NOT NULL,
    slot_size BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- One stored file each, named by its SHA-256. Several releases may share one.
CREATE TABLE artifacts (
    sha256 TEXT PRIMARY KEY,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE releases (
    id TEXT PRIMARY KEY,
    device_type TEXT NOT NULL REFERENCES device_types (name),
    version TEXT NOT NULL,
    -- The version without build metadata: two versions of equal precedence are one version.
    precedence TEXT NOT NULL,
    status TEXT NOT NULL,
    blocked TEXT,
    required BIGINT NOT NULL,
    description TEXT NOT NULL,
    chip TEXT NOT NULL,
    project TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES artifacts (sha256),
    elf_sha256 TEXT NOT NULL,
    secure_version BIGINT NOT NULL,
    idf_version TEXT NOT NULL,
    compile_time TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    offered BIGINT NOT NULL DEFAULT 0,
    UNIQUE (device_type, precedence)
);

CREATE INDEX releases_by_sha256 ON releases (sha256);

CREATE TABLE channels (
    device_type TEXT NOT NULL REFERENCES device_types (name),
    name TEXT NOT NULL,
    release_id TEXT NOT NULL REFERENCES releases (id),
    previous_release_id TEXT REFERENCES releases (id),
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (device_type, name)
);

-- The device's type is what the device says, which may not exist (yet): no reference.
CREATE TABLE devices (
    id TEXT PRIMARY KEY,
    device_type TEXT NOT NULL,
    channel TEXT NOT NULL,
    version TEXT,
    elf_sha256 TEXT,
    slot TEXT,
    state TEXT,
    reset_reason TEXT,
    chip TEXT,
    secure_version BIGINT,
    slot_size BIGINT,
    -- SHA-256 of the device's own token, if it has one.
    token_hash TEXT UNIQUE,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT,
    -- The last report that named no known release, in short.
    unmatched_report TEXT
);

CREATE TABLE attempts (
    device_id TEXT NOT NULL REFERENCES devices (id),
    release_id TEXT NOT NULL REFERENCES releases (id),
    state TEXT NOT NULL,
    reason TEXT,
    detail TEXT,
    failures BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (device_id, release_id)
);

CREATE INDEX attempts_by_release ON attempts (release_id);

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    -- SHA-256 of the secret; the secret itself is kept nowhere.
    hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL
);

CREATE TABLE audit (
    -- Grows with time, so that it also orders.
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);
