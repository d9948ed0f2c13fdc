//! Certificates named by the options of a URL: `tcps://HOST:PORT?ca=FILE&cert=FILE&key=FILE`.

use crate::{ClientTls, Pem, ServerTls};

/// Reads what stands behind the question mark of a URL: how this side speaks TLS when it calls there, and when it serves there.
///
/// | option | what it sets |
/// |---|---|
/// | `ca=FILE` | the authorities that a client trusts, in place of the system's; of the clients of a server it says nothing |
/// | `cert=FILE`, `key=FILE` | this side's certificate, with the chain behind it, and its key: a server's, and what a client shows to a server that asks |
/// | `client_ca=FILE` | the authorities whose clients a server lets in, and no others |
///
/// The files are in PEM, and their names as they are, not percent-encoded. A server reads them when it begins, a client when it makes a connection; over HTTPS with
/// its first call.
///
/// # Errors
/// What is wrong with them, as the end of a sentence.
pub fn from_options(options: &str) -> Result<(ClientTls, Option<ServerTls>), String> {
    let (mut ca, mut cert, mut key, mut client_ca) = (None, None, None, None);
    for option in options.split('&').filter(|option| !option.is_empty()) {
        let (name, file) = option.split_once('=').unwrap_or((option, ""));
        let named = match name {
            "ca" => &mut ca,
            "cert" => &mut cert,
            "key" => &mut key,
            "client_ca" => &mut client_ca,
            _ => return Err(format!("`{option}` is none of its options, which are ca, cert, key, client_ca")),
        };
        if file.is_empty() {
            return Err(format!("`{option}` names no file"));
        }
        if named.replace(Pem::file(file)).is_some() {
            return Err(format!("`{name}` is given twice"));
        }
    }
    let mut client = ClientTls::new();
    if let Some(authorities) = ca {
        client = client.trusting(authorities);
    }
    match (cert, key, client_ca) {
        (Some(cert), Some(key), None) => {
            Ok((client.showing(cert.clone(), key.clone()), Some(ServerTls::new(cert, key))))
        }
        (Some(cert), Some(key), Some(clients)) => {
            let server = ServerTls::new(cert.clone(), key.clone()).admitting(clients);
            Ok((client.showing(cert, key), Some(server)))
        }
        (None, None, None) => Ok((client, None)),
        (None, None, Some(_)) => Err("`client_ca` is for a server, which needs `cert` and `key`".to_owned()),
        _ => Err("`cert` and `key` belong together".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::from_options;

    #[test]
    fn a_certificate_is_this_sides_whether_it_calls_or_serves() {
        let (client, server) = from_options("ca=ca.pem&cert=a.pem&key=a.key&client_ca=them.pem").unwrap();
        let said = format!("{client:?} {server:?}");
        for file in ["ca.pem", "a.pem", "a.key", "them.pem"] {
            assert!(said.contains(file), "{file} is not in {said}");
        }
        assert!(from_options("ca=ca.pem").unwrap().1.is_none() && from_options("").unwrap().1.is_none());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (options, problem) in [
            ("cert=a.pem", "`cert` and `key` belong together"),
            ("key=a.key&client_ca=b", "`cert` and `key` belong together"),
            ("client_ca=b.pem", "`client_ca` is for a server, which needs `cert` and `key`"),
            ("ca=", "`ca=` names no file"),
            ("ca=a&ca=b", "`ca` is given twice"),
            ("cafile=a", "`cafile=a` is none of its options, which are ca, cert, key, client_ca"),
        ] {
            assert_eq!(from_options(options).map(drop), Err(problem.to_owned()), "{options}");
        }
    }
}
