//! What the compiler says where an event is wrong.

#[test]
fn mistakes_are_explained_where_they_are_made() {
    trybuild::TestCases::new().compile_fail("tests/compile_errors/*.rs");
}
