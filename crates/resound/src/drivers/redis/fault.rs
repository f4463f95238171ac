//! What Redis says when it says no, and what there is to do about it.

use redis::{ErrorKind, RedisError};

use crate::{drivers::redis::options::RedisOptions, error::DriverError};

/// What passes by itself: Redis starts, is busy, or is not the one to talk to while a failover is under way.
const PASSING: [&str; 9] = [
    "LOADING",
    "BUSY",
    "READONLY",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "OOM",
    "MISCONF",
    "NOREPLICAS",
];

/// What Redis says before it repeats the arguments of a command.
const ARGUMENTS: &str = "with args beginning with";

const LOGIN_UNKNOWN: &str =
    "REDIS_PASSWORD and REDIS_USERNAME (or those in REDIS_URL) are not what it knows";

/// The error in the library's words.
pub(super) fn of(options: &RedisOptions, error: &RedisError) -> DriverError {
    let server = options.address();
    let text = text(error);
    let message = format!("redis at {server} says: {text}");
    let is_passing = PASSING.contains(&error.code().unwrap_or_default())
        || text.contains("max number of clients");
    if is_passing {
        return DriverError::Unavailable(message);
    }
    if let Some(advice) = advice(error, &text, options) {
        return DriverError::Refused(format!("{message}; {advice}"));
    }
    let kind = error.kind();
    if matches!(kind, ErrorKind::Server(_) | ErrorKind::Extension) {
        return DriverError::Refused(message);
    }
    if matches!(kind, ErrorKind::Parse | ErrorKind::UnexpectedReturnType) {
        let message = format!("what answers at {server} does not speak the protocol of redis");
        return DriverError::Refused(message);
    }
    DriverError::Unavailable(format!("redis at {server} can't be reached: {text}"))
}

/// Whether scripts are what is forbidden, rather than what this one does.
pub(super) fn forbids_scripts(error: &RedisError) -> bool {
    let text = text(error).to_lowercase();
    text.contains("'eval'") || text.contains("`eval`")
}

/// What Redis or the system says, without the words that the crate puts in front.
///
/// Who does not know a command repeats it, which may be a password, or what is published.
pub(super) fn text(error: &RedisError) -> String {
    let text = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    };
    match text.split_once(ARGUMENTS) {
        Some((before, _)) => before.trim_end_matches([',', ' ']).to_owned(),
        None => text,
    }
}

fn advice(error: &RedisError, text: &str, options: &RedisOptions) -> Option<String> {
    // Within a script it has no code of its own.
    if error.code() == Some("NOPERM") || text.contains("user executing the script can't") {
        let prefix = &options.prefix;
        return Some(format!("the user needs `+publish`, `+eval` and `&{prefix}*` (ACL SETUSER)"));
    }
    let wants_password = text.starts_with("NOAUTH");
    let advice = match (wants_password, options.login()) {
        (true, None) => {
            "it wants a password: set REDIS_PASSWORD, and REDIS_USERNAME for a user of its ACL"
        }
        (true, Some(_)) => LOGIN_UNKNOWN,
        (false, _) if text.starts_with("WRONGPASS") || text.contains("invalid password") => {
            LOGIN_UNKNOWN
        }
        (false, _) if text.contains("called without any password") => {
            "it has no password: leave REDIS_PASSWORD empty"
        }
        (false, _) => return None,
    };
    Some(advice.to_owned())
}

#[cfg(test)]
mod tests {
    use redis::make_extension_error;

    use super::*;

    #[track_caller]
    fn check(code: &str, detail: &str, expected: &str) {
        let error = make_extension_error(code.to_owned(), Some(detail.to_owned()));
        let (kind, message) = match of(&RedisOptions::new("redis://:s3cret@h"), &error) {
            DriverError::Unavailable(message) => ("later", message),
            DriverError::Ended(message) => ("never", message),
            DriverError::Refused(message) => ("no", message),
        };
        assert_eq!(format!("{kind}: {message}"), expected);
        assert!(!message.contains("s3cret"));
    }

    #[test]
    fn what_passes_by_itself_is_tried_again() {
        for code in PASSING {
            check(code, "wait", &format!("later: redis at h:6379 says: {code} wait"));
        }
        let full = "max number of clients reached";
        check("ERR", full, &format!("later: redis at h:6379 says: ERR {full}"));
    }

    #[test]
    fn what_stays_says_what_to_do() {
        check("ERR", "syntax error", "no: redis at h:6379 says: ERR syntax error");
        check(
            "NOAUTH",
            "Authentication required.",
            "no: redis at h:6379 says: NOAUTH Authentication required.; REDIS_PASSWORD and REDIS_USERNAME (or those in \
             REDIS_URL) are not what it knows",
        );
        check(
            "NOPERM",
            "this user has no permissions to run the 'publish' command",
            "no: redis at h:6379 says: NOPERM this user has no permissions to run the 'publish' command; the user needs \
             `+publish`, `+eval` and `&laravel-database-*` (ACL SETUSER)",
        );
    }

    #[test]
    fn what_redis_repeats_is_not_told() {
        check(
            "ERR",
            "unknown command 'AUTH', with args beginning with: 'app' 's3cret' ",
            "no: redis at h:6379 says: ERR unknown command 'AUTH'",
        );
        check(
            "ERR",
            "unknown command `AUTH`, with args beginning with: `s3cret`, ",
            "no: redis at h:6379 says: ERR unknown command `AUTH`",
        );
    }

    #[test]
    fn scripts_are_forbidden_in_the_words_of_several_versions() {
        let forbids = |code: &str, detail: &str| {
            forbids_scripts(&make_extension_error(code.to_owned(), Some(detail.to_owned())))
        };
        assert!(forbids("NOPERM", "User app has no permissions to run the 'eval' command"));
        assert!(forbids(
            "NOPERM",
            "this user has no permissions to run the 'eval' command or its subcommand"
        ));
        assert!(forbids("ERR", "unknown command 'EVAL', with args beginning with: 'for'"));
        assert!(forbids("ERR", "unknown command `EVAL`, with args beginning with: `for`"));
        assert!(!forbids("ERR", "The user executing the script can't publish to the channel"));
    }
}
