//! Statuses of an application that authorises nobody.

use crate::authorise::{
    case::Case,
    cause::{Words, page, sign_in_advice},
    client::Reply,
};

pub(super) fn words(case: &Case, reply: &Reply) -> Words {
    match reply.status {
        400 => bad_request(case, reply),
        401 => not_signed_in(case),
        403 if reply.is_html() && case.wants_json() => refused_by_another(case, reply),
        403 => denied(case),
        404 => not_found(case, reply),
        405 => Words::failure(
            format!("{} takes no POST, so it is not the route that authorises", path(case)),
            "check auth.endpoint, usually /broadcasting/auth, and prefixes such as /api in front of it",
        ),
        413 | 414 | 431 => Words::failure(
            "the request is too large for the web server: cookies and the client's auth.headers",
            "raise its limit of headers (nginx: large_client_header_buffers) or send less",
        ),
        419 => csrf(case),
        429 => Words::failure(
            "the application limits how often it is asked, and all questions come from this server",
            "take the route out of throttle, or trust this server as a proxy, so that the limit counts by \
             X-Forwarded-For",
        ),
        502 | 504 => Words::failure(
            "the web server gets no answer from the application behind it",
            "check that PHP (php-fpm, Octane) runs and answers in time, and the web server's error log",
        ),
        503 => Words::failure(
            "the application is in maintenance (php artisan down) or has too much to do",
            "php artisan up; questions at once are bounded by auth.max_concurrent",
        ),
        500..=599 => Words::failure(
            "the application failed",
            "storage/logs/laravel.log has the exception; usual ones are a callback in \
             routes/channels.php that throws, a missing class of the broadcaster (composer require \
             pusher/pusher-php-server), and no database or session store",
        ),
        _ => Words::failure(
            "no broadcaster of Laravel answers with this status",
            "check auth.hosts and auth.endpoint; 200 lets a client in, 403 does not",
        ),
    }
}

fn path(case: &Case) -> &str {
    case.url.as_ref().map_or("", |url| url.path())
}

fn bad_request(case: &Case, reply: &Reply) -> Words {
    let text = String::from_utf8_lossy(&reply.body).to_ascii_lowercase();
    if text.contains("https port") || text.contains("https server") {
        return Words::failure(
            format!("{} speaks https and was asked over http", case.authority()),
            format!("set auth.hosts to https://{}", case.authority()),
        );
    }
    Words::failure(
        "the web server does not understand the request, or does not serve this host",
        "check auth.hosts and what the web server's error log says",
    )
}

fn not_signed_in(case: &Case) -> Words {
    let cause =
        format!("the application does not know the user: {}", case.credentials().sentence());
    Words::failure(cause, sign_in_advice(case))
}

fn denied(case: &Case) -> Words {
    let channel = &case.question.channel;
    let prefixes = ["private-encrypted-", "private-", "presence-"];
    let name = prefixes.iter().find_map(|prefix| channel.strip_prefix(prefix)).unwrap_or(channel);
    Words::denial(
        format!(
            "the application said no: in routes/channels.php no pattern fits {name:?}, or its callback \
             returned false, or nobody is signed in ({})",
            case.credentials().sentence()
        ),
        "php artisan channel:list shows the patterns; the prefixes private- and presence- are not part \
         of them",
    )
}

fn refused_by_another(case: &Case, reply: &Reply) -> Words {
    Words::failure(
        format!(
            "{} came, which a web server, a firewall or a login in front of the application makes: \
             Laravel would have answered in JSON",
            page(case, reply)
        ),
        "let this server's requests pass there, or set auth.hosts to the application's inner address",
    )
}

fn not_found(case: &Case, reply: &Reply) -> Words {
    let cause = if reply.is_html() && case.wants_json() {
        format!(
            "{} came: {} is another site or web server, or it does not pass {} to Laravel",
            page(case, reply),
            case.authority(),
            path(case)
        )
    } else {
        format!("the application at {} has no route {}", case.authority(), path(case))
    };
    Words::failure(
        cause,
        "check auth.hosts and auth.endpoint with php artisan route:list --path=broadcasting; withRouting(\
         channels: …) in bootstrap/app.php or Broadcast::routes() registers the route, and a prefix such \
         as /api belongs into auth.endpoint",
    )
}

fn csrf(case: &Case) -> Words {
    let names = ["X-CSRF-TOKEN", "X-XSRF-TOKEN"];
    let token = match names.into_iter().find(|name| case.has_header(name)) {
        Some(name) => format!("the {name} that the client sent does not belong to its session"),
        None => "the client sent no X-CSRF-TOKEN".to_owned(),
    };
    Words::failure(
        format!("the application checks for CSRF: {token}, and {}", case.credentials().sentence()),
        "send the page's token (Echo: auth: { headers: { 'X-CSRF-TOKEN': … } }) together with its session \
         cookie, or exempt broadcasting/auth in bootstrap/app.php (validateCsrfTokens(except: …))",
    )
}
