//! A notification's data with its `id` and `type`, as PHP's `array_merge` puts them together.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
    ser::SerializeMap as _,
};
use serde_json::value::RawValue;

use crate::json;

/// The fields of a notification in their order. A list has numbers for names, as in PHP, and nothing has none.
struct Fields(Vec<(String, Box<RawValue>)>);

/// Adds `id` and `type` to what a notification says; where it has fields of these names, they stay in their places with
/// other values.
///
/// # Errors
/// If it is neither map nor list nor null.
pub(crate) fn with_id_and_type(data: &str, id: &str, kind: &str) -> serde_json::Result<String> {
    let mut fields: Fields = serde_json::from_str(data)?;
    for (name, value) in [("id", id), ("type", kind)] {
        let value = RawValue::from_string(json::string(value))?;
        match fields.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, place)) => *place = value,
            None => fields.0.push((name.to_owned(), value)),
        }
    }
    json::encode(&fields)
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map, so that id and type can be added to it")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::with_capacity(map.size_hint().unwrap_or(8));
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(value) = list.next_element()? {
            fields.push((fields.len().to_string(), value));
        }
        Ok(Fields(fields))
    }

    fn visit_unit<E>(self) -> Result<Fields, E> {
        Ok(Fields(Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(data: &str, merged: &str) {
        assert_eq!(with_id_and_type(data, "d782", r"App\Paid").unwrap(), merged, "{data}");
    }

    #[test]
    fn id_and_type_stand_behind_the_data_which_keeps_its_order() {
        check(
            r#"{"z":1,"a":[1.0,{"q":null}]}"#,
            r#"{"z":1,"a":[1.0,{"q":null}],"id":"d782","type":"App\\Paid"}"#,
        );
        check("{}", r#"{"id":"d782","type":"App\\Paid"}"#);
    }

    #[test]
    fn fields_of_these_names_are_overwritten_where_they_stand() {
        check(r#"{"type":5,"a":1,"id":{"x":1}}"#, r#"{"type":"App\\Paid","a":1,"id":"d782"}"#);
    }

    #[test]
    fn a_list_is_numbered_and_nothing_is_empty() {
        check(r#"["a","b"]"#, r#"{"0":"a","1":"b","id":"d782","type":"App\\Paid"}"#);
        check("null", r#"{"id":"d782","type":"App\\Paid"}"#);
    }

    #[test]
    fn texts_and_numbers_take_no_id() {
        for data in ["1", "\"a\"", "true"] {
            let error = with_id_and_type(data, "d782", "Paid").unwrap_err().to_string();
            assert!(error.contains("expected a map, so that id and type can be added"), "{error}");
        }
    }
}
