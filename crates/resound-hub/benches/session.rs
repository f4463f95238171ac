//! What the rules cost without sockets.

fn main() { divan::main(); }
