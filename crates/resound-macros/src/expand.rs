//! The code that `#[derive(Broadcast)]` writes.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Data, DeriveInput, Error, Expr, Fields, Ident, Path, Result, parse_quote, spanned::Spanned as _,
};

use crate::{
    attributes::{Attributes, Target},
    pattern,
};

/// The implementation of the trait.
pub(crate) fn broadcast(input: &DeriveInput) -> Result<TokenStream> {
    let event = &input.ident;
    let Data::Struct(data) = &input.data else {
        let message = "Broadcast can be derived for structs only; implement the trait by hand";
        return Err(Error::new(event.span(), message));
    };
    let attributes = Attributes::parse(&input.attrs, event)?;
    let resound = attributes.crate_path.clone().unwrap_or_else(|| parse_quote!(::resound));
    // Not a name that an expression of the application could mean.
    let list = Ident::new("channels", Span::mixed_site());
    let channels = channels(&attributes.channels, &data.fields, &resound, &list)?;
    let methods: [Option<TokenStream>; 6] = [
        Some(name(input, &attributes, &resound)),
        payload(attributes.with.as_ref(), &resound),
        when(attributes.when.as_ref()),
        timing(&attributes, &resound),
        queue(&attributes),
        connections(&attributes),
    ];

    let mut generics = input.generics.clone();
    if !generics.params.is_empty() {
        // A generic event is one where its parameters can be written as JSON.
        let serialize = parse_quote!(Self: #resound::__private::Serialize);
        generics.make_where_clause().predicates.push(serialize);
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let described = described(input, &attributes, &resound);
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #resound::event::Described for #event #type_generics #where_clause {
            #described
        }

        #[automatically_derived]
        impl #impl_generics #resound::Broadcast for #event #type_generics #where_clause {
            // A list may be one of channels already.
            #[allow(clippy::useless_conversion)]
            fn channels(&self) -> ::std::vec::Vec<#resound::Channel> {
                let mut #list = ::std::vec::Vec::new();
                #(#channels)*
                #list
            }
            #(#methods)*
        }
    })
}

fn channels(
    targets: &[Target],
    fields: &Fields,
    resound: &Path,
    list: &Ident,
) -> Result<Vec<TokenStream>> {
    let statement = |target: &Target| {
        let (kind, name, span) = match target {
            Target::Pattern(kind, pattern) => {
                (kind, pattern::expand(pattern, fields)?, pattern.span())
            }
            Target::Named(kind, expr) => (kind, quote!(#expr), expr.span()),
            Target::List(expr) => {
                return Ok(quote_spanned! { expr.span() =>
                    #list.extend(
                        ::std::iter::IntoIterator::into_iter(#expr)
                            .map(::std::convert::Into::<#resound::Channel>::into),
                    );
                });
            }
        };
        let constructor = kind.constructor();
        Ok(quote_spanned!(span => #list.push(#resound::Channel::#constructor(#name));))
    };
    targets.iter().map(statement).collect()
}

/// What is known without an event.
fn described(input: &DeriveInput, attributes: &Attributes, resound: &Path) -> TokenStream {
    let name = match full_name(input, attributes) {
        Name::Exact(name) => quote!(#resound::EventName::of_derive_exact(#name)),
        Name::Short(name) => quote!(#resound::EventName::of_derive_short(#name)),
    };
    let channels = attributes.channels.iter().map(|target| match target {
        Target::Pattern(kind, pattern) => format!("{}{}", kind.prefix(), pattern.value()),
        Target::Named(kind, _) => format!("{}{{}}", kind.prefix()),
        Target::List(_) => "{}".to_owned(),
    });
    let payload = match &attributes.with {
        Some(_) => quote!(Other),
        None => quote!(Fields),
    };
    quote! {
        const NAME: #resound::EventName = #name;
        const CHANNELS: &'static [&'static str] = &[#(#channels),*];
        const PAYLOAD: #resound::event::Payload = #resound::event::Payload::#payload;
    }
}

/// What the event is called.
enum Name {
    Exact(String),
    Short(String),
}

fn full_name(input: &DeriveInput, attributes: &Attributes) -> Name {
    let event = input.ident.to_string();
    let event = event.trim_start_matches("r#");
    match (&attributes.name, &attributes.namespace) {
        (Some(name), _) => Name::Exact(name.value()),
        (None, Some(namespace)) => {
            let namespace = namespace.value().replace('.', "\\");
            let name = format!("{namespace}\\{event}");
            Name::Exact(name.trim_start_matches('\\').replace("\\\\", "\\"))
        }
        (None, None) => Name::Short(event.to_owned()),
    }
}

/// The name is written out, so that it does not depend on what `std::any::type_name` gives.
fn name(input: &DeriveInput, attributes: &Attributes, resound: &Path) -> TokenStream {
    let name = match full_name(input, attributes) {
        Name::Exact(name) => quote!(#resound::EventName::exact(#name)),
        Name::Short(name) => quote!(#resound::EventName::short(#name)),
    };
    quote!(fn name(&self) -> #resound::EventName { #name })
}

fn payload(with: Option<&Expr>, resound: &Path) -> Option<TokenStream> {
    let with = with?;
    Some(quote!(fn payload(&self) -> impl #resound::__private::Serialize { #with }))
}

fn when(when: Option<&Expr>) -> Option<TokenStream> {
    let when = when?;
    Some(quote!(fn when(&self) -> bool { #when }))
}

fn timing(attributes: &Attributes, resound: &Path) -> Option<TokenStream> {
    attributes
        .is_now
        .then(|| quote!(fn timing(&self) -> #resound::Timing { #resound::Timing::Now }))
}

fn queue(attributes: &Attributes) -> Option<TokenStream> {
    let queue = attributes.queue.as_ref()?;
    Some(quote! {
        fn queue(&self) -> ::std::option::Option<::std::borrow::Cow<'static, str>> {
            ::std::option::Option::Some(::std::borrow::Cow::Borrowed(#queue))
        }
    })
}

fn connections(attributes: &Attributes) -> Option<TokenStream> {
    let connections = &attributes.connections;
    if connections.is_empty() {
        return None;
    }
    Some(quote! {
        fn connections(&self) -> ::std::vec::Vec<::std::borrow::Cow<'static, str>> {
            ::std::vec![#(::std::borrow::Cow::Borrowed(#connections)),*]
        }
    })
}
