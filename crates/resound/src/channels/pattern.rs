//! Names with parameters: `orders.{id}`.
//!
//! As in Laravel a parameter is one or more characters other than a dot, and a pattern fits the whole name.
//! Everything else stands for itself, where Laravel takes it for a regular expression.

/// A pattern that is well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: Box<str>,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Box<str>),
    Parameter(Box<str>),
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternFault {
    #[error("it is empty")]
    Empty,
    #[error("its braces are not balanced")]
    Braces,
    #[error("a parameter has no name, or one with other characters than letters, digits and _")]
    Name,
    #[error("two parameters have the same name")]
    Repeated,
    #[error(
        "it begins with the prefix of a kind of channel, which is stripped before names are compared"
    )]
    Prefix,
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, PatternFault> {
        if text.is_empty() {
            return Err(PatternFault::Empty);
        }
        if strip_prefix(text).is_some() {
            return Err(PatternFault::Prefix);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, end) = after.split_once('}').ok_or(PatternFault::Braces)?;
            pieces.push(literal(before)?);
            pieces.push(parameter(name, &pieces)?);
            rest = end;
        }
        pieces.push(literal(rest)?);
        pieces.retain(|piece| *piece != Piece::Literal("".into()));
        Ok(Self { text: text.into(), pieces })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The parameters if the name fits. Where several divisions fit, earlier parameters take as much as they can.
    pub(crate) fn parameters<'p, 'n>(&'p self, name: &'n str) -> Option<Vec<(&'p str, &'n str)>> {
        let fits = self.fits(name);
        fits[0][0].then(|| self.walk(name, &fits))
    }

    /// For each piece and each place in the name: whether the rest of the pattern fits the rest of the name.
    /// Worked out from the end, which takes no more steps than pieces times the square of the name.
    fn fits(&self, name: &str) -> Vec<Vec<bool>> {
        let mut fits = vec![vec![false; name.len() + 1]; self.pieces.len() + 1];
        fits[self.pieces.len()][name.len()] = true;
        for (at, piece) in self.pieces.iter().enumerate().rev() {
            for from in (0..=name.len()).filter(|from| name.is_char_boundary(*from)) {
                fits[at][from] = ends(piece, name, from).any(|to| fits[at + 1][to]);
            }
        }
        fits
    }

    fn walk<'p, 'n>(&'p self, name: &'n str, fits: &[Vec<bool>]) -> Vec<(&'p str, &'n str)> {
        let (mut parameters, mut from) = (Vec::new(), 0);
        for (at, piece) in self.pieces.iter().enumerate() {
            let Some(to) = ends(piece, name, from).filter(|to| fits[at + 1][*to]).last() else {
                break;
            };
            if let Piece::Parameter(key) = piece {
                parameters.push((&**key, &name[from..to]));
            }
            from = to;
        }
        parameters
    }
}

/// Where a piece that begins at `from` may end.
fn ends<'n>(piece: &Piece, name: &'n str, from: usize) -> Box<dyn Iterator<Item = usize> + 'n> {
    let rest = &name[from..];
    match piece {
        Piece::Literal(text) => {
            Box::new(rest.starts_with(&**text).then_some(from + text.len()).into_iter())
        }
        Piece::Parameter(_) => {
            let chars = rest.char_indices().take_while(|(_, c)| *c != '.');
            Box::new(chars.map(move |(at, c)| from + at + c.len_utf8()))
        }
    }
}

fn literal(text: &str) -> Result<Piece, PatternFault> {
    if text.contains('}') { Err(PatternFault::Braces) } else { Ok(Piece::Literal(text.into())) }
}

fn parameter(name: &str, before: &[Piece]) -> Result<Piece, PatternFault> {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !is_name {
        return Err(PatternFault::Name);
    }
    let piece = Piece::Parameter(name.into());
    if before.contains(&piece) { Err(PatternFault::Repeated) } else { Ok(piece) }
}

/// The name without the prefix of a guarded channel, tried in Laravel's order.
pub(crate) fn strip_prefix(name: &str) -> Option<&str> {
    ["private-encrypted-", "private-", "presence-"].iter().find_map(|p| name.strip_prefix(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pattern: &str, name: &str) -> Option<String> {
        let pattern = Pattern::parse(pattern).expect("a pattern");
        let found = pattern.parameters(name)?;
        Some(
            found.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "),
        )
    }

    /// Laravel's own table, tests/Broadcasting/BroadcasterTest.php.
    #[test]
    fn names_fit_patterns_as_in_laravel() {
        for (name, pattern, fits) in [
            ("something.23", "something.{id}", true),
            ("something.23.test.42", "something.{id}.test.{id2}", true),
            ("something-23:test-42", "something-{id}:test-{id2}", true),
            ("23:string:test", "{id}:string:{text}", true),
            ("something..test.42", "something.{id}.test.{id2}", false),
            ("something.23", "something", false),
            ("something-23-test-42", "something-{id}-test", false),
            ("customer.order.1", "order.{id}", false),
            ("customerorder.1", "order.{id}", false),
        ] {
            assert_eq!(parameters(pattern, name).is_some(), fits, "{name} {pattern}");
        }
    }

    #[test]
    fn parameters_take_what_they_can_and_leave_what_others_need() {
        assert_eq!(parameters("{a}-{b}", "1-2-3").as_deref(), Some("a=1-2 b=3"));
        assert_eq!(parameters("{a}{b}", "xyz").as_deref(), Some("a=xy b=z"));
        assert_eq!(parameters("{a}{b}", "x"), None);
        assert_eq!(parameters("{a}:é:{b}", "ö:é:ü").as_deref(), Some("a=ö b=ü"));
        assert_eq!(
            parameters("App.Models.User.{id}", "App.Models.User.1").as_deref(),
            Some("id=1")
        );
        assert_eq!(parameters("App.Models.User.{id}", "AppXModels.User.1"), None);
        assert_eq!(parameters("a+", "a+").as_deref(), Some(""));
        assert_eq!(parameters("a+", "aa"), None);
    }

    #[test]
    fn a_name_that_invites_backtracking_is_decided_at_once() {
        let pattern = "{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}x";
        assert_eq!(parameters(pattern, &"-a".repeat(100)), None);
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (text, fault) in [
            ("", PatternFault::Empty),
            ("a.{id", PatternFault::Braces),
            ("a.id}", PatternFault::Braces),
            ("a.{}", PatternFault::Name),
            ("a.{i d}", PatternFault::Name),
            ("{a}.{a}", PatternFault::Repeated),
            ("private-orders.{id}", PatternFault::Prefix),
        ] {
            assert_eq!(Pattern::parse(text), Err(fault), "{text}");
        }
    }
}
