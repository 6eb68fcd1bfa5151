-- What was taken of a device's words that came by relays: a JSON object with the relay it last spoke through, and the
-- number of the last word taken from each.
ALTER TABLE devices ADD COLUMN relayed TEXT;

-- On a relay: what devices said there and its primary has not acknowledged.
CREATE TABLE relay_words (
    seq BIGINT PRIMARY KEY,
    device_id TEXT NOT NULL,
    device_type TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- Plain questions are told apart: a later one takes the place of an earlier.
    plain BIGINT NOT NULL,
    -- A JSON object.
    said TEXT NOT NULL
);

CREATE INDEX relay_words_by_device ON relay_words (device_id);
