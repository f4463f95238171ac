use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use yrs::{
    Any, Array as _, Doc, GetString as _, Map as _, OffsetKind, Options, ReadTxn as _, Text as _,
    TextRef, Transact as _, block::ClientID, types::Attrs, updates::decoder::Decode as _,
};

use super::{
    edit::UPDATES_MAX,
    events::DocumentUpdated,
    replica::{CHARACTERS_MAX, Replica},
    update::Update,
};
use crate::{
    testing::{Answer, Browser, SOCKET, Showcase},
    visitor::Visitor,
};

const ADA: i64 = 1;
const GRACE: i64 = 2;
const UPDATES: &str = "/document/1/updates";

/// What Yjs is in a browser.
struct Page {
    doc: Doc,
    text: TextRef,
}

impl Page {
    async fn open(browser: &Browser<'_>) -> Self {
        let options = Options {
            offset_kind: OffsetKind::Utf16,
            skip_gc: true,
            ..Options::with_client_id(ClientID::random())
        };
        let doc = Doc::with_options(options);
        let text = doc.get_or_insert_text("text");
        let page = Self { doc, text };
        page.catch_up(browser, -1).await;
        page
    }

    async fn catch_up(&self, browser: &Browser<'_>, after: i64) -> i64 {
        let missed = browser.get(&format!("{UPDATES}?after={after}")).await.json();
        for update in missed["updates"].as_array().unwrap() {
            self.apply(&STANDARD.decode(update.as_str().unwrap()).unwrap());
        }
        missed["version"].as_i64().unwrap()
    }

    fn apply(&self, bytes: &[u8]) {
        let update = yrs::Update::decode_v1(bytes).unwrap();
        self.doc.transact_mut().apply_update(update).unwrap();
    }

    /// The update of what is typed.
    fn write(&self, at: u32, text: &str) -> Vec<u8> {
        self.edit(|field, transaction| field.insert(transaction, at, text))
    }

    fn remove(&self, at: u32, length: u32) -> Vec<u8> {
        self.edit(|field, transaction| field.remove_range(transaction, at, length))
    }

    fn edit(&self, edit: impl FnOnce(&TextRef, &mut yrs::TransactionMut<'_>)) -> Vec<u8> {
        let mut transaction = self.doc.transact_mut();
        edit(&self.text, &mut transaction);
        transaction.encode_update_v1()
    }

    fn text(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }
}

/// The text in the database.
async fn stored(showcase: &Showcase) -> String {
    let sql = "SELECT text FROM document_documents WHERE id = 1";
    sqlx::query_scalar(sql).fetch_one(&showcase.app.db).await.unwrap()
}

#[tokio::test]
async fn what_somebody_writes_is_the_next_version_and_goes_to_the_others() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let page = Page::open(&ada).await;
    assert_eq!(page.text(), stored(&showcase).await);
    let update = page.write(0, "<b>😀\n");
    assert_eq!(ada.send(UPDATES, &update).await.json()["version"], 1);
    assert!(stored(&showcase).await.starts_with("<b>😀\nRelease notes"));
    let encoded = STANDARD.encode(&update);
    let sent = showcase.fake.assert_broadcast::<DocumentUpdated>(|event| {
        event.version == 1 && event.author == "1" && event.update.as_ref() == Some(&encoded)
    });
    sent.on("presence-document.1").to_others(SOCKET);
}

#[tokio::test]
async fn an_update_that_is_sent_twice_is_one_version() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let update = Page::open(&ada).await.write(0, "once");
    assert_eq!(ada.send(UPDATES, &update).await.json()["version"], 1);
    assert_eq!(ada.send(UPDATES, &update).await.json()["version"], serde_json::Value::Null);
    showcase.fake.assert_count::<DocumentUpdated>(1);
}

#[tokio::test]
async fn two_who_write_at_the_same_place_of_the_same_version_end_with_the_same_text() {
    let showcase = Showcase::new().await;
    let (ada, guest) = (showcase.user(ADA), showcase.guest());
    let (one, other) = (Page::open(&ada).await, Page::open(&guest).await);
    let (first, second) = (one.write(3, "one"), other.write(3, "other"));
    let third = other.remove(0, 5);
    for answer in [
        ada.send(UPDATES, &first).await,
        guest.send(UPDATES, &second).await,
        guest.send(UPDATES, &third).await,
    ] {
        assert_eq!(answer.status, StatusCode::OK);
    }
    one.catch_up(&ada, 1).await;
    other.catch_up(&guest, 0).await;
    assert_eq!(one.text(), other.text());
    assert_eq!(one.text(), stored(&showcase).await);
}

