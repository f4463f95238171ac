//! Parameters as values.

use std::{fmt, str::FromStr};

use serde::{
    Deserializer,
    de::{
        self, DeserializeOwned, IntoDeserializer, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use crate::channels::{
    decide::Joining,
    denial::Denial,
    extract::{FromJoin, Params},
};

/// The parameters of a channel's name as typed values.
///
/// One parameter is a value, several are a tuple in their order, or a struct by their names. A parameter that can't
/// be read denies, and the log says which.
///
/// ```
/// use resound::{Channels, Path};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Order { shop: String, order: u64 }
///
/// let channels = Channels::<()>::new()
///     .user::<u64>()
///     .private("users.{id}", |user: u64, Path(id): Path<u64>| async move { user == id })
///     .private("{a}-{b}", |_: u64, Path((a, b)): Path<(u64, u64)>| async move { a < b })
///     .private("shops.{shop}.orders.{order}", |_: u64, Path(path): Path<Order>| async move {
///         path.shop == "main" && path.order > 0
///     });
/// # let _ = channels;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<S, T: DeserializeOwned> FromJoin<S> for Path<T> {
    fn from_join(_: &Joining, params: Params<'_>, _: &S) -> Result<Self, Denial> {
        T::deserialize(Parameters(params.pairs)).map(Path).map_err(|fault| fault.denial(&params))
    }
}

/// Why parameters are not what a handler wants.
#[derive(Debug)]
enum Fault {
    /// A value that can't be read: the client's doing.
    Value { value: String, expected: String },
    /// Not as many parameters, or others: the application's doing.
    Shape(String),
}

impl Fault {
    fn denial(self, params: &Params<'_>) -> Denial {
        let pattern = params.pattern.into();
        match self {
            Self::Value { value, expected } => {
                let key = params.iter().find(|(_, v)| *v == value).map_or("", |(key, _)| key);
                Denial::BadParameter { pattern, parameter: key.into(), value, expected }
            }
            Self::Shape(reason) => Denial::Failed { pattern, reason },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { value, expected } => write!(f, "{value:?} is no {expected}"),
            Self::Shape(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Shape(message.to_string())
    }
}

/// All parameters.
struct Parameters<'a>(&'a [(&'a str, &'a str)]);

impl<'a> Parameters<'a> {
    fn only(&self) -> Result<Parameter<'a>, Fault> {
        match self.0 {
            [(_, value)] => Ok(Parameter(value)),
            others => Err(Fault::Shape(format!(
                "the handler takes one parameter, the pattern has {}",
                others.len()
            ))),
        }
    }

    fn values(&self) -> impl Iterator<Item = Parameter<'a>> {
        self.0.iter().map(|(_, value)| Parameter(value))
    }
}

macro_rules! forward_to_only {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Parameters<'de> {
    type Error = Fault;

    forward_to_only! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_identifier deserialize_option
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.0.len() == 1 {
            self.only()?.deserialize_any(visitor)
        } else {
            self.deserialize_map(visitor)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(SeqDeserializer::new(self.values()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        if len != self.0.len() {
            let has = self.0.len();
            return Err(Fault::Shape(format!(
                "the handler takes {len} parameters, the pattern has {has}"
            )));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(MapDeserializer::new(self.0.iter().map(|(k, v)| (*k, Parameter(v)))))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

/// One parameter.
#[derive(Clone, Copy)]
struct Parameter<'a>(&'a str);

impl Parameter<'_> {
    fn parse<T: FromStr>(self) -> Result<T, Fault> {
        // `+7` and `7` would be the same order by two names.
        let canonical = !self.0.starts_with('+');
        let parsed = self.0.parse().ok().filter(|_| canonical);
        parsed.ok_or_else(|| self.fault(std::any::type_name::<T>()))
    }

    fn fault(self, expected: impl fmt::Display) -> Fault {
        Fault::Value { value: self.0.to_owned(), expected: expected.to_string() }
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Parameter<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            visitor.$visit(self.parse()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Parameter<'de> {
    type Error = Fault;

    parsed! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32
        deserialize_i64 visit_i64 deserialize_i128 visit_i128
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32
        deserialize_u64 visit_u64 deserialize_u128 visit_u128
        deserialize_f32 visit_f32 deserialize_f64 visit_f64 deserialize_char visit_char
    }

    /// Types that read themselves from a text, such as ids, say by their error that this is none.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.0).map_err(|error: Fault| self.fault(error))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let variant = de::value::StrDeserializer::new(self.0);
        visitor.visit_enum(variant).map_err(|error: Fault| self.fault(error))
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;

    fn read<T: DeserializeOwned>(pairs: &[(&str, &str)]) -> Result<T, String> {
        T::deserialize(Parameters(pairs)).map_err(|fault| {
            let kind = if matches!(fault, Fault::Value { .. }) { "value" } else { "shape" };
            format!("{kind}: {fault}")
        })
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Id(u64);
    #[derive(Debug, Deserialize, PartialEq)]
    struct Named {
        b: Id,
        a: Option<String>,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Open,
    }

    #[test]
    fn one_parameter_is_a_value() {
        assert_eq!(read::<u64>(&[("id", "7")]), Ok(7));
        assert_eq!(read::<String>(&[("id", "a b")]), Ok("a b".to_owned()));
        assert_eq!(read::<Id>(&[("id", "7")]), Ok(Id(7)));
        assert_eq!(read::<(i8,)>(&[("id", "-7")]), Ok((-7,)));
        assert_eq!(read::<Kind>(&[("id", "open")]), Ok(Kind::Open));
        assert_eq!(read::<std::net::Ipv4Addr>(&[("id", "127.0.0.1")]), Ok([127, 0, 0, 1].into()));
    }

    #[test]
    fn several_parameters_are_a_tuple_or_a_struct() {
        let pairs = [("a", "x"), ("b", "2")];
        assert_eq!(read::<(String, Id)>(&pairs), Ok(("x".to_owned(), Id(2))));
        assert_eq!(read::<Named>(&pairs), Ok(Named { b: Id(2), a: Some("x".to_owned()) }));
        assert_eq!(read::<HashMap<String, String>>(&pairs).expect("a map").len(), 2);
        assert_eq!(read::<Vec<String>>(&pairs), Ok(vec!["x".to_owned(), "2".to_owned()]));
    }

    #[test]
    fn a_value_that_cant_be_read_is_the_clients_fault() {
        for value in ["", "x", "+7", " 7", "7.0", "18446744073709551616", "-1"] {
            let error = read::<u64>(&[("id", value)]).expect_err(value);
            assert_eq!(error, format!("value: {value:?} is no u64"));
        }
        assert!(
            read::<Kind>(&[("id", "shut")])
                .expect_err("no kind")
                .starts_with("value: \"shut\" is no ")
        );
        assert!(
            read::<std::net::Ipv4Addr>(&[("id", "x")])
                .expect_err("no address")
                .starts_with("value")
        );
    }

    #[test]
    fn a_wrong_number_of_parameters_is_the_applications_fault() {
        assert_eq!(
            read::<u64>(&[("a", "1"), ("b", "2")]),
            Err("shape: the handler takes one parameter, the pattern has 2".to_owned())
        );
        assert_eq!(
            read::<(u64, u64)>(&[("a", "1")]),
            Err("shape: the handler takes 2 parameters, the pattern has 1".to_owned())
        );
        assert_eq!(read::<Named>(&[("a", "1")]), Err("shape: missing field `b`".to_owned()));
    }
}
