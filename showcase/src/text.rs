//! Texts that people enter.

use crate::reply::Problem;

/// The text without the space around it, or a message for whoever entered it.
pub fn checked<'a>(what: &str, text: &'a str, characters_max: usize) -> Result<&'a str, Problem> {
    let text = text.trim();
    let is_visible = |c: char| !c.is_whitespace() && !c.is_control();
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
