//! The table of faults, with an answer: what the client is told, and what the operator.

use expect_test::expect;

use super::{
    application::response,
    desk::{check, question, with_cookie, with_headers},
};

const JSON: &str = "Content-Type: application/json\r\n";
const HTML: &str = "Content-Type: text/html; charset=utf-8\r\n";
const LOGIN: &str =
    "<!DOCTYPE html>\n<html lang=\"en\">\n  <head>\n    <title>Log in –\n Shop</title>";

#[tokio::test]
async fn a_redirect_to_a_login_page_means_an_unknown_user() {
    let login = response(302, "Location: http://127.0.0.1/login?next=secret\r\n", LOGIN);
    check(question("private-orders.7"), &login, 302, expect![[r#"
        WARN authorisation failed
        channel: private-orders.7
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 302
        body: <!DOCTYPE html> <html lang="en"> <head> <title>Log in – Shop</title>
        cause: the application redirects to http://127.0.0.1/login, probably a login page, because it does not know the user: the client sent neither a cookie nor an Authorization header
        advice: a browser sends the session cookie only to hosts of the cookie's domain: serve this server below the application's domain and set SESSION_DOMAIN=.that-domain, or give Echo a token: auth: { headers: { Authorization: 'Bearer …' } }
    "#]]).await;
    let login = response(302, "Location: /login\r\n", "");
    check(with_cookie("private-orders.7"), &login, 302, expect![[r#"
        WARN authorisation failed
        channel: private-orders.7
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 302
        body: 
        cause: the application redirects to /login, probably a login page, because it does not know the user: the client sent a cookie and no Authorization header
        advice: check that the cookie is the session's (SESSION_DOMAIN, SESSION_SECURE_COOKIE, SESSION_SAME_SITE), that the session has not ended, and that the route has the middleware and guard of these users
    "#]]).await;
}

#[tokio::test]
async fn a_redirect_to_https_means_that_https_should_be_asked() {
    let location = "Location: https://127.0.0.1/broadcasting/auth\r\n";
    check(with_cookie("private-a"), &response(301, location, ""), 301, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 301
        body: 
        cause: the application answers over https only and redirects to https://127.0.0.1/broadcasting/auth
        advice: set auth.hosts to https://127.0.0.1
    "#]]).await;
}

#[tokio::test]
async fn a_redirect_to_the_same_path_elsewhere_means_another_address() {
    let location = "Location: http://www.app.example/broadcasting/auth\r\n";
    check(with_cookie("private-a"), &response(308, location, ""), 308, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 308
        body: 
        cause: the application's address is another one: it redirects to http://www.app.example/broadcasting/auth
        advice: set auth.hosts to http://www.app.example
    "#]]).await;
    let location = "Location: /broadcasting/auth/\r\n";
    check(
        with_cookie("private-a"),
        &response(307, location, ""),
        307,
        expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 307
        body: 
        cause: the application redirects to the same path, written differently: /broadcasting/auth/
        advice: set auth.endpoint to the path as it is redirected to
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_one() {
    check(
        with_cookie("private-a"),
        &response(302, "", ""),
        302,
        expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 302
        body: 
        cause: the application redirects and does not say whereto
        advice: check auth.hosts and auth.endpoint
    "#]],
    )
    .await;
}

#[tokio::test]
async fn status_419_means_csrf() {
    let body = r#"{"message":"CSRF token mismatch."}"#;
    let mismatch = response(419, JSON, body);
    check(with_cookie("private-orders.7"), &mismatch, 419, expect![[r#"
        WARN authorisation failed
        channel: private-orders.7
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 419
        body: {"message":"CSRF token mismatch."}
        cause: the application checks for CSRF: the client sent no X-CSRF-TOKEN, and the client sent a cookie and no Authorization header
        advice: send the page's token (Echo: auth: { headers: { 'X-CSRF-TOKEN': … } }) together with its session cookie, or exempt broadcasting/auth in bootstrap/app.php (validateCsrfTokens(except: …))
    "#]]).await;
    let with_token = with_headers("private-orders.7", &[("x-csrf-token", "t0ken-t0ken")]);
    check(with_token, &mismatch, 419, expect![[r#"
        WARN authorisation failed
        channel: private-orders.7
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 419
        body: {"message":"CSRF token mismatch."}
        cause: the application checks for CSRF: the X-CSRF-TOKEN that the client sent does not belong to its session, and the client sent neither a cookie nor an Authorization header
        advice: send the page's token (Echo: auth: { headers: { 'X-CSRF-TOKEN': … } }) together with its session cookie, or exempt broadcasting/auth in bootstrap/app.php (validateCsrfTokens(except: …))
    "#]]).await;
}

#[tokio::test]
async fn status_401_means_that_nobody_is_signed_in() {
    let unauthenticated = response(401, JSON, r#"{"message":"Unauthenticated."}"#);
    check(question("private-a"), &unauthenticated, 401, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 401
        body: {"message":"Unauthenticated."}
        cause: the application does not know the user: the client sent neither a cookie nor an Authorization header
        advice: a browser sends the session cookie only to hosts of the cookie's domain: serve this server below the application's domain and set SESSION_DOMAIN=.that-domain, or give Echo a token: auth: { headers: { Authorization: 'Bearer …' } }
    "#]]).await;
    check(with_cookie("private-a"), &unauthenticated, 401, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 401
        body: {"message":"Unauthenticated."}
        cause: the application does not know the user: the client sent a cookie and no Authorization header
        advice: check that the cookie is the session's (SESSION_DOMAIN, SESSION_SECURE_COOKIE, SESSION_SAME_SITE), that the session has not ended, and that the route has the middleware and guard of these users
    "#]]).await;
    let with_token = with_headers("private-a", &[("Authorization", "Bearer 1|abcdefgh")]);
    check(with_token, &unauthenticated, 401, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 401
        body: {"message":"Unauthenticated."}
        cause: the application does not know the user: the client sent an Authorization header and no cookie
        advice: check that the token is valid and that the route uses its guard: Broadcast::routes(['middleware' => ['auth:sanctum']])
    "#]]).await;
}

#[tokio::test]
async fn status_403_is_the_applications_own_decision() {
    let denied = response(403, JSON, r#"{"message":""}"#);
    check(with_cookie("private-encrypted-orders.7"), &denied, 403, expect![[r#"
        INFO subscription denied
        channel: private-encrypted-orders.7
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 403
        body: {"message":""}
        cause: the application said no: in routes/channels.php no pattern fits "orders.7", or its callback returned false, or nobody is signed in (the client sent a cookie and no Authorization header)
        advice: php artisan channel:list shows the patterns; the prefixes private- and presence- are not part of them
    "#]]).await;
}

#[tokio::test]
async fn a_page_with_status_403_is_somebody_elses_decision() {
    let page = "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>nginx</body></html>";
    check(with_cookie("private-a"), &response(403, HTML, page), 403, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 403
        body: <html> <head><title>403 Forbidden</title></head> <body>nginx</body></html>
        cause: the page "403 Forbidden" came, which a web server, a firewall or a login in front of the application makes: Laravel would have answered in JSON
        advice: let this server's requests pass there, or set auth.hosts to the application's inner address
    "#]]).await;
}

#[tokio::test]
async fn status_404_means_a_wrong_address_or_a_missing_route() {
    let body = r#"{"message":"The route broadcasting/auth could not be found."}"#;
    check(question("private-a"), &response(404, JSON, body), 404, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 404
        body: {"message":"The route broadcasting/auth could not be found."}
        cause: the application at 127.0.0.1:PORT has no route /broadcasting/auth
        advice: check auth.hosts and auth.endpoint with php artisan route:list --path=broadcasting; withRouting(channels: …) in bootstrap/app.php or Broadcast::routes() registers the route, and a prefix such as /api belongs into auth.endpoint
    "#]]).await;
    let page = "<html><title>Welcome to nginx!</title>";
    check(question("private-a"), &response(404, HTML, page), 404, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 404
        body: <html><title>Welcome to nginx!</title>
        cause: the page "Welcome to nginx!" came: 127.0.0.1:PORT is another site or web server, or it does not pass /broadcasting/auth to Laravel
        advice: check auth.hosts and auth.endpoint with php artisan route:list --path=broadcasting; withRouting(channels: …) in bootstrap/app.php or Broadcast::routes() registers the route, and a prefix such as /api belongs into auth.endpoint
    "#]]).await;
}

#[tokio::test]
async fn status_405_means_another_route() {
    check(question("private-a"), &response(405, JSON, "{}"), 405, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 405
        body: {}
        cause: /broadcasting/auth takes no POST, so it is not the route that authorises
        advice: check auth.endpoint, usually /broadcasting/auth, and prefixes such as /api in front of it
    "#]]).await;
}

#[tokio::test]
async fn status_500_means_that_the_application_failed() {
    let body = r#"{"message":"Class \"Pusher\\Pusher\" not found"}"#;
    check(question("private-a"), &response(500, JSON, body), 500, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 500
        body: {"message":"Class \"Pusher\\Pusher\" not found"}
        cause: the application failed
        advice: storage/logs/laravel.log has the exception; usual ones are a callback in routes/channels.php that throws, a missing class of the broadcaster (composer require pusher/pusher-php-server), and no database or session store
    "#]]).await;
}

#[tokio::test]
async fn statuses_502_and_503_mean_that_it_is_down_or_in_maintenance() {
    check(question("private-a"), &response(502, HTML, "<title>502</title>"), 502, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 502
        body: <title>502</title>
        cause: the web server gets no answer from the application behind it
        advice: check that PHP (php-fpm, Octane) runs and answers in time, and the web server's error log
    "#]])
        .await;
    let body = r#"{"message":"Service Unavailable"}"#;
    check(
        question("private-a"),
        &response(503, JSON, body),
        503,
        expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 503
        body: {"message":"Service Unavailable"}
        cause: the application is in maintenance (php artisan down) or has too much to do
        advice: php artisan up; questions at once are bounded by auth.max_concurrent
    "#]],
    )
    .await;
}

#[tokio::test]
async fn plain_http_at_a_port_of_tls_is_recognised() {
    let page = "<center>The plain HTTP request was sent to HTTPS port</center>";
    check(
        question("private-a"),
        &response(400, HTML, page),
        400,
        expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 400
        body: <center>The plain HTTP request was sent to HTTPS port</center>
        cause: 127.0.0.1:PORT speaks https and was asked over http
        advice: set auth.hosts to https://127.0.0.1:PORT
    "#]],
    )
    .await;
}

#[tokio::test]
async fn other_statuses_say_what_they_mean() {
    check(question("private-a"), &response(429, JSON, "{}"), 429, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 429
        body: {}
        cause: the application limits how often it is asked, and all questions come from this server
        advice: take the route out of throttle, or trust this server as a proxy, so that the limit counts by X-Forwarded-For
    "#]]).await;
    check(
        question("private-a"),
        &response(431, "", ""),
        431,
        expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 431
        body: 
        cause: the request is too large for the web server: cookies and the client's auth.headers
        advice: raise its limit of headers (nginx: large_client_header_buffers) or send less
    "#]],
    )
    .await;
    check(
        question("private-a"),
        &response(204, "", ""),
        204,
        expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 204
        body: 
        cause: no broadcaster of Laravel answers with this status
        advice: check auth.hosts and auth.endpoint; 200 lets a client in, 403 does not
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_page_with_status_200_lets_nobody_in() {
    check(question("private-a"), &response(200, HTML, LOGIN), 403, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 200
        body: <!DOCTYPE html> <html lang="en"> <head> <title>Log in – Shop</title>
        cause: the page "Log in – Shop" came with status 200, no JSON: a login page, or what the web server shows for every path; the client sent neither a cookie nor an Authorization header
        advice: check that auth.hosts is the Laravel application (not its front end) and that auth.endpoint is its route; if it is a login page, a browser sends the session cookie only to hosts of the cookie's domain: serve this server below the application's domain and set SESSION_DOMAIN=.that-domain, or give Echo a token: auth: { headers: { Authorization: 'Bearer …' } }
    "#]]).await;
}

#[tokio::test]
async fn an_empty_answer_means_the_broadcaster_log() {
    check(question("private-a"), &response(200, HTML, ""), 403, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 200
        body: 
        cause: the answer is empty, as with the broadcasters log and null
        advice: set BROADCAST_CONNECTION to redis, reverb or pusher in the application's .env, then php artisan config:clear
    "#]]).await;
}

#[tokio::test]
async fn false_is_a_denial() {
    check(
        question("private-a"),
        &response(200, JSON, "false"),
        403,
        expect![[r#"
        INFO subscription denied
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 200
        body: false
        cause: the application answered false
        advice: the channel's callback in routes/channels.php decides
    "#]],
    )
    .await;
}

#[tokio::test]
async fn json_that_is_no_answer_lets_nobody_in() {
    check(question("private-a"), &response(200, JSON, "{\"ok\":1}"), 403, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 200
        body: {"ok":1}
        cause: the answer is JSON that grants nothing (laravel-echo-server let clients in for any answer with status 200)
        advice: auth.endpoint must answer true, {"auth":…} or {"channel_data":{…}}, and 403 for no
    "#]]).await;
    let member = r#"{"channel_data":"Ann"}"#;
    check(question("presence-a"), &response(200, JSON, member), 403, expect![[r#"
        WARN authorisation failed
        channel: presence-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 200
        body: {"channel_data":"Ann"}
        cause: channel_data, which names the member of a presence channel, is no JSON object
        advice: the callback of a presence channel returns an array, such as ['id' => …, 'name' => …]
    "#]]).await;
    let compressed = "Content-Encoding: gzip\r\n";
    check(
        question("private-a"),
        &response(200, compressed, "\u{1f}x"),
        403,
        expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 200
        body: \u{1f}x
        cause: the answer is compressed (gzip), which nobody asked for
        advice: switch compression off for this route in the web server or the application
    "#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_printed_before_the_answer_is_shown_on_one_line_and_cut() {
    let noise = format!("Warning:\u{1b}[31m\r\n\tlevel=\"WARN\"\u{202e} {} true", "é".repeat(300));
    check(question("private-a"), &response(200, "", &noise), 403, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 200
        body: Warning:\u{1b}[31m level="WARN"\u{202e} éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé…
        cause: the answer is neither JSON nor a page
        advice: check auth.hosts and auth.endpoint, and that nothing prints before the answer (warnings of PHP, dump(), a blank line before <?php)
    "#]]).await;
}

#[tokio::test]
async fn what_identifies_the_client_is_not_in_the_log() {
    let mut question = with_cookie("private-a");
    question.headers = vec![
        ("Authorization".to_owned(), "Bearer 1|sanctum-token".to_owned()),
        ("X-CSRF-TOKEN".to_owned(), "csrf-token-1".to_owned()),
    ];
    let body =
        "cookie: shop_session=eyJpdiI6IkR4; theme=dark, Bearer 1|sanctum-token, csrf-token-1";
    check(question, &response(500, "", body), 500, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 500
        body: cookie: shop_session=(hidden); theme=dark, Bearer (hidden), (hidden)
        cause: the application failed
        advice: storage/logs/laravel.log has the exception; usual ones are a callback in routes/channels.php that throws, a missing class of the broadcaster (composer require pusher/pusher-php-server), and no database or session store
    "#]]).await;
}
