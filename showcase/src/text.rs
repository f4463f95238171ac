//! Texts that people enter.

use crate::reply::Problem;

const DRAFT_CHARACTERS_MAX: usize = 40;

/// The text without the space around it, or a message for whoever entered it.
pub fn checked<'a>(what: &str, text: &'a str, characters_max: usize) -> Result<&'a str, Problem> {
    let text = text.trim();
    // SQLite takes a zero for the end.
    if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Problem::invalid(format!("{what} may have no control characters.")));
    }
    if !text.contains(is_visible) {
        return Err(Problem::invalid(format!("{what} needs a text.")));
    }
    let count = text.chars().count();
    if count > characters_max {
        return Err(Problem::invalid(format!(
            "{what} may have {characters_max} characters, this one has {count}."
        )));
    }
    Ok(text)
}

fn is_visible(c: char) -> bool {
    // Spaces of no width, marks of direction and the like.
    let is_format = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_whitespace() && !c.is_control() && !is_format
}

/// What names a form that is about to be sent: sent twice, because an answer was lost, it is still done once.
pub fn draft(text: &str) -> Result<&str, Problem> {
    checked("A draft", text, DRAFT_CHARACTERS_MAX)
}

/// An amount for people.
pub fn euros(cents: i64) -> String {
    format!("€{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn a_text_has_something_to_see_and_no_control_characters() {
        assert_eq!(checked("It", " Ada\r\n\tLovelace 👩‍💻 ", 40), Ok("Ada\r\n\tLovelace 👩‍💻"));
        for text in ["", " \n", "\u{200b}\u{feff}"] {
            assert_eq!(checked("It", text, 40).unwrap_err().message, "It needs a text.");
        }
        for text in ["\0", "a\0", "a\u{7}b"] {
            let problem = checked("It", text, 40).unwrap_err();
            assert_eq!(problem.message, "It may have no control characters.");
        }
    }
}
