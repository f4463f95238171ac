//! Prints what a page needs for Echo, of the environment: `cargo run --example front_end -- script`.

#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use std::{env, error::Error};

use resound::Broadcaster;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Broadcaster::from_env()?.front_end();
    let text = match env::args().nth(1).as_deref() {
        Some("meta") => options.meta()?,
        Some("json") => options.json()?,
        Some("nonce") => options.script_with_nonce("c2VjcmV0"),
        _ => options.script(),
    };
    println!("{text}");
    Ok(())
}