#[tokio::test]
async fn a_long_update_is_told_of_and_fetched() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let update = Page::open(&ada).await.write(0, &"long ".repeat(1000));
    ada.send(UPDATES, &update).await;
    let event = |event: &DocumentUpdated| event.version == 1 && event.update.is_none();
    showcase.fake.assert_broadcast::<DocumentUpdated>(event);
    let grace = showcase.user(GRACE);
    assert!(Page::open(&grace).await.text().starts_with("long long"));
}

#[tokio::test]
async fn what_is_no_change_of_a_text_is_refused_and_harms_nobody() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let before = stored(&showcase).await;
    for bytes in hostile() {
        let answer = ada.send(UPDATES, &bytes).await;
        assert_refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, "This is no change of a text.");
    }
    let answer = ada.send(UPDATES, &[0; 49 * 1024]).await;
    assert_refused(&answer, StatusCode::PAYLOAD_TOO_LARGE, "That is too much at once.");
    assert_eq!(ada.forge(UPDATES, "x").await.status, StatusCode::FORBIDDEN);
    assert_eq!(ada.send("/document/2/updates", &[0, 0]).await.status, StatusCode::NOT_FOUND);
    showcase.fake.assert_nothing();
    assert_eq!(Page::open(&ada).await.text(), before);
}

/// What Yjs can say, but no browser with this page does.
fn hostile() -> Vec<Vec<u8>> {
    let made = |make: &dyn Fn(&mut yrs::TransactionMut<'_>)| {
        let doc = Doc::new();
        let _roots = (
            doc.get_or_insert_text("text"),
            doc.get_or_insert_text("other"),
            doc.get_or_insert_map("map"),
            doc.get_or_insert_array("text2"),
        );
        let mut transaction = doc.transact_mut();
        make(&mut transaction);
        transaction.encode_update_v1()
    };
    let text = |transaction: &yrs::TransactionMut<'_>| transaction.get_text("text").unwrap();
    let bold = || Attrs::from([("b".into(), true.into())]);
    // An array in an array, and so on: who reads it by recursion has no stack left.
    let mut nested = vec![1, 1, 9, 0, 8, 1, 4, b't', b'e', b'x', b't', 1];
    nested.extend([117, 1].repeat(20_000));
    vec![
        vec![],
        b"<script>alert(1)</script>".to_vec(),
        vec![0xff; 1000],
        // Four thousand million clients.
        vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0],
        nested,
        // A string that is no UTF-8, one that is empty, a carriage return.
        vec![1, 1, 9, 0, 4, 1, 4, b't', b'e', b'x', b't', 1, 0xff, 0],
        vec![1, 1, 9, 0, 4, 1, 4, b't', b'e', b'x', b't', 0, 0],
        made(&|t| text(t).insert(t, 0, "a\rb")),
        made(&|t| t.get_text("other").unwrap().insert(t, 0, "elsewhere")),
        made(&|t| text(t).insert_with_attributes(t, 0, "bold", bold())),
        made(&|t| _ = text(t).insert_embed(t, 0, Any::from("thing"))),
        made(&|t| _ = t.get_map("map").unwrap().insert(t, "key", 1)),
        made(&|t| _ = t.get_array("text2").unwrap().push_back(t, "elsewhere")),
    ]
}

#[track_caller]
fn assert_refused(answer: &Answer, status: StatusCode, problem: &str) {
    assert_eq!((answer.status, &*answer.problem()), (status, problem));
}

#[tokio::test]
async fn what_builds_on_changes_that_are_not_here_is_refused() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let page = Page::open(&ada).await;
    let never_sent = page.write(0, "a");
    // The one needs what is not here beside it, the other elsewhere only to be counted.
    let (stale, elsewhere) = (page.write(1, "b"), page.write(9, "c"));
    assert_eq!(ada.send(UPDATES, &elsewhere).await.status, StatusCode::CONFLICT);
    let answer = ada.send(UPDATES, &stale).await;
    assert_refused(&answer, StatusCode::CONFLICT, "This page was out of date. Please try again.");
    let answer = ada.send(UPDATES, &page.remove(0, 1)).await;
    assert_refused(&answer, StatusCode::CONFLICT, "This page was out of date. Please try again.");
    let answer = ada.get(&format!("{UPDATES}?after=7")).await;
    assert_refused(&answer, StatusCode::CONFLICT, "This page was out of date. Please try again.");
    assert_eq!(ada.send(UPDATES, &never_sent).await.status, StatusCode::OK);
    assert_eq!(ada.send(UPDATES, &stale).await.json()["version"], 2);
}

