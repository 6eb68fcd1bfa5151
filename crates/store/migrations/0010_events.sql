-- What happened, in the order in which it was committed, for streams and webhooks. Kept for some time only; the audit
-- record is kept for good.
CREATE TABLE events (
    -- From 1, without gaps.
    number BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    -- Such as rollout.trip or deployment.confirmed.
    kind TEXT NOT NULL,
    -- What it is about, such as a device's id.
    subject TEXT NOT NULL,
    -- The rollout it belongs to; empty if none.
    rollout_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    -- The particulars, a JSON object.
    detail TEXT NOT NULL
);

CREATE INDEX events_by_time ON events (at);

-- One row: the number of the last event. Whoever numbers events holds it until the commit, so that numbers become
-- visible in their order.
CREATE TABLE event_numbers (
    name TEXT PRIMARY KEY,
    last BIGINT NOT NULL
);

INSERT INTO event_numbers (name, last) VALUES ('events', 0);
