//! `#[derive(Broadcast)]` of the crate `resound`, which documents it.
//!
//! # Layout
//!
//! * `attributes`: what stands in `#[broadcast(…)]`
//! * `pattern`: channel names with fields in braces
//! * `expand`: the code that comes of it

mod attributes;
mod expand;
mod pattern;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `resound::Broadcast` for a struct; see there for what `#[broadcast(…)]` understands.
///
/// ```
/// use resound::{Broadcast, Channel};
/// use serde::Serialize;
///
/// #[derive(Serialize, Broadcast)]
/// #[broadcast(private = "orders.{user_id}", name = "order.shipped")]
/// struct OrderShipped { user_id: u64 }
///
/// assert_eq!(OrderShipped { user_id: 7 }.channels(), [Channel::private("orders.7")]);
/// ```
#[proc_macro_derive(Broadcast, attributes(broadcast))]
pub fn derive_broadcast(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::broadcast(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
