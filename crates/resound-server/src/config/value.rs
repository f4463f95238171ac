//! A value on its way from a source to a setting: what was written, and where.

use std::{fmt, ops::RangeInclusive};

/// What a reader wanted to see, for the sentence `… is "x", expected …`.
pub(crate) type Expected = String;

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) raw: Raw,
    pub(crate) origin: Origin,
}

/// A value as its source wrote it. Flags and the environment know only texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Raw {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Self>),
    /// Keys with their values; one that stands for itself is many settings.
    Table(Vec<(String, Self)>),
    /// A kind of TOML value that no setting takes, by its name.
    Other(&'static str),
}

/// Where a value was written, in the words of error messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag {
        name: String,
    },
    Environment {
        name: String,
    },
    EnvFile {
        name: String,
        file: String,
        line: usize,
    },
    File {
        key: String,
        file: String,
        line: usize,
    },
    /// The default of the server whose configuration is read.
    Default {
        of: &'static str,
    },
}

impl Origin {
    /// Says whether the value came from an environment variable, be it out of a file.
    pub(crate) fn is_environment(&self) -> bool {
        matches!(self, Self::Environment { .. } | Self::EnvFile { .. })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag { name } => f.write_str(name),
            Self::Environment { name } => write!(f, "{name} in the environment"),
            Self::EnvFile { name, file, line } => write!(f, "{name} in {file}:{line}"),
            Self::File { key, file, line } => write!(f, "{key} in {file}:{line}"),
            Self::Default { of } => write!(f, "the default of {of}"),
        }
    }
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Boolean(boolean) => write!(f, "{boolean}"),
            Self::List(list) => {
                let list: Vec<_> = list.iter().map(Self::to_string).collect();
                write!(f, "[{}]", list.join(", "))
            }
            Self::Table(_) => f.write_str("a table"),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}

impl Value {
    /// Reads a text; a bare number of TOML counts as one, so that `id = 1001` works.
    pub(crate) fn text(&self) -> Result<String, Expected> {
        match &self.raw {
            Raw::Text(text) => Ok(text.clone()),
            Raw::Integer(integer) => Ok(integer.to_string()),
            Raw::Boolean(_) | Raw::List(_) | Raw::Table(_) | Raw::Other(_) => {
                Err("a text".to_owned())
            }
        }
    }

    /// Reads a whole number within the range.
    pub(crate) fn integer(&self, range: RangeInclusive<u64>) -> Result<u64, Expected> {
        let number = match &self.raw {
            Raw::Text(text) => text.trim().parse().ok(),
            Raw::Integer(integer) => u64::try_from(*integer).ok(),
            Raw::Boolean(_) | Raw::List(_) | Raw::Table(_) | Raw::Other(_) => None,
        };
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
    }

    /// Reads a whole number of 32 bits.
    pub(crate) fn count(&self, range: RangeInclusive<u32>) -> Result<u32, Expected> {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        Ok(u32::try_from(self.integer(range)?).expect("the range is one of 32 bits"))
    }

    /// Reads a number of bytes or things.
    pub(crate) fn size(&self, range: RangeInclusive<u32>) -> Result<usize, Expected> {
        Ok(self.count(range)? as usize)
    }

    /// Reads a limit, in which 0 stands for none.
    pub(crate) fn limit(&self) -> Result<Option<u32>, Expected> {
        let limit =
            self.count(0..=u32::MAX).map_err(|expected| format!("{expected}, 0 for no limit"))?;
        Ok(Some(limit).filter(|limit| *limit > 0))
    }

    /// Reads a switch in any of the spellings that Laravel's `env()` and people use.
    pub(crate) fn switch(&self) -> Result<bool, Expected> {
        let text = match &self.raw {
            Raw::Boolean(boolean) => return Ok(*boolean),
            Raw::Text(text) => text.trim().to_ascii_lowercase(),
            Raw::Integer(integer) => integer.to_string(),
            Raw::List(_) | Raw::Table(_) | Raw::Other(_) => String::new(),
        };
        match text.as_str() {
            "true" | "(true)" | "1" | "on" | "yes" => Ok(true),
            "false" | "(false)" | "0" | "off" | "no" => Ok(false),
            _ => Err("true or false".to_owned()),
        }
    }

    /// Reads a list of texts: of TOML a list, of the environment a text with commas.
    pub(crate) fn list(&self) -> Result<Vec<String>, Expected> {
        let expected = || "a list of texts".to_owned();
        match &self.raw {
            Raw::Text(text) => Ok(text
                .split(',')
                .map(|entry| entry.trim().to_owned())
                .filter(|entry| !entry.is_empty())
                .collect()),
            Raw::List(list) => list
                .iter()
                .map(|entry| match entry {
                    Raw::Text(text) => Ok(text.clone()),
                    Raw::Integer(_)
                    | Raw::Boolean(_)
                    | Raw::List(_)
                    | Raw::Table(_)
                    | Raw::Other(_) => Err(expected()),
                })
                .collect(),
            Raw::Integer(_) | Raw::Boolean(_) | Raw::Table(_) | Raw::Other(_) => Err(expected()),
        }
    }

    /// Reads one of a few words.
    pub(crate) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Expected> {
        let text = self.text().unwrap_or_default();
        let found = words.iter().find(|(word, _)| *word == text.trim());
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            words.join(" or ")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        let origin = Origin::Environment { name: "NAME".to_owned() };
        Value { raw: Raw::Text(text.to_owned()), origin }
    }

    #[test]
    fn switches_have_the_spellings_of_laravel_and_of_people() {
        for text in ["true", "TRUE", "(true)", "1", "on", "yes", " true "] {
            assert_eq!(value(text).switch(), Ok(true), "{text:?}");
        }
        for text in ["false", "False", "(false)", "0", "off", "no"] {
            assert_eq!(value(text).switch(), Ok(false), "{text:?}");
        }
        for text in ["", "ja", "2", "truee"] {
            assert_eq!(value(text).switch(), Err("true or false".to_owned()), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_whole_and_within_their_range() {
        assert_eq!(value(" 80 ").integer(0..=65_535), Ok(80));
        for text in ["", "80a", "-1", "65536", "1.5", "1e3", "99999999999999999999999"] {
            let expected = "a whole number from 0 to 65535".to_owned();
            assert_eq!(value(text).integer(0..=65_535), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn zero_as_a_limit_is_none() {
        assert_eq!(value("0").limit(), Ok(None));
        assert_eq!(value("7").limit(), Ok(Some(7)));
    }

    #[test]
    fn a_list_in_the_environment_has_commas() {
        assert_eq!(value("a, b,,c ").list(), Ok(vec!["a".into(), "b".into(), "c".into()]));
    }
}
