//! A publisher's body is read within its limits or refused, and what is read becomes a JSON frame
//! with the publisher's own values.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use resound_protocol::{
    api::{BodyLimits, EventBody, Info},
    channel::NameRule,
    message,
};
use serde_json::value::RawValue;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    max: u8,
    body: &'a [u8],
}

fn check_event(event: &EventBody<'_>, limits: &BodyLimits) {
    let name: String = serde_json::from_str(event.name_json).expect("a JSON string");
    assert!(name.chars().count() <= limits.event_name_max);
    // Half of a surrogate pair stands for no character but is passed on; only its size is unknown.
    if let (Some(max), Ok(data)) = (limits.event_bytes_max, serde_json::from_str(event.data_json)) {
        let data: String = data;
        assert!(data.len() <= max);
    }
    assert!((1..=limits.event_channels_max.max(1)).contains(&event.channels.len()));
    for channel in &event.channels {
        assert!(channel.as_str().chars().count() <= limits.channel_name_max);
        let frame = message::event(event.name_json, channel, event.data_json);
        let told: BTreeMap<&str, &RawValue> =
            serde_json::from_str(frame.frame().payload()).expect("a frame is JSON");
        let channel = serde_json::to_string(channel.as_str()).expect("a string is JSON");
        let fields: Vec<_> = told.into_iter().map(|(name, json)| (name, json.get())).collect();
        let expect =
            [("channel", &*channel), ("data", event.data_json), ("event", event.name_json)];
        assert_eq!(fields, expect);
    }
}

fuzz_target!(|input: Input<'_>| {
    let max = usize::from(input.max);
    let limits = BodyLimits {
        channel_name_max: max,
        channel_names: NameRule::Pusher,
        event_name_max: max,
        event_channels_max: max,
        event_bytes_max: (max % 2 == 1).then_some(max),
        batch_max: max,
    };
    match EventBody::parse(input.body, &limits) {
        Ok(event) => check_event(&event, &limits),
        Err(fault) => drop(fault.to_string()),
    }
    match EventBody::parse_batch(input.body, &limits) {
        Ok(events) => {
            assert!(events.len() <= limits.batch_max);
            for event in &events {
                assert_eq!(event.channels.len(), 1);
                check_event(event, &limits);
            }
        }
        Err(fault) => drop(fault.to_string()),
    }
    let _ = Info::parse(&String::from_utf8_lossy(input.body));
});
