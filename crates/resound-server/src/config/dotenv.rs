//! `.env` files, in the language of phpdotenv, which Laravel reads them with.
//!
//! A file that Laravel accepts means the same here: comments, `export`, quotes, escapes, `${OTHER}`,
//! values over several lines, and the rule that an unquoted value ends at a `#`. Deviations: a byte
//! order mark is passed over, and a line that means nothing is a [`Problem`] of this line only, where
//! phpdotenv refuses the whole file; a name without an equals sign is one too.

use std::ops::Range;

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct EnvFile {
    /// The variables in the order of the file; of two with one name the later counts.
    pub(crate) entries: Vec<Entry>,
    /// The lines that could not be read.
    pub(crate) problems: Vec<Problem>,
}

/// One variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) value: String,
    /// The line of the name, from 1.
    pub(crate) line: usize,
    /// Where in the file the value is written, with its quotes and without what follows it.
    pub(crate) span: Range<usize>,
    /// Variables that the value refers to and that nobody has set: they stay as they are written.
    pub(crate) unresolved: Vec<String>,
}

/// A line that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The name before the equals sign, if it is one.
    pub(crate) name: Option<String>,
    pub(crate) line: usize,
    pub(crate) cause: &'static str,
}

impl EnvFile {
    /// Reads a file. `outside` knows the variables of the process, which are stronger than those
    /// of the file, also within `${…}`.
    pub(crate) fn parse(text: &str, outside: impl Fn(&str) -> Option<String>) -> Self {
        let mut reader = Reader { text, at: 0, line: 1 };
        reader.skip_byte_order_mark();
        let mut file = Self::default();
        while let Some((line, entry)) = reader.next_entry() {
            match entry {
                Ok(raw) => {
                    let entry = file.resolve(line, raw, &outside);
                    file.entries.push(entry);
                }
                Err((name, cause)) => file.problems.push(Problem { name, line, cause }),
            }
        }
        file
    }

    /// The last entry of this name.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.name == name)
    }

    /// Puts the variables in. phpdotenv goes from the last `$` to the first, so that `${A${B}}`
    /// works and a value that was put in is not looked through again.
    fn resolve(&self, line: usize, raw: Raw, outside: impl Fn(&str) -> Option<String>) -> Entry {
        let mut value = raw.value;
        let mut unresolved = Vec::new();
        for at in raw.variables.into_iter().rev() {
            let Some(name) = variable(&value[at..]).map(str::to_owned) else { continue };
            let inside = || self.entry(&name).map(|entry| entry.value.clone());
            match outside(&name).or_else(inside) {
                Some(put_in) => value.replace_range(at..at + name.len() + 3, &put_in),
                None => unresolved.push(name),
            }
        }
        Entry { name: raw.name, value, line, span: raw.span, unresolved }
    }
}

/// The name in a text that begins with `${name}`.
fn variable(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix("${")?.split_once('}')?;
    is_name(name).then_some(name)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
}

/// An entry before its variables are put in.
struct Raw {
    name: String,
    value: String,
    /// Where in `value` there is a `$` that may begin a variable.
    variables: Vec<usize>,
    span: Range<usize>,
}

