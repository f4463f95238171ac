//! What stands in `#[broadcast(…)]`.

use proc_macro2::Span;
use syn::{
    Attribute, Error, Expr, ExprLit, Ident, Lit, LitStr, Path, Result, Token, meta::ParseNestedMeta,
};

/// All that `#[broadcast(…)]` may say, in the order in which an error lists it.
const KEYS: &str = "channel, private, presence, encrypted, channels, name, namespace, with, when, now, queue, \
                    connection, crate";

/// The attributes of one event.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) channels: Vec<Target>,
    pub(crate) name: Option<LitStr>,
    pub(crate) namespace: Option<LitStr>,
    pub(crate) with: Option<Expr>,
    pub(crate) when: Option<Expr>,
    pub(crate) is_now: bool,
    pub(crate) queue: Option<LitStr>,
    pub(crate) connections: Vec<LitStr>,
    pub(crate) crate_path: Option<Path>,
}

/// Where the event goes.
pub(crate) enum Target {
    /// A channel of a kind, by a pattern.
    Pattern(Kind, LitStr),
    /// A channel of a kind, by an expression that names it or is a model.
    Named(Kind, Expr),
    /// Channels by an expression that lists them.
    List(Expr),
}

/// The kind of a channel: the constructor of `resound::Channel`.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Public,
    Private,
    Presence,
    Encrypted,
}

impl Kind {
    pub(crate) fn constructor(self) -> Ident {
        let name = match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Presence => "presence",
            Self::Encrypted => "encrypted",
        };
        Ident::new(name, Span::call_site())
    }

    /// What the names of such channels begin with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Public => "",
            Self::Private => "private-",
            Self::Presence => "presence-",
            Self::Encrypted => "private-encrypted-",
        }
    }
}

impl Attributes {
    pub(crate) fn parse(attributes: &[Attribute], event: &Ident) -> Result<Self> {
        let mut parsed = Self::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("broadcast")) {
            attribute.parse_nested_meta(|meta| parsed.add(&meta))?;
        }
        if parsed.channels.is_empty() {
            let message = format!(
                "{event} has no channel: add `#[broadcast(private = \"…\")]`, `channel`, `presence`, `encrypted` or `channels`"
            );
            return Err(Error::new(event.span(), message));
        }
        if let (Some(_), Some(namespace)) = (&parsed.name, &parsed.namespace) {
            let message = "`name` is sent as it is, so that `namespace` has no effect beside it";
            return Err(Error::new(namespace.span(), message));
        }
        Ok(parsed)
    }

    fn add(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match &*key {
            "channel" | "public" => self.channel(Kind::Public, meta),
            "private" => self.channel(Kind::Private, meta),
            "presence" => self.channel(Kind::Presence, meta),
            "encrypted" => self.channel(Kind::Encrypted, meta),
            "channels" => {
                self.channels.push(Target::List(expression(meta)?));
                Ok(())
            }
            "name" => once(&mut self.name, text(meta)?, meta),
            "namespace" => once(&mut self.namespace, text(meta)?, meta),
            "with" => once(&mut self.with, expression(meta)?, meta),
            "when" => once(&mut self.when, expression(meta)?, meta),
            "queue" => once(&mut self.queue, text(meta)?, meta),
            "connection" => {
                self.connections.push(text(meta)?);
                Ok(())
            }
            "crate" => once(&mut self.crate_path, text(meta)?.parse()?, meta),
            "now" if meta.input.peek(Token![=]) => Err(meta.error("`now` stands alone")),
            "now" => {
                self.is_now = true;
                Ok(())
            }
            _ => Err(meta.error(format!("unknown attribute; there are {KEYS}"))),
        }
    }

    fn channel(&mut self, kind: Kind, meta: &ParseNestedMeta<'_>) -> Result<()> {
        self.channels.push(match value(meta)? {
            Value::Text(pattern) => Target::Pattern(kind, pattern),
            Value::Expr(expr) => Target::Named(kind, expr),
        });
        Ok(())
    }
}

/// What stands behind a `=`.
enum Value {
    Text(LitStr),
    Expr(Expr),
}

fn value(meta: &ParseNestedMeta<'_>) -> Result<Value> {
    let mut expr: Expr = meta.value()?.parse()?;
    // What a macro by example fills in stands in a group without delimiters.
    while let Expr::Group(group) = expr {
        expr = *group.expr;
    }
    if let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = expr {
        return Ok(Value::Text(text));
    }
    Ok(Value::Expr(expr))
}

fn text(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    match value(meta)? {
        Value::Text(text) => Ok(text),
        Value::Expr(expr) => Err(Error::new_spanned(expr, "a text in quotes is expected here")),
    }
}

/// An expression; in quotes or not.
fn expression(meta: &ParseNestedMeta<'_>) -> Result<Expr> {
    match value(meta)? {
        Value::Text(text) => {
            // Its `self` is that of the method around it, wherever the text was written.
            let span = Span::call_site().located_at(text.span());
            let parsed = LitStr::new(&text.value(), span).parse();
            parsed.map_err(|error| Error::new(text.span(), error))
        }
        Value::Expr(expr) => Ok(expr),
    }
}

fn once<T>(place: &mut Option<T>, value: T, meta: &ParseNestedMeta<'_>) -> Result<()> {
    if place.replace(value).is_some() {
        return Err(meta.error("this is said twice"));
    }
    Ok(())
}
