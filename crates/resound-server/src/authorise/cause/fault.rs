//! Questions that got no answer.

use crate::authorise::{
    case::Case,
    cause::{Kind, Words},
    excerpt::one_line,
    fault::{Fault, Mistrust},
    headers::{HEADER_BYTES_MAX, HEADERS_MAX},
};

/// Characters of a text of the system or the client that is shown.
const TEXT_CHARACTERS_MAX: usize = 200;

const CHECK_ADDRESS: &str = "check auth.hosts (RESOUND_AUTH_HOST, APP_URL) and that the application runs; \
     inside of a container localhost is the container itself, the application has its service's name";

pub(super) fn words(case: &Case, fault: &Fault) -> Words {
    let authority = case.authority();
    match fault {
        Fault::NoSite => no_site(case),
        Fault::TooManyHeaders => Words::failure(
            format!(
                "the client gave more than {HEADERS_MAX} headers or {HEADER_BYTES_MAX} bytes in \
                 auth.headers"
            ),
            "give Echo only those headers that the application needs",
        ),
        Fault::Overload => Words {
            kind: Kind::Overload,
            ..Words::failure("too many clients wait for an authorisation", places_advice(case))
        },
        Fault::NoPlace => Words::failure(
            format!("the application was busy with other questions for {}", timeout(case)),
            places_advice(case),
        ),
        Fault::Silence => Words::failure(
            format!("no answer within {}", timeout(case)),
            "the application hangs or has too few workers (php artisan serve answers one request at a \
             time, PHP_CLI_SERVER_WORKERS=4 more), or a firewall swallows the packets; \
             auth.timeout_seconds is how long it may take",
        ),
        Fault::UnknownName => Words::failure(
            format!("there is no host named {}", host(case)),
            "check auth.hosts (RESOUND_AUTH_HOST, APP_URL); containers know each other's names only \
             within one network",
        ),
        Fault::Refused => Words::failure(format!("nothing listens at {authority}"), CHECK_ADDRESS),
        Fault::Unreachable => Words::failure(
            format!("there is no way to {authority}"),
            "check auth.hosts, and the routes and firewalls in between",
        ),
        Fault::NoTls => Words::failure(
            format!("{authority} was asked over https and does not speak TLS"),
            format!("set auth.hosts to http://{authority}, or to the port of https"),
        ),
        Fault::NoHttp => Words::failure(
            format!("what listens at {authority} does not speak http"),
            "set auth.hosts to the web server's address: https if it is a port of TLS, and not php-fpm's \
             port (9000), which speaks FastCGI",
        ),
        Fault::Certificate(mistrust) => certificate(case, mistrust),
        Fault::Tls(text) => Words::failure(
            format!("no TLS connection with {authority}: {}", shown(text)),
            "check that the web server speaks TLS 1.2 or 1.3 under this name",
        ),
        Fault::Closed => Words::failure(
            format!("{authority} closed the connection without an answer"),
            "a worker of PHP may have crashed, see the web server's error log; php-fpm's port (9000) \
             speaks FastCGI, auth.hosts needs the web server's",
        ),
        Fault::Other(text) => Words::failure(shown(text), CHECK_ADDRESS),
    }
}

fn no_site(case: &Case) -> Words {
    let referer = case.question.handshake.referer.as_deref().unwrap_or("none");
    let referer = referer.split(['?', '#']).next().unwrap_or_default();
    Words::failure(
        format!("no entry of auth.hosts fits the client's page ({})", shown(referer)),
        "end the list with a whole address such as https://app.example; an entry such as .example fits \
         hosts one level below, on the usual ports unless it names one (.example:8443)",
    )
}

fn places_advice(case: &Case) -> String {
    format!(
        "the application is too slow for so many clients: give it more workers, and raise \
         auth.max_concurrent, which is {}, with them",
        case.config.concurrent_max
    )
}

fn certificate(case: &Case, mistrust: &Mistrust) -> Words {
    let authority = case.authority();
    let (what, advice) = match mistrust {
        Mistrust::Issuer => (
            "is signed by nobody whom this machine trusts, perhaps by itself".to_owned(),
            "install the signer's certificate on this machine or name it with SSL_CERT_FILE; send the \
             intermediate certificates, too; within a network of your own auth.verify_tls = false will do",
        ),
        Mistrust::Name => (
            format!("is not for {}", host(case)),
            "set auth.hosts to a name that the certificate has",
        ),
        Mistrust::Time => (
            "has expired, or is not valid yet".to_owned(),
            "renew the certificate, and check the clocks of both machines",
        ),
        Mistrust::Other(text) => (
            format!("is not valid: {}", shown(text)),
            "renew the certificate; within a network of your own auth.verify_tls = false will do",
        ),
    };
    Words::failure(format!("the certificate of {authority} {what}"), advice)
}

fn timeout(case: &Case) -> String {
    format!("{} s", case.config.timeout.as_secs_f32())
}

fn host(case: &Case) -> &str {
    case.url.as_ref().and_then(|url| url.host()).unwrap_or_default()
}

fn shown(text: &str) -> String {
    one_line(text, TEXT_CHARACTERS_MAX)
}
