//! What the log shows of an application's answer: its beginning, on one line, without secrets.

use hyper::header;

use crate::authorise::case::Case;

/// Characters of an excerpt.
const CHARACTERS_MAX: usize = 200;
/// Bytes that are looked at.
const BYTES_MAX: usize = 4096;
/// Characters of a page's title.
const TITLE_CHARACTERS_MAX: usize = 80;
/// A value that is shorter is no secret, and likely to be in any text.
const SECRET_MIN: usize = 8;

/// The beginning of a body. What the client sent to identify itself is hidden: error pages like to show
/// the request.
pub(crate) fn of_body(case: &Case, body: &[u8]) -> String {
    let beginning = &body[..body.len().min(BYTES_MAX)];
    let mut text = String::from_utf8_lossy(beginning).into_owned();
    for secret in secrets(case) {
        text = text.replace(&secret, "(hidden)");
    }
    one_line(&text, CHARACTERS_MAX)
}

/// A text as it may stand in the log: blanks drawn together, what is not printable escaped, cut.
pub(crate) fn one_line(text: &str, characters_max: usize) -> String {
    let mut line = String::new();
    let words = text.split(|c: char| c.is_whitespace()).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            line.push(' ');
        }
        for c in word.chars() {
            match c {
                '"' | '\'' | '\\' => line.push(c),
                other => line.extend(other.escape_debug()),
            }
        }
        if line.len() > characters_max * 10 {
            break;
        }
    }
    match line.char_indices().nth(characters_max) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

/// The title of a page.
pub(crate) fn title(case: &Case, body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(BYTES_MAX)]).into_owned();
    let lower = text.to_ascii_lowercase();
    let tag = lower.find("<title")?;
    let start = tag + lower[tag..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    let mut title = text[start..end].to_owned();
    for secret in secrets(case) {
        title = title.replace(&secret, "(hidden)");
    }
    let title = one_line(&title, TITLE_CHARACTERS_MAX);
    (!title.is_empty()).then_some(title)
}

/// The values of the cookies, and all that the client gave in its headers.
fn secrets(case: &Case) -> impl Iterator<Item = String> {
    let given = case.question.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let cookie = case.question.handshake.cookie.as_deref().map(|value| ("cookie", value));
    let values = given.chain(cookie).filter(|(name, _)| {
        ![header::ACCEPT, header::REFERER, header::ORIGIN, header::USER_AGENT]
            .iter()
            .any(|open| open.as_str().eq_ignore_ascii_case(name))
    });
    let words = values.flat_map(|(_, value)| value.split([' ', ';', ',']));
    let words = words.map(|word| match word.split_once('=') {
        Some((_, value)) if !value.trim_matches('=').is_empty() => value,
        _ => word,
    });
    let secrets: Vec<_> =
        words.filter(|word| word.len() >= SECRET_MIN).map(str::to_owned).collect();
    secrets.into_iter()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        authorise::tests::desk::{config, with_headers},
        config::AuthConfig,
    };

    fn case(headers: &[(&str, &str)]) -> Case {
        let config: AuthConfig = config("http://localhost");
        Case::new(with_headers("private-a", headers), &Arc::new(config))
    }

    #[test]
    fn a_line_has_no_breaks_and_nothing_that_moves_the_cursor() {
        assert_eq!(one_line(" a\r\n\tb\u{a0}c ", 10), "a b c");
        assert_eq!(
            one_line("\u{1b}[2J\u{8}\0\u{202e}\u{feff}", 99),
            r"\u{1b}[2J\u{8}\0\u{202e}\u{feff}"
        );
        assert_eq!(one_line(r#"{"a":"it's \\"}"#, 99), r#"{"a":"it's \\"}"#);
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        assert_eq!(one_line("ééé", 3), "ééé");
        assert_eq!(one_line("éééé", 3), "ééé…");
        assert_eq!(one_line(&"x".repeat(1 << 20), 200).chars().count(), 201);
    }

    #[test]
    fn secrets_are_hidden_before_the_text_is_cut() {
        let case = case(&[("Authorization", "Bearer s3cr3t-t0ken")]);
        let body = format!("{} s3cr3t-t0ken", "x".repeat(CHARACTERS_MAX - 5));
        assert!(of_body(&case, body.as_bytes()).ends_with(" (hid…"));
    }

    #[test]
    fn what_a_browser_sends_anyway_is_no_secret() {
        let case = case(&[("Accept", "application/json"), ("X-Short", "en-GB")]);
        assert_eq!(of_body(&case, b"application/json en-GB"), "application/json en-GB");
    }

    #[test]
    fn cookies_are_hidden_by_their_values() {
        let case = case(&[("Cookie", "name_of_it=dmFsdWU9PQ==; b=2"), ("X-Key", "aGVsbG8h==")]);
        let body = b"name_of_it dmFsdWU9PQ== 2 aGVsbG8h==";
        assert_eq!(of_body(&case, body), "name_of_it (hidden) 2 (hidden)");
    }

    #[test]
    fn a_page_is_known_by_its_title() {
        let title = |body: &str| title(&case(&[]), body.as_bytes());
        assert_eq!(title("<HTML><TITLE lang=en>\n Log in\n</TITLE>").as_deref(), Some("Log in"));
        for without in ["", "<title>", "<title></title>", "<title", "</title><title>", "{}"] {
            assert_eq!(title(without), None, "{without:?}");
        }
    }
}
