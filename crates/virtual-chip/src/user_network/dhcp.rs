//! The DHCP server: one address for whoever asks.

use edge_dhcp::server::{Action, ServerOptions};
use edge_dhcp::{Options, Packet};

use super::{DNS, GATEWAY, GUEST, PREFIX};

/// UDP port a DHCP server listens on (RFC 2131, section 4.1).
pub(super) const SERVER_PORT: u16 = 67;
/// UDP port a DHCP client listens on.
pub(super) const CLIENT_PORT: u16 = 68;

/// How long an address is lent, in seconds: a day, longer than any trial, so that a trial with a halted clock does not
/// end in a renewal.
const LEASE_SECONDS: u32 = 86_400;
/// A reply with a handful of options has under 350 bytes; RFC 2131 wants clients to take 576.
const MAX_REPLY: usize = 576;

/// The answer to this DHCP message, or `None` where there is nothing to say.
pub(super) fn answer(message: &[u8]) -> Option<Vec<u8>> {
    let request = Packet::decode(message).ok()?;
    let mut server = ServerOptions::new(GATEWAY, None);
    let (gateways, dns) = ([GATEWAY], [DNS]);
    server.gateways = &gateways;
    server.dns = &dns;
    server.subnet = Some((u32::MAX << (32 - PREFIX)).into());
    server.lease_duration_secs = LEASE_SECONDS;

    let mut options = Options::buf();
    let reply = match server.process(&request)? {
        Action::Discover(..) => server.offer(&request, GUEST, &mut options),
        Action::Request(wanted, _) => {
            server.ack_nak(&request, (wanted == GUEST).then_some(GUEST), &mut options)
        }
        // There is but one address, and it is never given to another.
        Action::Release(..) | Action::Decline(..) => return None,
    };
    let mut bytes = [0; MAX_REPLY];
    reply.encode(&mut bytes).ok().map(<[u8]>::to_vec)
}