#[tokio::test]
async fn nobody_writes_under_the_number_of_somebody_else() {
    let showcase = Showcase::new().await;
    let (ada, grace) = (showcase.user(ADA), showcase.user(GRACE));
    let page = Page::open(&ada).await;
    ada.send(UPDATES, &page.write(0, "mine")).await;
    let forged = page.write(0, "not Ada’s");
    assert_eq!(grace.send(UPDATES, &forged).await.status, StatusCode::CONFLICT);
    assert!(stored(&showcase).await.starts_with("mineRelease"));
    assert_eq!(ada.send(UPDATES, &forged).await.json()["version"], 2);
}

#[tokio::test]
async fn a_text_that_would_be_too_long_is_refused() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let length = stored(&showcase).await.encode_utf16().count();
    let fits = "😀".repeat((CHARACTERS_MAX - length) / 2);
    assert_eq!(
        ada.send(UPDATES, &Page::open(&ada).await.write(0, &fits)).await.json()["version"],
        1
    );
    let answer = ada.send(UPDATES, &Page::open(&ada).await.write(0, "xx")).await;
    let length = length + fits.encode_utf16().count() + 2;
    let problem =
        format!("The text may have 7000 characters, with this change it would have {length}.");
    assert_refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, &problem);
    showcase.fake.assert_count::<DocumentUpdated>(1);
}

#[tokio::test]
async fn who_comes_late_gets_everything_also_when_old_updates_are_gone() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let (page, early) = (Page::open(&ada).await, Page::open(&ada).await);
    let first = page.write(0, "0");
    ada.send(UPDATES, &first).await;
    early.apply(&first);
    for n in 1..UPDATES_MAX + 20 {
        let update = if n % 3 == 0 { page.remove(0, 1) } else { page.write(0, &format!("{n} ")) };
        assert_eq!(ada.send(UPDATES, &update).await.json()["version"], n as i64 + 1);
    }
    let sql = "SELECT count(*) FROM document_updates";
    let kept: i64 = sqlx::query_scalar(sql).fetch_one(&showcase.app.db).await.unwrap();
    assert!(kept < 20, "{kept} updates are kept");
    assert_eq!(early.catch_up(&ada, 1).await, UPDATES_MAX as i64 + 20);
    assert_eq!(early.text(), page.text());
    assert_eq!(Page::open(&showcase.guest()).await.text(), page.text());
    assert_eq!(stored(&showcase).await, page.text());
}

#[tokio::test]
async fn a_document_is_full_when_too_much_was_deleted_from_it() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    for round in 0.. {
        // Each letter before the one before it: Yjs has to remember each by itself.
        let page = Page::open(&ada).await;
        let update = page.edit(|text, transaction| {
            (0..2000).for_each(|_| text.insert(transaction, 0, "x"));
            text.remove_range(transaction, 0, 2000);
        });
        let answer = ada.send(UPDATES, &update).await;
        if answer.status == StatusCode::CONFLICT {
            assert!(round > 5, "{round} rounds");
            assert!(answer.problem().contains("Please go on in a new document."));
            break;
        }
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert!(round < 50);
    }
    assert!(stored(&showcase).await.starts_with("Release notes"));
}

#[tokio::test]
async fn a_form_replaces_the_text_of_the_present_version_only() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let saved = ada.post("/document/1", "version=0&text=First%0D%0Asecond").await;
    assert_eq!(saved.status, StatusCode::NO_CONTENT);
    assert_eq!(stored(&showcase).await, "First\nsecond");
    let stale = showcase.guest().post("/document/1", "version=0&text=%3Ci%3Emine").await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(stale.text.contains("Somebody has changed the text since you opened this page"));
    assert!(stale.text.contains("\n&#60;i&#62;mine</textarea>"), "{}", stale.text);
    assert_eq!(stored(&showcase).await, "First\nsecond");
    let long = ada.post("/document/1", &format!("version=1&text={}", "x".repeat(7_001))).await;
    assert_eq!(long.status, StatusCode::UNPROCESSABLE_ENTITY);
    showcase.fake.assert_count::<DocumentUpdated>(1);
}

