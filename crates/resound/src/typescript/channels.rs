//! Names of channels as types of TypeScript.

use std::collections::BTreeSet;

/// Names by the kind of channel, without the prefix: what a page gives to Echo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Patterns([BTreeSet<String>; 4]);

/// The kinds, as Echo's typed names call them, and their prefixes; the longer prefix before the shorter.
const KINDS: [(&str, &str); 4] = [
    ("encrypted", "private-encrypted-"),
    ("private", "private-"),
    ("presence", "presence-"),
    ("public", ""),
];

impl Patterns {
    pub(super) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut patterns = Self::default();
        names.into_iter().for_each(|name| patterns.add(name));
        patterns
    }

    /// Adds a full name, with braces around what differs; `{}` is any channel of any kind.
    pub(super) fn add(&mut self, name: &str) {
        if name == "{}" {
            for names in &mut self.0 {
                names.insert("string".to_owned());
            }
            return;
        }
        let found = KINDS
            .iter()
            .zip(&mut self.0)
            .find_map(|((_, prefix), names)| name.strip_prefix(prefix).map(|name| (names, name)));
        if let Some((names, name)) = found {
            names.insert(template(name));
        }
    }

    /// `public: …; private: …;` and so on; `never` where there is none.
    pub(super) fn members(&self) -> String {
        let member = |((kind, _), names): (&(&str, &str), &BTreeSet<String>)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let names = if names.is_empty() { "never".to_owned() } else { names.join(" | ") };
            format!("{kind}: {names};")
        };
        KINDS.iter().zip(&self.0).rev().map(member).collect::<Vec<_>>().join(" ")
    }
}

/// `orders.{id}` is `` `orders.${string}` ``.
fn template(name: &str) -> String {
    let mut text = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, end)) = after.split_once('}') else { break };
        text.push_str(&escaped(before));
        text.push_str("${string}");
        rest = end;
    }
    text.push_str(&escaped(rest));
    if text == "${string}" { "string".to_owned() } else { format!("`{text}`") }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('`', "\\`").replace("${", "\\${")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_by_their_kind() {
        let names =
            ["news", "private-orders.{id}", "private-encrypted-a", "presence-{}", "private-b"];
        assert_eq!(
            Patterns::of(names).members(),
            "public: `news`; presence: string; private: `b` | `orders.${string}`; encrypted: `a`;"
        );
        assert_eq!(
            Patterns::of(["{}"]).members(),
            "public: string; presence: string; private: string; encrypted: string;"
        );
        assert_eq!(Patterns::of([]).members().matches("never").count(), 4);
    }

    #[test]
    fn what_means_something_to_typescript_is_escaped() {
        assert_eq!(template(r"a`b\c{d}$"), r"`a\`b\\c${string}$`");
    }
}
