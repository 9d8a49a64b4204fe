//! Which requests are answered at all, and the headers that every answer has.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};

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

/// Whether what would change something was sent by a page of ours, or by no browser. Others' pages have no token; this
/// keeps them from trying any, in a browser that can reach what they cannot.
pub(crate) fn check_origin<B>(request: &Request<B>) -> Result<(), StatusCode> {
    if [Method::GET, Method::HEAD].contains(request.method()) {
        return Ok(());
    }
    let headers = request.headers();
    let is_ours = match (headers.get("sec-fetch-site"), headers.get(header::ORIGIN)) {
        // Browsers say this themselves, and know about proxies that a server does not.
        (Some(site), _) => [b"same-origin".as_slice(), b"none"].contains(&site.as_bytes()),
        (None, Some(origin)) => {
            let origin = origin.to_str().unwrap_or_default();
            let at = origin.split_once("://").map(|(_, at)| at.as_bytes());
            let host = headers.get(header::HOST).map(|host| host.as_bytes());
            at.is_some_and(|at| host.is_some_and(|host| host.eq_ignore_ascii_case(at)))
        }
        (None, None) => true,
    };
    match is_ours {
        true => Ok(()),
        false => Err(StatusCode::FORBIDDEN),
    }
}

/// The headers of every answer.
pub(crate) fn harden(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // With "no-referrer" our own forms would not say whose they are either.
        (header::REFERRER_POLICY, "same-origin"),
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

    #[test]
    fn changes_are_not_taken_from_pages_of_others() {
        let sent = |method: &str, headers: &[(&str, &str)]| {
            let mut request = Request::builder()
                .method(method)
                .uri("/")
                .header("host", "localhost:80");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            check_origin(&request.body(()).unwrap())
        };
        let (site, origin) = ("sec-fetch-site", "origin");
        for ours in [
            vec![],
            vec![(origin, "http://localhost:80")],
            vec![(origin, "https://LOCALHOST:80")],
            vec![(site, "same-origin")],
            vec![(site, "none")],
            // Behind a proxy that asks for another host.
            vec![(site, "same-origin"), (origin, "https://admin.example")],
        ] {
            assert_eq!(sent("POST", &ours), Ok(()), "{ours:?}");
        }
        for others in [
            vec![(origin, "null")],
            vec![(origin, "")],
            vec![(origin, "http://localhost:81")],
            vec![(origin, "http://evil.example")],
            vec![(origin, "http://localhost:80.evil.example")],
            vec![(site, "cross-site")],
            vec![(site, "same-site")],
            vec![(site, "")],
            vec![(site, "cross-site"), (origin, "http://localhost:80")],
        ] {
            for method in ["POST", "PUT", "DELETE"] {
                assert_eq!(sent(method, &others), Err(StatusCode::FORBIDDEN), "{others:?}");
            }
            assert_eq!(sent("GET", &others), Ok(()), "reading changes nothing");
        }
    }
}
