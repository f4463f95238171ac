//! A publisher's body is read within its limits or refused, and what is read becomes a JSON frame
//! with the publisher's own values.

#![no_main]

use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use resound_protocol::{
    api::{BodyLimits, EventBody, Info},
    message,
};
use serde_json::Value;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    max: u8,
    body: &'a [u8],
}

fn check_event(event: &EventBody<'_>, limits: &BodyLimits) {
    let text = |json: &str| serde_json::from_str::<String>(json).expect("a JSON string");
    let (name, data) = (text(event.name_json), text(event.data_json));
    assert!(name.chars().count() <= limits.event_name_max);
    assert!(limits.event_bytes_max.is_none_or(|max| data.len() <= max));
    assert!((1..=limits.event_channels_max.max(1)).contains(&event.channels.len()));
    for channel in &event.channels {
        assert!(channel.as_str().chars().count() <= limits.channel_name_max);
        let frame = message::event(event.name_json, channel, event.data_json);
        let told: Value = serde_json::from_str(frame.payload()).expect("a frame is JSON");
        assert_eq!(told["event"], name);
        assert_eq!(told["channel"], channel.as_str());
        assert_eq!(told["data"], data);
        let single = serde_json::from_str::<serde_json::Map<String, Value>>(frame.payload());
        assert_eq!(single.map(|map| map.len()).unwrap_or_default(), 3);
    }
}

fuzz_target!(|input: Input<'_>| {
    let max = usize::from(input.max);
    let limits = BodyLimits {
        channel_name_max: max,
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
