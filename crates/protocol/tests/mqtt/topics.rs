//! Topics, and whose they are.

use proptest::prelude::*;
use updraft_protocol::DeviceId;
use updraft_protocol::mqtt::{
    Kind, MAX_TOPIC, Topic, TopicError, filter, may_publish, may_subscribe,
};

fn id(text: &str) -> DeviceId {
    text.parse().unwrap()
}

#[test]
fn seed_003_s_topics_are_as_documented() {
    for (kind, text) in [
        (Kind::Ota, "devices/beacon-17/ota"),
        (Kind::Status, "devices/beacon-17/ota/status"),
        (Kind::Version, "devices/beacon-17/version"),
        (Kind::Presence, "devices/beacon-17/presence"),
    ] {
        let device = id("beacon-17");
        let topic = Topic { device, kind };
        assert_eq!(topic.to_string(), text);
        assert_eq!(text.parse(), Ok(topic));
    }
    assert_eq!(filter(Kind::Status), "devices/+/ota/status");
}

#[test]
fn what_is_no_topic_of_a_device_is_refused_by_name() {
    for (text, error) in [
        ("", TopicError::NotADevice),
        ("devices", TopicError::NotADevice),
        ("devices/a", TopicError::NotADevice),
        ("Devices/a/ota", TopicError::NotADevice),
        ("/devices/a/ota", TopicError::NotADevice),
        ("devices//ota", TopicError::BadDevice),
        ("devices/+/ota", TopicError::BadDevice),
        ("devices/#/ota", TopicError::BadDevice),
        ("devices/a b/ota", TopicError::BadDevice),
        ("devices/../ota", TopicError::BadDevice),
        ("devices/a/", TopicError::UnknownKind),
        ("devices/a/ota/", TopicError::UnknownKind),
        ("devices/a/b/ota", TopicError::UnknownKind),
        ("devices/a/#", TopicError::UnknownKind),
    ] {
        assert_eq!(text.parse::<Topic>(), Err(error), "{text}");
        assert!(!error.to_string().is_empty() && !error.code().is_empty());
    }
    let long = format!("devices/a/{}", "x".repeat(MAX_TOPIC));
    assert!(matches!(
        long.parse::<Topic>(),
        Err(TopicError::TooLong { .. })
    ));
}

#[test]
fn a_device_has_its_own_topics_and_no_wildcards() {
    let a = id("a");
    for topic in [
        "devices/a/ota/status",
        "devices/a/version",
        "devices/a/presence",
        "devices/a/health",
    ] {
        assert!(
            may_publish(&a, topic) && may_subscribe(&a, topic),
            "{topic}"
        );
    }
    // The order is the server's.
    assert!(may_subscribe(&a, "devices/a/ota") && !may_publish(&a, "devices/a/ota"));
    for topic in [
        "devices/b/ota",
        "devices/b/version",
        "devices/a",
        "devices/a/",
        "devices/+/ota",
        "devices/a/+",
        "devices/a/#",
        "devices/#",
        "#",
        "+/a/ota",
        "$share/x/devices/a/ota",
        "$SYS/broker/clients",
        "devices/ab/ota",
    ] {
        assert!(
            !may_publish(&a, topic) && !may_subscribe(&a, topic),
            "{topic}"
        );
    }
}

proptest! {
    #[test]
    fn a_topic_reads_what_it_writes(device in "[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", index in 0..Kind::ALL.len()) {
        let topic = Topic { device: id(&device), kind: Kind::ALL[index] };
        prop_assert_eq!(topic.to_string().parse(), Ok(topic.clone()));
        prop_assert!(topic.to_string().len() <= MAX_TOPIC);
        prop_assert!(may_subscribe(&topic.device, &topic.to_string()));
    }

    #[test]
    fn no_other_device_s_topic_is_ever_granted(own in "[a-c]{1,3}", topic in "(devices|device)/[a-c+#]{0,3}(/[a-c+#]{0,2}){0,3}") {
        let device = id(&own);
        if may_publish(&device, &topic) || may_subscribe(&device, &topic) {
            let prefix = format!("devices/{own}/");
            prop_assert!(topic.starts_with(&prefix));
            prop_assert!(!topic.contains(['+', '#']));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,300}") {
        match text.parse::<Topic>() {
            Ok(topic) => prop_assert_eq!(topic.to_string(), text),
            Err(error) => prop_assert!(!error.code().is_empty()),
        }
    }
}
