use std::collections::HashMap;
use std::time::{Duration, Instant};

use rmqtt::types::Id;
use updraft_protocol::DeviceId;
use updraft_store::TokenHash;

/// Names of clients that one device may hold at a time. It needs one; one that makes up a new name at each start leaves
/// the earlier ones behind until the broker has noticed that they are gone.
const MAX_NAMES: usize = 16;

/// How long a name is held for a connection that is being made: twice what the broker gives it.
const HELD_FOR: Duration = Duration::from_secs(20);

/// Who is at the embedded broker under which client's name. Sessions are found by that name, and whoever takes a name
/// takes the session: a name in use belongs to the device that uses it.
#[derive(Debug)]
pub(super) struct Clients {
    by_name: HashMap<String, Client>,
    /// The names each device holds.
    names: HashMap<DeviceId, Vec<String>>,
    limit: usize,
}

#[derive(Debug)]
struct Client {
    device: DeviceId,
    /// Since when a connection under this name is being made.
    claimed: Option<Instant>,
    session: Option<Held>,
}

/// The session that the broker has under a name.
#[derive(Debug)]
struct Held {
    id: Id,
    token: TokenHash,
    is_connected: bool,
}

/// Why a device does not get a client's name.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotClaimed {
    #[error("the client's name is another device's")]
    Anothers,
    #[error("the device holds {MAX_NAMES} names of clients; give its client one name")]
    TooManyNames,
    #[error("{0} clients are connected, which is the limit")]
    Full(usize),
}

impl Client {
    /// Whether a connection under this name is being made at `now`.
    fn is_coming(&self, now: Instant) -> bool {
        self.claimed
            .is_some_and(|since| now.saturating_duration_since(since) < HELD_FOR)
    }
}

impl Clients {
    /// Room for `limit` names.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            by_name: HashMap::new(),
            names: HashMap::new(),
            limit,
        }
    }

    /// The sessions that stand in the way of this device's connection under this name, if the broker has them still:
    /// it does not say so when a connection ends before it has answered its first packet.
    pub(super) fn in_the_way(&self, name: &str, device: &DeviceId, now: Instant) -> Vec<Id> {
        let is_own = |client: &Client| client.device == *device && client.session.is_some();
        if self.by_name.get(name).is_some_and(is_own) {
            return Vec::new();
        }
        let own = self.names.get(device).into_iter().flatten();
        own.map(String::as_str)
            .chain([name])
            .filter_map(|name| self.by_name.get(name))
            .filter(|client| !client.is_coming(now))
            .filter_map(|client| client.session.as_ref().map(|held| held.id.clone()))
            .collect()
    }

    /// Holds a client's name for a device that is about to connect.
    pub(super) fn claim(
        &mut self,
        name: &str,
        device: &DeviceId,
        now: Instant,
    ) -> Result<(), NotClaimed> {
        if let Some(client) = self.by_name.get_mut(name) {
            if client.device == *device {
                client.claimed = Some(now);
                return Ok(());
            }
            if client.session.is_some() || client.is_coming(now) {
                return Err(NotClaimed::Anothers);
            }
            self.forget(name);
        }
        // One connection at a time is made: of those that failed nothing is left.
        for name in self.names.get(device).cloned().unwrap_or_default() {
            if self
                .by_name
                .get(&name)
                .is_some_and(|client| client.session.is_none())
            {
                self.forget(&name);
            }
        }
        if self.names.get(device).map_or(0, Vec::len) >= MAX_NAMES {
            return Err(NotClaimed::TooManyNames);
        }
        if self.by_name.len() >= self.limit {
            return Err(NotClaimed::Full(self.limit));
        }
        self.insert(name, device, Some(now), None);
        Ok(())
    }

    /// The broker has this session now, and none before it under its name.
    pub(super) fn connected(&mut self, id: &Id, device: &DeviceId, token: TokenHash) {
        let held = Held {
            id: id.clone(),
            token,
            is_connected: true,
        };
        match self.by_name.get_mut(&*id.client_id) {
            Some(client) if client.device == *device => {
                client.claimed = None;
                client.session = Some(held);
            }
            // Not to be: another has claimed the name since. The session is without rights.
            Some(_) => {}
            None => self.insert(&id.client_id, device, None, Some(held)),
        }
    }

    /// Whose session it is, and with which token.
    pub(super) fn device(&self, id: &Id) -> Option<(DeviceId, TokenHash)> {
        let client = self.by_name.get(&*id.client_id)?;
        let held = client.session.as_ref().filter(|held| held.id == *id)?;
        Some((client.device.clone(), held.token))
    }

    /// A connection has ended, and the session may wait for another. Says which device is gone by it: none if another
    /// connection has taken this one's place or the device has more.
    pub(super) fn disconnected(&mut self, id: &Id) -> Option<DeviceId> {
        let client = self.by_name.get_mut(&*id.client_id)?;
        let held = client.session.as_mut().filter(|held| held.id == *id)?;
        held.is_connected = false;
        let device = client.device.clone();
        let is_there = self.names.get(&device).into_iter().flatten().any(|name| {
            let held = self
                .by_name
                .get(name)
                .and_then(|client| client.session.as_ref());
            held.is_some_and(|held| held.is_connected)
        });
        (!is_there).then_some(device)
    }

    /// The broker has this session no more.
    pub(super) fn ended(&mut self, id: &Id, now: Instant) {
        let Some(client) = self.by_name.get_mut(&*id.client_id) else {
            return;
        };
        if client.session.as_ref().is_none_or(|held| held.id != *id) {
            return;
        }
        if client.is_coming(now) {
            client.session = None;
        } else {
            self.forget(&id.client_id);
        }
    }

    fn insert(
        &mut self,
        name: &str,
        device: &DeviceId,
        claimed: Option<Instant>,
        session: Option<Held>,
    ) {
        let client = Client {
            device: device.clone(),
            claimed,
            session,
        };
        self.by_name.insert(name.to_owned(), client);
        self.names
            .entry(device.clone())
            .or_default()
            .push(name.to_owned());
    }

    fn forget(&mut self, name: &str) {
        let Some(client) = self.by_name.remove(name) else {
            return;
        };
        if let Some(names) = self.names.get_mut(&client.device) {
            names.retain(|held| held != name);
            if names.is_empty() {
                self.names.remove(&client.device);
            }
        }
    }
}
