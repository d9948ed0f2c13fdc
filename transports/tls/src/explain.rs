//! What a failed handshake means, in words that say which certificate and why.

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// What helps where the peer is at an address without TLS.
const WITHOUT: &str = "should the URL be one without, as tcp://, http:// and log:// are?";

/// What TLS has to say about an error of a caller's handshake, where the peer that speaks no TLS most often says nothing and hangs up.
pub fn explain_handshake(error: &(dyn StdError + 'static)) -> Option<String> {
    let hung_up = || {
        let error = chain(error).find_map(|error| error.downcast_ref::<io::Error>().filter(|error| is_end(error)))?;
        Some(format!("the peer hung up in the handshake ({error}); does it speak TLS at all, or {WITHOUT}"))
    };
    explain(error).or_else(hung_up)
}

/// What TLS has to say about an error, when TLS is somewhere below it; `None` when it is not.
pub fn explain(error: &(dyn StdError + 'static)) -> Option<String> {
    find(error).map(|error| match error {
        Error::InvalidCertificate(problem) => certificate(problem),
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the peer wants to see a certificate, and this side has none to show (mutual TLS)".to_owned()
        }
        Error::AlertReceived(AlertDescription::UnknownCA) => {
            "the peer does not know the authority that signed this side's certificate".to_owned()
        }
        Error::AlertReceived(AlertDescription::DecryptError | AlertDescription::BadCertificate) => {
            "the peer refuses this side's certificate".to_owned()
        }
        Error::AlertReceived(AlertDescription::CertificateExpired) => {
            "this side's certificate is out of date for the peer".to_owned()
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => format!("the peer does not speak TLS; {WITHOUT}"),
        Error::NoCertificatesPresented => "the peer showed no certificate, and one is required (mutual TLS)".to_owned(),
        other => format!("TLS failed: {other}"),
    })
}

fn certificate(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "the peer's certificate is signed by no authority that is trusted here".to_owned()
        }
        CertificateError::BadSignature => {
            "the peer's certificate is signed by another authority than the one of that name that is trusted here"
                .to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let presented = if presented.is_empty() { "no name".to_owned() } else { presented.join(", ") };
            format!("the peer's certificate is for {presented}, and not for {}", expected.to_str())
        }
        CertificateError::ExpiredContext { time, not_after } => {
            let ago = time.as_secs().saturating_sub(not_after.as_secs());
            format!("the peer's certificate expired {} ago", span(ago))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let ahead = not_before.as_secs().saturating_sub(time.as_secs());
            format!("the peer's certificate is not valid for another {}; are both clocks right?", span(ahead))
        }
        CertificateError::InvalidPurposeContext { .. } | CertificateError::InvalidPurpose => {
            "the peer's certificate is not one for this side of a connection".to_owned()
        }
        other => format!("the peer's certificate is not accepted: {other}"),
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// rustls's error in the chain.
fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    chain(error).find_map(<dyn StdError>::downcast_ref)
}

/// An error and what is below it. Transports wrap errors in an `io::Error`, whose `source` skips what it holds.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| {
        let error: &'a (dyn StdError + 'static) = *error;
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match held {
            Some(held) => Some(held),
            None => error.source(),
        }
    })
}

fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}
