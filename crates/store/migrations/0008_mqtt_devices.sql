-- Devices that are connected over MQTT, as far as the servers have heard, and what each was told last. Whichever node
-- heard a device, all know that it is there and can tell it; and of several that would, one does.
CREATE TABLE mqtt_devices (
    device_id TEXT PRIMARY KEY,
    -- In what form it wants its orders: `url` or `json`.
    format TEXT NOT NULL,
    -- When it was last known to be there.
    there_at BIGINT NOT NULL,
    -- The release it was told last since then.
    ordered TEXT,
    ordered_at BIGINT
);
