//! Any JSON, for properties.

use proptest::prelude::*;
use serde_json::Value;

/// A JSON value of a few levels. Numbers are whole, so that reading and writing keeps them.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            object_of(inner),
        ]
    })
}

/// A JSON object in which the member `socket` is not rare.
pub(crate) fn object() -> impl Strategy<Value = Value> {
    object_of(json())
}

fn object_of(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let name = prop_oneof![Just("socket".to_owned()), "[a-z]{0,3}", any::<String>()];
    prop::collection::btree_map(name, values, 0..5)
        .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into())
}
