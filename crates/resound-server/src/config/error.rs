//! What is wrong with a configuration: all of it at once, each with its place and what is allowed.

use std::fmt;

use thiserror::Error;

/// Everything that is wrong, in the order in which it was found. Never empty.
#[derive(Debug)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [error] = &*self.0 {
            return write!(f, "{error}");
        }
        write!(f, "the configuration has {} errors", self.0.len())?;
        self.0.iter().try_for_each(|error| write!(f, "\n  - {error}"))
    }
}

/// One thing that is wrong. The texts never hold a secret.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A setting has a value that it cannot have.
    #[error("{origin} is {shown}, expected {expected}")]
    Value {
        /// The name of the setting and where it is written.
        origin: String,
        /// The value as it is written, or `(hidden)`.
        shown: String,
        /// What is allowed.
        expected: String,
    },
    /// A key of `resound.toml` that is none.
    #[error("{origin} is no setting{}", suggestion(.nearest.as_deref()))]
    UnknownKey {
        /// The key and where it is written.
        origin: String,
        /// The known key that looks most like it.
        nearest: Option<String>,
    },
    /// A file that exists or was named cannot be read.
    #[error("cannot read {file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// A place in a file that means nothing.
    #[error("{file}:{line}: {cause}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        cause: String,
    },
    /// An application without one of its credentials.
    #[error("{app} has no {missing}")]
    PartialApp {
        /// Which application, and what it has.
        app: String,
        /// What it lacks.
        missing: String,
    },
    /// Two applications with one id or one key.
    #[error("two apps have the {what} {value:?}: {first} and {second}")]
    Duplicate {
        /// `id` or `key`.
        what: &'static str,
        /// The id or key.
        value: String,
        /// Where the first one is written.
        first: String,
        /// Where the second one is written.
        second: String,
    },
    /// A secret that anybody knows, on an address that anybody may reach.
    #[error(
        "the secret of {app} is a well-known one, and {address} can be reached from outside: \
         anybody could publish. Run `resound init` for a secret of your own, or use --host 127.0.0.1 \
         or --allow-insecure-secret"
    )]
    InsecureSecret {
        /// Which application.
        app: String,
        /// The address that would be bound.
        address: String,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || ", `resound start --help` lists them".to_owned(),
        |nearest| format!(", did you mean {nearest}?"),
    )
}

/// The known name that looks most like this one, if they differ in few characters.
pub(crate) fn nearest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    differences_max: usize,
) -> Option<&'a str> {
    let differences = |known: &str| strsim::osa_distance(name, known);
    let nearest = known.into_iter().min_by_key(|known| differences(known))?;
    (differences(nearest) <= differences_max).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_that_looks_alike() {
        let known = ["port", "path", "public_port", "max_connections"];
        assert_eq!(nearest("prot", known, 2), Some("port"));
        assert_eq!(nearest("max_conections", known, 2), Some("max_connections"));
        assert_eq!(nearest("public-port", known, 2), Some("public_port"));
        assert_eq!(nearest("colour", known, 2), None);
    }
}
