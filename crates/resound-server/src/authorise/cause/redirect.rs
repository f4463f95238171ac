//! Redirects, none of which is followed: the client's cookies go where the configuration says.

use hyper::{Uri, http::uri::Authority};

use crate::{
    authorise::{
        case::Case,
        cause::{Words, sign_in_advice},
        client::Reply,
        excerpt::one_line,
    },
    config::Scheme,
};

/// Characters of a location that is shown.
const LOCATION_CHARACTERS_MAX: usize = 200;

pub(super) fn words(case: &Case, reply: &Reply) -> Words {
    let Some(location) = reply.location.as_deref() else {
        let cause = "the application redirects and does not say whereto";
        return Words::failure(cause, "check auth.hosts and auth.endpoint");
    };
    let location = without_query(location);
    let shown = one_line(location, LOCATION_CHARACTERS_MAX);
    let target = Target::of(case, location);
    if target.is_more_secure {
        return Words::failure(
            format!("the application answers over https only and redirects to {shown}"),
            format!("set auth.hosts to https://{}", target.authority),
        );
    }
    if target.is_same_path && target.is_elsewhere {
        return Words::failure(
            format!("the application's address is another one: it redirects to {shown}"),
            format!("set auth.hosts to {}://{}", target.scheme, target.authority),
        );
    }
    if target.is_same_path {
        return Words::failure(
            format!("the application redirects to the same path, written differently: {shown}"),
            "set auth.endpoint to the path as it is redirected to",
        );
    }
    let sentence = case.credentials().sentence();
    Words::failure(
        format!(
            "the application redirects to {shown}, probably a login page, because it does not know the \
             user: {sentence}"
        ),
        sign_in_advice(case),
    )
}

/// Queries may hold secrets.
fn without_query(location: &str) -> &str {
    location.split(['?', '#']).next().unwrap_or_default()
}

struct Target {
    scheme: String,
    authority: String,
    /// Over https on the host that was asked over http.
    is_more_secure: bool,
    /// At another host or port.
    is_elsewhere: bool,
    is_same_path: bool,
}

impl Target {
    fn of(case: &Case, location: &str) -> Self {
        let asked = case.url.clone().unwrap_or_default();
        let asked_scheme = asked.scheme_str().unwrap_or_default();
        let location = match location {
            url if url.contains("://") => url.to_owned(),
            url if url.starts_with("//") => format!("{asked_scheme}:{url}"),
            path if path.starts_with('/') => path.to_owned(),
            // Relative to the endpoint, so that it is another path.
            _ => String::new(),
        };
        let location: Uri = location.parse().unwrap_or_default();
        let scheme = location.scheme_str().unwrap_or(asked_scheme).to_owned();
        let (there, here) = (location.authority().or(asked.authority()), asked.authority());
        let lower = |text: &str| text.to_ascii_lowercase();
        let host = |of: Option<&Authority>| of.map(|authority| lower(authority.host()));
        let is_upgrade = asked_scheme == Scheme::Http.name() && scheme == Scheme::Https.name();
        let authority = there.map(|authority| lower(authority.as_str())).unwrap_or_default();
        Self {
            is_more_secure: is_upgrade && host(there) == host(here),
            is_elsewhere: here.map(|here| lower(here.as_str())).as_ref() != Some(&authority),
            is_same_path: path(&location).eq_ignore_ascii_case(path(&asked)),
            scheme,
            authority,
        }
    }
}

fn path(url: &Uri) -> &str {
    url.path().trim_end_matches('/')
}
