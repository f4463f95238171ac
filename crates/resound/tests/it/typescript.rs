//! Types for a front end. That TypeScript takes them is proved in `e2e/tests/typescript.test.mjs`.

use std::path::PathBuf;

use resound::{
    Broadcast, Channel, EventName,
    typescript::{Types, TypesError, Written},
};
use serde::Serialize;
use ts_rs::TS;

#[derive(Serialize, Broadcast, TS)]
#[broadcast(private = "orders.{order_id}", channels = Vec::<Channel>::new())]
struct OrderUpdated {
    order_id: u64,
    total: i128,
    note: Option<String>,
}

#[derive(Serialize, Broadcast, TS)]
#[broadcast(presence = &self.room, namespace = r"Shop\Events", with = Summary { text: String::new() })]
struct Posted {
    room: String,
}

#[derive(Serialize, TS)]
struct Summary {
    text: String,
}

#[derive(Serialize, Broadcast, TS)]
#[broadcast(channel = "news", name = "closed")]
struct Closed;

#[derive(Serialize, TS)]
struct Wrapped<T> {
    inner: T,
}

mod other {
    #[derive(serde::Serialize, ts_rs::TS)]
    pub(super) struct Summary {
        pub(super) number: u8,
    }
    #[derive(serde::Serialize, ts_rs::TS)]
    pub(super) struct TypedEcho {
        pub(super) number: u8,
    }
}

/// All of src/*/
/// and */ more
#[derive(Serialize, TS)]
struct Documented {
    /// Below routes/*/orders.
    #[allow(dead_code, reason = "it is its docs that count")]
    path: String,
}

#[derive(Serialize, TS)]
struct Record {
    n: u8,
}

#[derive(Serialize, TS)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    note: Option<String>,
    #[serde(skip_serializing)]
    #[ts(skip)]
    #[allow(dead_code, reason = "it is there to be left out")]
    secret: u8,
}

#[track_caller]
fn check(types: &Types, lines: &[&str]) {
    let text = types.render().expect("names differ");
    for line in lines {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn an_event_has_its_fields_and_its_channels() {
    check(
        &Types::new().event::<OrderUpdated>(),
        &[
            "export type OrderUpdated = { order_id: number, total: number, note: string | null, };",
            r#"  "OrderUpdated": { payload: OrderUpdated; public: string; presence: string; private: `orders.${string}` | string; encrypted: string; };"#,
            "interface Events {\n    \"OrderUpdated\": OrderUpdated;\n  }",
        ],
    );
}

#[test]
fn an_event_that_sends_something_else_has_its_type() {
    check(
        &Types::new().event_as::<Posted, Summary>(),
        &[
            "export type Summary = { text: string, };",
            r#"  ".Shop\\Events\\Posted": { payload: Summary; public: never; presence: string; private: never; encrypted: never; };"#,
        ],
    );
}

#[test]
fn an_event_without_fields_is_the_empty_list_that_is_sent() {
    check(&Types::new().event::<Closed>(), &[r#"  ".closed": { payload: []; public: `news`;"#]);
}

#[test]
fn types_within_types_are_declared_too() {
    let types = Types::new().event_named::<Vec<Wrapped<Summary>>>(
        EventName::short("Listed"),
        [Channel::encrypted("lists.{id}")],
    );
    check(
        &types,
        &[
            "export type Summary =",
            "export type Wrapped<T> = { inner: T, };",
            r#""Listed": { payload: Array<Wrapped<Summary>>; public: never; presence: never; private: never; encrypted: `lists.${string}`; };"#,
        ],
    );
}

#[test]
fn an_event_may_be_added_twice_but_two_may_not_have_one_name() {
    let once = Types::new().event::<Closed>().render().unwrap();
    let twice = Types::new().event::<Closed>().event::<Closed>().render().unwrap();
    assert_eq!(once, twice);
    let name = || EventName::exact("closed");
    let channel = || [Channel::public("news")];
    for types in [
        Types::new().event::<Closed>().event_named::<u8>(name(), channel()),
        Types::new().event_as::<Posted, Summary>().event_named::<other::Summary>(name(), channel()),
        Types::new().event_named::<other::TypedEcho>(name(), channel()),
        Types::new().notification::<u8>("a", channel()).notification::<u8>("a", channel()),
    ] {
        let error = types.render().unwrap_err();
        assert!(matches!(error, TypesError::Twice { .. }), "{error}");
    }
}

/// A file that is removed with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let folder = format!("{}/types-{name}-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        Self(PathBuf::from(folder).join("events.d.ts"))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().expect("it is in a folder"));
    }
}

#[test]
fn a_file_is_written_only_if_it_changes() {
    let file = File::new("write");
    let types = Types::new().event::<Closed>();
    assert_eq!(types.write(&file.0).unwrap(), Written::Changed);
    assert_eq!(types.write(&file.0).unwrap(), Written::Same);
    types.check(&file.0).unwrap();
    // As git may check it out on Windows.
    let text = std::fs::read_to_string(&file.0).unwrap().replace('\n', "\r\n");
    std::fs::write(&file.0, text).unwrap();
    assert_eq!(types.write(&file.0).unwrap(), Written::Same);
}

#[test]
fn a_file_that_was_forgotten_is_told_with_what_differs() {
    let file = File::new("check");
    let error = Types::new().check(&file.0).unwrap_err().to_string();
    assert!(
        error.contains("events.d.ts is not what the types of the events are; write it anew\n+ //")
    );
    Types::new().event::<Closed>().write(&file.0).unwrap();
    let renamed = Types::new().event_named::<u8>(EventName::exact("ended"), []);
    let error = renamed.check(&file.0).unwrap_err().to_string();
    assert!(
        error.contains("\n-   \".closed\": {") && error.contains("\n+   \".ended\": {"),
        "{error}"
    );
}

#[test]
fn a_path_that_can_not_be_written_is_named() {
    let error = Types::new().write("/dev/null/events.d.ts").unwrap_err().to_string();
    assert!(error.starts_with("/dev/null/events.d.ts can't be read or written: "), "{error}");
}

#[test]
fn docs_do_not_end_their_comment() {
    let name = EventName::exact("n");
    check(
        &Types::new().event_named::<Documented>(name, [Channel::public("news")]),
        &[
            "/**\n * All of src/*\\/\n * and *\\/ more\n */\nexport type Documented",
            "/**\n * Below routes/*\\/orders.\n */\npath: string",
        ],
    );
}

#[test]
fn a_type_that_hides_one_of_typescripts_own_is_refused() {
    let types =
        Types::new().event_named::<Record>(EventName::exact("n"), [Channel::public("news")]);
    let error = types.render().expect_err("the file uses TypeScript's").to_string();
    assert!(error.starts_with("Record is the name"), "{error}");
}

#[test]
fn what_serde_leaves_out_can_be_told() {
    let json = serde_json::to_string(&Sparse { note: None, secret: 1 }).expect("JSON");
    assert_eq!(json, "{}");
    check(
        &Types::new().event_named::<Sparse>(EventName::exact("n"), [Channel::public("news")]),
        &["export type Sparse = { note?: string, };"],
    );
}
