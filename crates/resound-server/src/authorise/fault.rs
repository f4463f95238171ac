//! Why there is no answer of the application.

use std::{error::Error, io};

use rustls::CertificateError;

/// What came in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No entry of `auth.hosts` fits the client's page.
    NoSite,
    /// The client gave more headers than it may.
    TooManyHeaders,
    /// Too many questions wait.
    Overload,
    /// No place became free in time.
    NoPlace,
    /// The application did not answer in time.
    Silence,
    /// The host's name is unknown.
    UnknownName,
    /// Nothing listens there.
    Refused,
    /// There is no way to the host.
    Unreachable,
    /// What answers is not TLS.
    NoTls,
    /// What answers is not HTTP.
    NoHttp,
    /// The certificate is not trusted.
    Certificate(Mistrust),
    /// TLS failed in another way.
    Tls(String),
    /// The connection ended before an answer.
    Closed,
    /// Anything else.
    Other(String),
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mistrust {
    Issuer,
    Name,
    Time,
    Other(String),
}

impl Fault {
    /// Finds out what an error of the HTTP client comes from.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        known(error).unwrap_or_else(|| Self::Other(innermost(error).to_string()))
    }

    /// Whether a kept connection may just have been closed by the other side, as it may at any time.
    pub(crate) fn may_be_stale(&self) -> bool {
        *self == Self::Closed
    }
}

fn known(error: &(dyn Error + 'static)) -> Option<Fault> {
    // hyper-util's type of this error is private; its text is pinned by a test.
    if error.to_string() == "dns error" {
        return Some(Fault::UnknownName);
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        if error.is_parse() {
            return Some(Fault::NoHttp);
        }
        if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
            return Some(Fault::Closed);
        }
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // The error within one of std is not among its sources.
        let inner = error.get_ref().and_then(|inner| known(inner));
        return inner.or_else(|| of_io(error.kind()));
    }
    known(error.source()?)
}

fn of_io(kind: io::ErrorKind) -> Option<Fault> {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable,
        NetworkUnreachable, TimedOut, UnexpectedEof,
    };
    let is = |kinds: &[io::ErrorKind]| kinds.contains(&kind);
    if is(&[ConnectionRefused]) {
        return Some(Fault::Refused);
    }
    if is(&[HostUnreachable, NetworkUnreachable, TimedOut]) {
        return Some(Fault::Unreachable);
    }
    is(&[BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof]).then_some(Fault::Closed)
}

fn of_tls(error: &rustls::Error) -> Fault {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    if matches!(error, rustls::Error::InvalidMessage(_)) {
        return Fault::NoTls;
    }
    let rustls::Error::InvalidCertificate(reason) = error else {
        return Fault::Tls(error.to_string());
    };
    let mistrust = if matches!(reason, UnknownIssuer) {
        Mistrust::Issuer
    } else if matches!(reason, NotValidForName | NotValidForNameContext { .. }) {
        Mistrust::Name
    } else if matches!(
        reason,
        Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }
    ) {
        Mistrust::Time
    } else {
        Mistrust::Other(reason.to_string())
    };
    Fault::Certificate(mistrust)
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error.source().map_or(error, innermost)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn of_certificate(error: CertificateError) -> Fault {
        let tls = io::Error::other(rustls::Error::InvalidCertificate(error));
        Fault::of(&io::Error::other(tls))
    }

    #[test]
    fn certificates_are_mistrusted_for_reasons() {
        let of = |error| {
            let Fault::Certificate(mistrust) = of_certificate(error) else {
                panic!("another fault")
            };
            mistrust
        };
        assert_eq!(of(CertificateError::Expired), Mistrust::Time);
        assert_eq!(of(CertificateError::NotValidYet), Mistrust::Time);
        assert_eq!(of(CertificateError::NotValidForName), Mistrust::Name);
        assert_eq!(of(CertificateError::UnknownIssuer), Mistrust::Issuer);
        assert!(matches!(of(CertificateError::Revoked), Mistrust::Other(_)));
        let other = rustls::OtherError(Arc::new(io::Error::other("odd")));
        assert!(matches!(of(CertificateError::Other(other)), Mistrust::Other(_)));
    }

    #[test]
    fn errors_of_the_system_are_told_apart() {
        for (kind, fault) in [
            (io::ErrorKind::ConnectionRefused, Fault::Refused),
            (io::ErrorKind::HostUnreachable, Fault::Unreachable),
            (io::ErrorKind::TimedOut, Fault::Unreachable),
            (io::ErrorKind::ConnectionReset, Fault::Closed),
            (io::ErrorKind::UnexpectedEof, Fault::Closed),
        ] {
            assert_eq!(Fault::of(&io::Error::other(io::Error::from(kind))), fault, "{kind:?}");
        }
        assert_eq!(Fault::of(&io::Error::other("odd")), Fault::Other("odd".to_owned()));
    }
}
