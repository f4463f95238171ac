//! Channel names with fields in braces: `orders.{user_id}`, `teams.{team.id}`, `rooms.{0}`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{Error, Expr, Fields, LitStr, Member, Result};

/// The expression that gives the name for the event `self`.
pub(crate) fn expand(pattern: &LitStr, fields: &Fields) -> Result<TokenStream> {
    let text = pattern.value();
    if text.is_empty() {
        return Err(Error::new(pattern.span(), "a channel needs a name"));
    }
    let (mut format, mut arguments) = (String::new(), Vec::new());
    for piece in pieces(&text).map_err(|message| Error::new(pattern.span(), message))? {
        match piece {
            Piece::Text(text) => format.push_str(&text.replace('{', "{{").replace('}', "}}")),
            Piece::Field(field) => {
                format.push_str("{}");
                arguments.push(argument(field, pattern, fields)?);
            }
        }
    }
    let format = LitStr::new(&format, pattern.span());
    Ok(quote!(::std::format!(#format #(, #arguments)*)))
}

enum Piece<'a> {
    Text(&'a str),
    Field(&'a str),
}

fn pieces(text: &str) -> std::result::Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        if before.contains('}') {
            return Err(unopened(text));
        }
        let Some((field, end)) = after.split_once('}') else {
            return Err(format!("the brace in {text:?} is not closed"));
        };
        if field.trim().is_empty() {
            return Err(format!("the braces in {text:?} need a field between them"));
        }
        pieces.extend([Piece::Text(before), Piece::Field(field.trim())]);
        rest = end;
    }
    if rest.contains('}') {
        return Err(unopened(text));
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

fn unopened(text: &str) -> String {
    format!("a brace in {text:?} is closed that was not opened")
}

/// `user.id` is `self.user.id`, and `total()` is `self.total()`.
fn argument(expression: &str, pattern: &LitStr, fields: &Fields) -> Result<Expr> {
    let field = expression.strip_prefix("self.").unwrap_or(expression).trim_start_matches("r#");
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    let (first, rest) = field.split_at(field.chars().take_while(is_word).map(char::len_utf8).sum());
    let is_method = rest.trim_start().starts_with('(');
    let member = fields.members().find(|member| plain(member) == first);
    let text = match member {
        Some(member) if !is_method => format!("self.{}{rest}", member.to_token_stream()),
        _ if is_method => format!("self.{field}"),
        _ => return Err(Error::new(pattern.span(), unknown(first, fields))),
    };
    let span = Span::call_site().located_at(pattern.span());
    LitStr::new(&text, span).parse().map_err(|error| {
        let message = format!("{{{expression}}} is no expression of fields: {error}");
        Error::new(pattern.span(), message)
    })
}

fn unknown(field: &str, fields: &Fields) -> String {
    let known: Vec<String> = fields.members().map(|member| plain(&member)).collect();
    if known.is_empty() {
        return format!("there is no field {field:?}; the event has no fields");
    }
    format!("there is no field {field:?}; the event has {}", known.join(", "))
}

/// The name of a field as it stands in JSON.
fn plain(member: &Member) -> String {
    member.to_token_stream().to_string().trim_start_matches("r#").to_owned()
}
