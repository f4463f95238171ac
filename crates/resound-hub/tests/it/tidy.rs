//! The layers: what the pure crates may depend on.

#[track_caller]
fn check(manifest: &str, allowed: &[&str]) {
    let dependencies = manifest.split("[dependencies]").nth(1).expect("a list of dependencies");
    let dependencies = dependencies.split("\n[").next().expect("its end");
    let names = dependencies
        .lines()
        .filter_map(|line| line.split(['=', '.', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'));
    for name in names {
        assert!(allowed.contains(&name), "{name} is no dependency for a crate without I/O");
    }
}

#[test]
fn protocol_and_hub_depend_on_nothing_that_does_io() {
    let words =
        ["base64", "bytes", "hmac", "md-5", "memchr", "serde", "serde_json", "sha1", "sha2"];
    let more = ["smallvec", "thiserror"];
    check(include_str!("../../../resound-protocol/Cargo.toml"), &[&words[..], &more].concat());
    check(include_str!("../../Cargo.toml"), &["resound-protocol", "bytes", "smallvec"]);
}
