//! A device without a token gets one, and keeps it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use updraft_flash::slot::AppSlot;
use updraft_protocol::ReasonCode;
use updraft_protocol::check_in::Enrolment;

use crate::device::Device;
use crate::support::images::release;
use crate::support::life::End;
use crate::support::reply::{Reply, Then};
use crate::support::server::Request;

const KEY: &str = "the fleet's key";

/// What a server with device tokens knows.
#[derive(Default)]
struct Known {
    tokens: BTreeSet<String>,
    enrolments: Vec<String>,
    /// Answers to enrolments that get lost.
    lost: usize,
}

fn bearer(request: &Request) -> Option<&str> {
    request.header("Authorization")?.strip_prefix("Bearer ")
}

/// A device with the key and random bytes, and a server that wants a token of everybody.
fn device() -> (Device, Rc<RefCell<Known>>) {
    let mut device = Device::wanting(release("1.1.0"));
    device.life.settings.enrolment_key = Some(KEY.to_owned());
    device.life.random = Rc::new(|bytes| {
        use rand::Rng as _;
        rand::rng().fill_bytes(bytes);
    });
    let known = Rc::new(RefCell::new(Known::default()));
    let server = Rc::clone(&known);
    device.intercept(move |request| {
        let mut server = server.borrow_mut();
        if request.is_enrolment() {
            let enrolment: Enrolment = serde_json::from_slice(&request.body).expect("JSON");
            assert_eq!(enrolment.device_id.to_string(), "cut-device");
            assert_eq!(bearer(request), None);
            if enrolment.enrolment_key != KEY {
                return Some(Reply::new("403 Forbidden", "", b"no".as_slice()));
            }
            server.tokens.insert(enrolment.token.clone());
            server.enrolments.push(enrolment.token);
            if server.lost > 0 {
                server.lost -= 1;
                return Some(Reply::raw("").then(Then::Reset));
            }
            return None;
        }
        let welcome = bearer(request).is_some_and(|token| server.tokens.contains(token));
        (!welcome).then(|| Reply::new("401 Unauthorized", "", b"who?".as_slice()))
    });
    (device, known)
}

#[test]
fn a_token_is_made_once_and_used_for_everything() {
    let (mut device, known) = device();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.assert_confirmed(1, "1.1.0");
    device.poll();
    let known = known.borrow();
    assert_eq!(known.enrolments.len(), 1, "across three boots");
    let token = &known.enrolments[0];
    assert_eq!(token.len(), 64);
    assert!(token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let mut server = device.server();
    server.requests.retain(|request| !request.is_enrolment());
    assert!(
        server
            .requests
            .iter()
            .all(|request| bearer(request) == Some(token))
    );
}

#[test]
fn an_answer_that_gets_lost_costs_nothing() {
    let (mut device, known) = device();
    known.borrow_mut().lost = 1;
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    assert_eq!(device.failures(), [ReasonCode::ConnectionLost]);
    device.loses_power();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    let known = known.borrow();
    // A token nobody has acknowledged is not used, but sent again: the same one, kept before it was sent.
    assert_eq!(known.enrolments.len(), 2);
    assert_eq!(known.enrolments[0], known.enrolments[1]);
}

#[test]
fn a_request_that_gets_lost_is_made_again_with_the_same_token() {
    let (mut device, known) = device();
    known.borrow_mut().lost = 2;
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    // The server never heard of it.
    known.borrow_mut().tokens.clear();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    known.borrow_mut().tokens.clear();
    device.loses_power();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    let known = known.borrow();
    assert_eq!(known.enrolments.len(), 3);
    assert_eq!(known.tokens.len(), 1, "the same token every time");
    assert!(
        known
            .enrolments
            .iter()
            .all(|token| known.tokens.contains(token))
    );
}

#[test]
fn a_server_that_forgot_the_token_is_told_it_again() {
    let (mut device, known) = device();
    device.poll();
    let token = known.borrow().enrolments[0].clone();
    known.borrow_mut().tokens.clear();
    device.server().check_ins.clear();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    assert_eq!(known.borrow().enrolments, [token.clone(), token]);
    assert_eq!(device.server().check_ins.len(), 1);
}

#[test]
fn a_refused_enrolment_is_tried_at_the_next_poll_and_not_before() {
    let (mut device, known) = device();
    device.life.settings.enrolment_key = Some("another key".to_owned());
    assert_eq!(device.polls(3), End::Stopped(AppSlot::Ota(0)));
    assert_eq!(device.failures(), [ReasonCode::ServerRefused; 3]);
    // A token that was not acknowledged is not tried on anything else.
    let server = device.server();
    assert_eq!(server.requests.len(), 3);
    assert!(server.requests.iter().all(Request::is_enrolment));
    assert!(known.borrow().tokens.is_empty());
}

#[test]
fn a_token_from_the_settings_is_never_replaced() {
    let (mut device, known) = device();
    device.life.settings.token = Some("given".to_owned());
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    assert_eq!(device.failures(), [ReasonCode::ServerRefused]);
    assert!(known.borrow().enrolments.is_empty());
    known.borrow_mut().tokens.insert("given".to_owned());
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    assert!(known.borrow().enrolments.is_empty());
}

#[test]
fn a_device_with_neither_token_nor_key_sends_none() {
    let mut device = Device::wanting(release("1.1.0"));
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    let server = device.server();
    assert!(
        server
            .requests
            .iter()
            .all(|request| bearer(request).is_none())
    );
}
