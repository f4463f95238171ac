//! How Echo writes the names of events.

/// Laravel's namespace of broadcast events, Echo's default.
pub(crate) const NAMESPACE: &str = "App.Events";

/// The event that carries Laravel's notifications.
pub(crate) const NOTIFICATION: &str =
    r"Illuminate\Notifications\Events\BroadcastNotificationCreated";

/// The name on the wire of what a listener calls `name`: a leading `.` or `\` says that the rest is the
/// name; otherwise the namespace goes in front and dots become backslashes.
pub(crate) fn on_the_wire(name: &str, namespace: &str) -> String {
    if let Some(literal) = name.strip_prefix(['.', '\\']) {
        return literal.to_owned();
    }
    if namespace.is_empty() {
        return name.replace('.', "\\");
    }
    format!("{namespace}.{name}").replace('.', "\\")
}

/// The reverse, for those who listen to all: the name without its namespace, or with a leading dot if
/// it has another.
pub(crate) fn to_a_listener(name: &str, namespace: &str) -> String {
    let prefix = namespace.replace('.', "\\");
    match name.strip_prefix(&*prefix).and_then(|rest| rest.strip_prefix('\\')) {
        Some(short) if !prefix.is_empty() => short.to_owned(),
        _ => format!(".{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_echo_writes_them() {
        for (name, expected) in [
            ("OrderShipped", r"App\Events\OrderShipped"),
            ("Orders.Shipped", r"App\Events\Orders\Shipped"),
            (".order.shipped", "order.shipped"),
            (r"\App\Other\X", r"App\Other\X"),
            (".PostUpdated", "PostUpdated"),
        ] {
            assert_eq!(on_the_wire(name, NAMESPACE), expected);
        }
        assert_eq!(on_the_wire("Orders.Shipped", ""), r"Orders\Shipped");
    }

    #[test]
    fn who_listens_to_all_gets_names_that_can_be_listened_to() {
        for (name, expected) in [
            (r"App\Events\OrderShipped", "OrderShipped"),
            ("order.shipped", ".order.shipped"),
            (r"App\EventsX", r".App\EventsX"),
        ] {
            assert_eq!(to_a_listener(name, NAMESPACE), expected);
            assert_eq!(on_the_wire(expected, NAMESPACE), name);
        }
        assert_eq!(to_a_listener("x", ""), ".x");
    }
}
