//! What a failed handshake means, in words that say which certificate and why.

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

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
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => "the peer does not speak TLS".to_owned(),
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

/// rustls's error in the chain. Transports wrap it in an `io::Error`, whose `source` skips what it holds.
fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(found);
        }
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}
