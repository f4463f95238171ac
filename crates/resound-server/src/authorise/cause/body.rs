//! Answers with status 200 that let nobody in.

use crate::authorise::{
    case::Case,
    cause::{Words, page, sign_in_advice},
    client::{BODY_BYTES_MAX, Reply},
    granted::Misread,
};

pub(super) fn words(case: &Case, reply: &Reply, misread: Misread) -> Words {
    if let Some(encoding) = reply.content_encoding.as_deref().filter(|e| *e != "identity") {
        return Words::failure(
            format!(
                "the answer is compressed ({}), which nobody asked for",
                encoding.escape_debug()
            ),
            "switch compression off for this route in the web server or the application",
        );
    }
    match misread {
        Misread::Empty => Words::failure(
            "the answer is empty, as with the broadcasters log and null",
            "set BROADCAST_CONNECTION to redis, reverb or pusher in the application's .env, then \
             php artisan config:clear",
        ),
        Misread::False => Words::denial(
            "the application answered false",
            "the channel's callback in routes/channels.php decides",
        ),
        Misread::Html => Words::failure(
            format!(
                "{} came with status 200, no JSON: a login page, or what the web server shows for \
                 every path; {}",
                page(case, reply),
                case.credentials().sentence()
            ),
            format!(
                "check that auth.hosts is the Laravel application (not its front end) and that \
                 auth.endpoint is its route; if it is a login page, {}",
                sign_in_advice(case)
            ),
        ),
        Misread::Foreign => Words::failure(
            "the answer is JSON that grants nothing (laravel-echo-server let clients in for any \
             answer with status 200)",
            "auth.endpoint must answer true, {\"auth\":…} or {\"channel_data\":{…}}, and 403 for no",
        ),
        Misread::Member => Words::failure(
            "channel_data, which names the member of a presence channel, is no JSON object",
            "the callback of a presence channel returns an array, such as ['id' => …, 'name' => …]",
        ),
        Misread::TooLong => Words::failure(
            format!("the answer is longer than {BODY_BYTES_MAX} bytes, which no authorisation is"),
            "check auth.hosts and auth.endpoint; what a presence channel's callback returns is sent to \
             all members and should be small",
        ),
        Misread::Text => Words::failure(
            "the answer is neither JSON nor a page",
            "check auth.hosts and auth.endpoint, and that nothing prints before the answer (warnings of \
             PHP, dump(), a blank line before <?php)",
        ),
    }
}
