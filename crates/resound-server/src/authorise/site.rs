//! Which URL is asked: the application, chosen by the page that the client is on.
//!
//! As laravel-echo-server: without a `Referer` the first entry of `auth.hosts`, with one the first
//! that fits it, or else the last.
//!
//! What differs: a page's port counts. There `.example` let a client choose any port of any host of the
//! domain, and so reach whatever listens inside of it.

use hyper::http::Uri;

use crate::config::{AuthConfig, AuthHost, Scheme, Site};

/// The last entry is a `.domain`, which has no address of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSite;

/// Chooses the URL to ask.
pub(crate) fn choose(config: &AuthConfig, referer: Option<&str>) -> Result<Uri, NoSite> {
    let site = match referer {
        None => config.hosts.first().and_then(own_address),
        Some(referer) => page(referer)
            .and_then(|page| config.hosts.iter().find_map(|host| address_for(host, &page)))
            .or_else(|| config.hosts.last().and_then(own_address)),
    };
    let Site { scheme, authority, path } = site.ok_or(NoSite)?;
    let url = format!("{}://{authority}{path}{}", scheme.name(), config.endpoint);
    url.parse().map_err(|_| NoSite)
}

/// Scheme and host of a page's address.
fn page(referer: &str) -> Option<Site> {
    let (scheme, rest) = referer.split_once("://")?;
    let origin = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    Site::of_origin(Scheme::parse(scheme)?, origin)
}

/// The address that an entry means for a page, if the entry is for such pages.
fn address_for(host: &AuthHost, page: &Site) -> Option<Site> {
    let fits = match host {
        AuthHost::Site(site) => {
            let fits = site.scheme == page.scheme && site.authority == page.authority;
            return fits.then(|| site.clone());
        }
        AuthHost::Host(host) => Site::of_origin(page.scheme, host)?.authority == page.authority,
        AuthHost::Domain { suffix, port } => {
            let (name, page_port) = match page.authority.rsplit_once(':') {
                Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
                _ => (page.authority.as_str(), None),
            };
            let port = port.filter(|port| *port != page.scheme.port());
            let level = name.find('.').map(|dot| &name[dot..]);
            level == Some(suffix) && page_port == port && !name.starts_with('.')
        }
    };
    fits.then(|| page.clone())
}

/// The address that an entry means by itself.
fn own_address(host: &AuthHost) -> Option<Site> {
    match host {
        AuthHost::Site(site) => Some(site.clone()),
        AuthHost::Host(host) => Site::of_origin(Scheme::Http, host),
        AuthHost::Domain { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(hosts: &[&str], referer: Option<&str>) -> String {
        let hosts = hosts.iter().map(|host| AuthHost::parse(host).expect("an entry")).collect();
        let config = AuthConfig { hosts, ..AuthConfig::default() };
        choose(&config, referer).map_or_else(
            |NoSite| "none".to_owned(),
            |url| {
                let url = url.to_string();
                url.strip_suffix("/broadcasting/auth").expect("the endpoint").to_owned()
            },
        )
    }

    #[track_caller]
    fn check(hosts: &[&str], table: &[(&str, &str)]) {
        for (referer, expected) in table {
            let given = (!referer.is_empty()).then_some(*referer);
            assert_eq!(chosen(hosts, given), *expected, "Referer {referer:?}");
        }
    }

    #[test]
    fn one_address_is_asked_whatever_the_page_is() {
        let app = "https://app.example";
        let table = [
            ("", app),
            ("https://app.example/orders/7?x=1", app),
            ("http://app.example/", app),
            ("https://evil.example/", app),
            ("not a URL", app),
        ];
        check(&[app], &table);
        check(&["http://localhost:8000/shop/"], &[("", "http://localhost:8000/shop")]);
        check(&["app.example"], &[("", "http://app.example")]);
    }

    #[test]
    fn of_a_list_the_first_that_fits_the_page_is_asked() {
        let hosts = ["https://a.example", "b.example:8080", ".c.example", "http://last.example"];
        let last = "http://last.example";
        let table = [
            ("", "https://a.example"),
            ("https://a.example/page", "https://a.example"),
            ("https://A.EXAMPLE:443/page", "https://a.example"),
            ("http://a.example/page", last),
            ("https://a.example:8443/page", last),
            ("http://b.example:8080/page", "http://b.example:8080"),
            ("https://b.example:8080", "https://b.example:8080"),
            ("http://b.example/", last),
            ("https://x.c.example/", "https://x.c.example"),
            ("http://x.c.example:80?a", "http://x.c.example"),
            ("http://x.y.c.example/", last),
            ("http://c.example/", last),
            ("http://xc.example/", last),
            ("http://.c.example/", last),
            ("http://other.example/", last),
            ("ftp://x.c.example/", last),
            ("x.c.example", last),
        ];
        check(&hosts, &table);
    }

    #[test]
    fn a_page_chooses_no_port_and_no_user_within_a_domain() {
        let hosts = [".c.example", ".d.example:8080", "http://last.example"];
        let last = "http://last.example";
        let table = [
            ("http://db.c.example:6379/", last),
            ("http://user@x.c.example/", last),
            ("http://evil.example\\@x.c.example/", last),
            ("http://x.c.example#@evil.example", "http://x.c.example"),
            ("http://x.d.example:8080/", "http://x.d.example:8080"),
            ("http://x.d.example/", last),
        ];
        check(&hosts, &table);
    }

    #[test]
    fn a_domain_alone_has_no_address_for_other_pages() {
        check(&[".c.example"], &[("", "none"), ("http://x.c.example/", "http://x.c.example")]);
        check(&[".c.example"], &[("http://x.d.example/", "none")]);
    }

    #[test]
    fn addresses_may_be_ip_addresses() {
        check(&["http://[::1]:8000"], &[("", "http://[::1]:8000")]);
        check(&["[::1]:8000"], &[("https://[::1]:8000/x", "https://[::1]:8000")]);
        check(&["10.0.0.1:8000"], &[("", "http://10.0.0.1:8000")]);
    }
}