/// A bad line: the name if there is one, and what is wrong.
type Bad = (Option<String>, &'static str);

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Reader<'a> {
    fn skip_byte_order_mark(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
    }

    /// Takes the next line that is neither empty nor a comment, and what belongs to it.
    fn next_entry(&mut self) -> Option<(usize, Result<Raw, Bad>)> {
        while self.at < self.text.len() {
            let (start, number) = (self.at, self.line);
            let line = self.take_line();
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            return Some((number, self.entry(start, line)));
        }
        None
    }

    /// Takes the rest of the line, without its end: LF, CR LF or CR.
    fn take_line(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let ending = match &rest.as_bytes()[end..] {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            [..] => 1,
        };
        self.at += end + ending;
        self.line += 1;
        &rest[..end]
    }

    fn entry(&mut self, start: usize, line: &'a str) -> Result<Raw, Bad> {
        let (left, right) = match line.split_once('=') {
            Some((left, right)) => (left, Some(right)),
            None => (line, None),
        };
        let name = name(left).ok_or((None, "the name is not one of letters, digits, _ and ."))?;
        let bad = |cause| (Some(name.to_owned()), cause);
        let Some(right) = right else {
            return Err(bad("there is no equals sign"));
        };
        let value_start = start + left.len() + 1 + (right.len() - right.trim_start().len());
        let mut value = Text::default();
        let length = if right.trim_start().starts_with('"') {
            self.double_quoted(value_start, &mut value)
        } else {
            one_line(right.trim(), &mut value)
        };
        let span = match length.map_err(bad)? {
            // Nothing is written: its place is behind the equals sign, in front of any comment.
            0 => start + left.len() + 1..start + left.len() + 1,
            length => value_start..value_start + length,
        };
        Ok(Raw { name: name.to_owned(), value: value.text, variables: value.variables, span })
    }

    /// Reads a value in double quotes, which may go over lines, and returns its length in the file.
    fn double_quoted(&mut self, start: usize, value: &mut Text) -> Result<usize, &'static str> {
        let length = quoted(&self.text[start..], value)?;
        let end = start + length;
        let next_line = (self.at, self.line);
        while self.at < end {
            self.take_line();
        }
        if let Err(cause) = nothing_but_a_comment(&self.text[end..self.at]) {
            // The quote that was found may be the next value's: of this value only its line is bad.
            (self.at, self.line) = next_line;
            return Err(cause);
        }
        Ok(length)
    }
}

/// The name of the left side: without `export` and quotes.
fn name(left: &str) -> Option<&str> {
    let mut name = left.trim();
    if let Some(rest) = name.strip_prefix("export")
        && rest.starts_with([' ', '\t'])
    {
        name = rest.trim_start();
    }
    for quote in ['"', '\''] {
        name = name.strip_prefix(quote).and_then(|n| n.strip_suffix(quote)).unwrap_or(name);
    }
    is_name(name).then_some(name)
}

/// A value that grows.
#[derive(Default)]
struct Text {
    text: String,
    variables: Vec<usize>,
}

impl Text {
    fn push(&mut self, character: char) {
        if character == '$' {
            self.variables.push(self.text.len());
        }
        self.text.push(character);
    }
}

/// Reads a value that is unquoted or in single quotes, and returns its length.
fn one_line(text: &str, value: &mut Text) -> Result<usize, &'static str> {
    if let Some(rest) = text.strip_prefix('\'') {
        let end = rest.find('\'').ok_or("there is no closing quote")?;
        value.text.push_str(&rest[..end]);
        nothing_but_a_comment(&rest[end + 1..])?;
        return Ok(end + 2);
    }
    let end = text.find(|c: char| c == '#' || c.is_ascii_whitespace()).unwrap_or(text.len());
    text[..end].chars().for_each(|character| value.push(character));
    nothing_but_a_comment(&text[end..])?;
    Ok(end)
}

/// Reads a value in double quotes from the beginning of the text, and returns its length.
fn quoted(text: &str, value: &mut Text) -> Result<usize, &'static str> {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok(at + 1),
            '\\' => match characters.next().map(|(_, escaped)| escaped) {
                Some(escaped @ ('"' | '\\' | '$')) => value.text.push(escaped),
                Some('n') => value.text.push('\n'),
                Some('r') => value.text.push('\r'),
                Some('t') => value.text.push('\t'),
                Some('f') => value.text.push('\u{c}'),
                Some('v') => value.text.push('\u{b}'),
                _ => return Err("there is an escape that does not exist"),
            },
            // Lines of a value are joined by LF, whatever the file's ends of lines are.
            '\r' => {
                characters.next_if(|(_, next)| *next == '\n');
                value.text.push('\n');
            }
            _ => value.push(character),
        }
    }
    Err("there is no closing quote")
}

fn nothing_but_a_comment(rest: &str) -> Result<(), &'static str> {
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        return Ok(());
    }
    Err("a value with blanks needs quotes around it")
}

#[cfg(test)]
#[path = "dotenv_tests.rs"]
mod tests;