#[tokio::test]
async fn an_old_version_can_be_read_and_made_the_text_again() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    ada.post("/document/1", "version=0&text=<old>").await;
    // As if that had been a while ago.
    let sql = "UPDATE document_history SET minute = '2020-02-02T20:20Z'";
    sqlx::query(sql).execute(&showcase.app.db).await.unwrap();
    showcase.user(GRACE).post("/document/1", "version=1&text=new").await;
    let past = ada.get("/document/1/history/1").await.text;
    assert!(past.contains("&#60;old&#62;</pre>") && past.contains("Ada Lovelace"), "{past}");
    assert_eq!(ada.get("/document/1/history/7").await.status, StatusCode::NOT_FOUND);
    assert_eq!(ada.post("/document/1/history/1", "").await.json()["to"], "/document/1");
    assert_eq!(stored(&showcase).await, "<old>");
    assert!(ada.get("/document/1/history").await.text.contains("Grace Hopper, Ada Lovelace"));
}

#[tokio::test]
async fn users_begin_documents_and_guests_do_not() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let path = ada.post("/document", "title=Minutes").await.json()["to"].clone();
    let update = Page::open(&ada).await;
    assert!(!update.text().is_empty());
    assert!(ada.get(path.as_str().unwrap()).await.text.contains("Minutes"));
    assert_eq!(ada.post("/document", "title=+").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        showcase.guest().post("/document", "title=x").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn everybody_joins_the_channel_of_a_document_that_exists() {
    let showcase = Showcase::new().await;
    let gate = super::channels().with_state(showcase.app.clone());
    let guest = Visitor { key: "guest-1".into(), name: "Guest 1".into(), user: None };
    gate.assert_can_join(&guest, "presence-document.1").await;
    gate.assert_cannot_join(&guest, "presence-document.2").await;
}

/// Whatever bytes come: they are refused, or merged, and then the text is one that can be stored and loaded again.
#[test]
fn bytes_that_were_tampered_with_never_panic() {
    let seed = Replica::seed("Release notes\nand more 😀");
    let begin = || Replica::load([&*seed]).unwrap();
    let doc = Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        ..Options::with_client_id(ClientID::new(7))
    });
    let text = doc.get_or_insert_text("text");
    doc.transact_mut().apply_update(yrs::Update::decode_v1(&seed).unwrap()).unwrap();
    let begun = doc.transact().state_vector();
    for n in 0..6 {
        let mut transaction = doc.transact_mut();
        text.insert(&mut transaction, n * 2, "ab😀");
        text.remove_range(&mut transaction, n, 1);
    }
    let sent = doc.transact().encode_diff_v1(&begun);
    assert!(begin().merge(&Update::parse(&sent).unwrap()).unwrap());

    let rounds = std::env::var("ROUNDS").map_or(20_000, |rounds| rounds.parse().unwrap());
    let mut chance = 1_u64;
    let mut below = |limit: usize| {
        chance =
            chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) as usize % limit
    };
    let mut merged = 0;
    for _ in 0..rounds {
        let mut bytes = sent.clone();
        for _ in 0..=below(4) {
            let at = below(bytes.len());
            match below(4) {
                0 => bytes[at] = below(256) as u8,
                1 => bytes[at] = bytes[below(bytes.len())],
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, below(256) as u8),
            }
        }
        let Some(update) = Update::parse(&bytes) else { continue };
        let replica = begin();
        if replica.merge(&update).is_ok() {
            merged += 1;
            let again = Replica::load([&*replica.state()]).unwrap();
            assert_eq!(again.text(), replica.text());
        }
    }
    assert!(merged > rounds / 100, "{merged} of {rounds} were merged");
}

/// The record of activity is not one of each letter.
#[tokio::test]
async fn who_writes_on_is_recorded_once() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let page = Page::open(&ada).await;
    for letter in ["a", "b", "c"] {
        ada.send(UPDATES, &page.write(0, letter)).await;
    }
    let sql = "SELECT count(*) FROM activity_entries";
    let count: i64 = sqlx::query_scalar(sql).fetch_one(&showcase.app.db).await.unwrap();
    // Two, if a minute ended in between.
    assert!((1..=2).contains(&count), "{count}");
}
