//! What an event is called.

use std::borrow::Cow;

/// The namespace in which Echo looks for events, unless its option `namespace` says otherwise.
pub const NAMESPACE: &str = "App\\Events";

/// The name of an event.
///
/// Echo puts its namespace in front of what a page listens to, unless it begins with a dot. Hence the two
/// kinds:
///
/// ```
/// use resound::EventName;
///
/// // Echo.listen('OrderShipped')
/// assert_eq!(EventName::short("OrderShipped").on_the_wire("App\\Events"), "App\\Events\\OrderShipped");
/// // Echo.listen('.order.shipped')
/// assert_eq!(EventName::exact("order.shipped").on_the_wire("App\\Events"), "order.shipped");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventName {
    /// A name within the [namespace](crate::Builder::namespace) of the broadcaster.
    Short(Cow<'static, str>),
    /// A name that is sent as it is.
    Exact(Cow<'static, str>),
}

impl EventName {
    /// A name within the broadcaster's namespace.
    ///
    /// ```
    /// use resound::EventName;
    ///
    /// // Echo.listen('OrderShipped')
    /// assert_eq!(EventName::short("OrderShipped").on_the_wire("Shop"), r"Shop\OrderShipped");
    /// ```
    pub fn short(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Short(name.into())
    }

    /// A name that is sent as it is.
    ///
    /// ```
    /// use resound::EventName;
    ///
    /// // Echo.listen('.order.shipped')
    /// assert_eq!(EventName::exact("order.shipped").on_the_wire("Shop"), "order.shipped");
    /// ```
    pub fn exact(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Exact(name.into())
    }

    #[doc(hidden)]
    pub const fn of_derive_short(name: &'static str) -> Self {
        Self::Short(Cow::Borrowed(name))
    }

    #[doc(hidden)]
    pub const fn of_derive_exact(name: &'static str) -> Self {
        Self::Exact(Cow::Borrowed(name))
    }

    /// The name of a type, without its modules and parameters, in the broadcaster's namespace.
    ///
    /// ```
    /// # use resound::EventName;
    /// struct OrderShipped;
    /// assert_eq!(EventName::of::<OrderShipped>(), EventName::short("OrderShipped"));
    /// ```
    pub fn of<T: ?Sized>() -> Self {
        Self::Short(short_type_name::<T>().into())
    }

    /// The name that subscribers get.
    ///
    /// ```
    /// use resound::{EventName, name::NAMESPACE};
    ///
    /// assert_eq!(EventName::short("Posted").on_the_wire(NAMESPACE), r"App\Events\Posted");
    /// assert_eq!(EventName::short("Posted").on_the_wire(""), "Posted");
    /// ```
    pub fn on_the_wire(&self, namespace: &str) -> String {
        match self {
            Self::Short(name) if namespace.is_empty() => name.clone().into_owned(),
            Self::Short(name) => format!("{namespace}\\{name}"),
            Self::Exact(name) => name.clone().into_owned(),
        }
    }
}

/// A namespace as it stands in names: `App.Events`, `\App\Events` and `App\Events\` are `App\Events`.
pub(crate) fn namespace(text: &str) -> String {
    text.replace('.', "\\").trim_matches('\\').to_owned()
}

/// The name of a type without its modules and parameters.
pub(crate) fn short_type_name<T: ?Sized>() -> &'static str {
    let full = std::any::type_name::<T>();
    let bare = full.split('<').next().unwrap_or(full);
    bare.rsplit("::").next().unwrap_or(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;
    struct Generic<T>(T);

    #[test]
    fn types_lose_their_modules_and_parameters() {
        assert_eq!(EventName::of::<Plain>(), EventName::short("Plain"));
        assert_eq!(EventName::of::<Generic<Vec<u8>>>(), EventName::short("Generic"));
        let Generic(()) = Generic(());
    }

    #[test]
    fn a_namespace_may_be_written_as_for_echo_or_as_in_php() {
        for text in [r"Shop\Events", "Shop.Events", r"\Shop\Events", r"Shop\Events\"] {
            let fake = crate::Fake::with_namespace(text);
            assert_eq!(fake.broadcaster().namespace(), r"Shop\Events", "{text}");
        }
    }

    #[test]
    fn without_a_namespace_short_names_stand_alone() {
        assert_eq!(EventName::short("Plain").on_the_wire(""), "Plain");
    }
}
