//! The name server: a list of names, and no question passed on.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, OPCODE, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

/// UDP port a name server listens on (RFC 1035, section 4.2).
pub(super) const SERVER_PORT: u16 = 53;

/// How long an answer may be kept, in seconds.
const TTL: u32 = 60;

/// Names and their addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeMap<String, Ipv4Addr>);

impl Names {
    /// Adds a name, or moves it. Upper and lower case, and a dot at the end, are the same name (RFC 4343).
    pub(super) fn insert(&mut self, name: &str, address: Ipv4Addr) {
        self.0.insert(key(name), address);
    }

    /// The answer to this message, or `None` where it asks nothing.
    pub(super) fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        let query = Packet::parse(message).ok()?;
        if query.has_flags(PacketFlag::RESPONSE) || query.opcode() != OPCODE::StandardQuery {
            return None;
        }
        let question = query.questions.first()?;
        let mut reply = Packet::new_reply(query.id());
        reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER | PacketFlag::RECURSION_AVAILABLE);
        if query.has_flags(PacketFlag::RECURSION_DESIRED) {
            reply.set_flags(PacketFlag::RECURSION_DESIRED);
        }
        match self.0.get(&key(&question.qname.to_string())) {
            None => *reply.rcode_mut() = RCODE::NameError,
            // A name without an address of the kind that was asked for exists all the same (RFC 2308, section 2.2).
            Some(&address) if matches!(question.qtype, QTYPE::TYPE(TYPE::A) | QTYPE::ANY) => {
                let answer = RData::A(A::from(address));
                let name = question.qname.clone();
                reply
                    .answers
                    .push(ResourceRecord::new(name, CLASS::IN, TTL, answer));
            }
            Some(_) => {}
        }
        reply.questions.push(question.clone());
        reply.build_bytes_vec().ok()
    }
}

fn key(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
