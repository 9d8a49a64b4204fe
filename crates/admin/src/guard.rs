//! Which requests are answered at all, and the headers that every answer has.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, StatusCode};

/// No script, no picture, no font, no frame, nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Whether the request is for one of these hosts. A page of somebody else's can have its own name resolve to loopback,
/// and its browser then sends that name.
pub(crate) fn check_host<B>(request: &Request<B>, hosts: &[String]) -> Result<(), StatusCode> {
    // What a proxy is asked; no server takes the place of one here.
    if request.uri().authority().is_some() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let mut given = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (given.next(), given.next()) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let host = host.to_str().map_err(|_| StatusCode::BAD_REQUEST)?.to_ascii_lowercase();
    match hosts.iter().any(|known| is_at(&host, known)) {
        true => Ok(()),
        false => Err(StatusCode::MISDIRECTED_REQUEST),
    }
}

/// Whether `given` is this host, with any port: a tunnel has another one.
fn is_at(given: &str, host: &str) -> bool {
    match given.strip_prefix(host) {
        Some("") => true,
        Some(rest) => rest
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok() && port.bytes().all(|octet| octet.is_ascii_digit())),
        None => false,
    }
}

/// The headers of every answer.
pub(crate) fn harden(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(uri: &str, hosts: &[&str]) -> Result<(), StatusCode> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let known = ["localhost", "[::1]"].map(str::to_owned);
        check_host(&request.body(()).unwrap(), &known)
    }

    #[test]
    fn only_requests_for_known_hosts_are_answered() {
        for host in ["localhost", "LOCALHOST:80", "localhost:65535", "[::1]", "[::1]:5281"] {
            assert_eq!(asked("/", &[host]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "localhost:80.evil.example",
            "localhost:",
            "localhost:+80",
            "localhost:99999",
            "xlocalhost",
            "::1",
            "",
        ] {
            assert_eq!(asked("/", &[host]), Err(StatusCode::MISDIRECTED_REQUEST), "{host}");
        }
        assert_eq!(asked("/", &[]), Err(StatusCode::BAD_REQUEST));
        assert_eq!(asked("/", &["localhost", "localhost"]), Err(StatusCode::BAD_REQUEST));
        assert_eq!(asked("http://localhost/", &["localhost"]), Err(StatusCode::BAD_REQUEST));
    }
}
