//! Who may read, who may change something, and what is refused before anything is looked at.

mod common;

use common::{Site, TOKEN, form, path_of};
use xmpp_tls::ledger::{Key, Ledger};
use xmpp_tls::registry::Registry;
use xmpp_tls_admin::Admin;

fn waiting(ledger: &Ledger, key: &Key) -> usize {
    ledger.record(key).unwrap().unwrap().pending().count()
}

#[tokio::test]
async fn an_acknowledgement_takes_the_token_and_changes_the_ledger() {
    for api in ["", "/api"] {
        let (site, ledger, key) = Site::with_ledger().await;
        let path = format!("{api}{}/acknowledge", path_of(&key));
        let body = form(2);
        let cookie = format!("Cookie: token={TOKEN}\r\n");
        let others_scheme = format!("Authorization: Basic {TOKEN}\r\n");
        let wrong = "Authorization: Bearer 5f1c9f3a8e7d4b62a0c5\r\n";
        let denied = [
            ("", body.clone()),
            ("", format!("{body}&token=")),
            ("", format!("{body}&token={}", &TOKEN[1..])),
            ("", format!("{body}&token={TOKEN}0")),
            (wrong, body.clone()),
            // The header is what counts where both are there.
            (wrong, format!("{body}&token={TOKEN}")),
            (&others_scheme, body.clone()),
            (&cookie, body.clone()),
        ];
        for (headers, body) in denied {
            let answer = site.ask("POST", &path, headers, &body).await;
            assert_eq!(answer.status, 403, "{headers}{body}: {answer:?}");
            assert!(answer.body.contains("that is not the token"), "{answer:?}");
        }
        let in_address = format!("{path}?token={TOKEN}");
        assert_eq!(site.ask("POST", &in_address, "", &body).await.status, 403);
        assert_eq!(waiting(&ledger, &key), 1);

        let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
        let unknown = site.ask("POST", &path, &bearer, &form(7)).await;
        assert_eq!(unknown.status, 404, "{unknown:?}");
        for incomplete in [
            "",
            "by=juliet",
            "spki_sha256=00&by=juliet",
            &body.replace("juliet", "+"),
            "{\"by\": \"juliet\"}",
        ] {
            let answer = site.ask("POST", &path, &bearer, incomplete).await;
            assert_eq!(answer.status, 400, "{incomplete}: {answer:?}");
            let missing = if incomplete.contains("spki_sha256=02") {
                "your name"
            } else {
                "64 hexadecimal digits"
            };
            assert!(answer.body.contains(missing), "{incomplete}: {answer:?}");
        }
        assert_eq!(waiting(&ledger, &key), 1);

        // As a warning prints it.
        let body = body.replace("spki_sha256=", "spki_sha256=sha256:");
        let taken = site.ask("POST", &path, &bearer, &body).await;
        assert_eq!(taken.status, if api.is_empty() { 303 } else { 200 }, "{taken:?}");
        assert_eq!(waiting(&ledger, &key), 0);
        let record = ledger.record(&key).unwrap().unwrap();
        let by: Vec<_> = record.known().filter_map(|known| known.acknowledged.as_ref()).collect();
        assert_eq!(by.len(), 1);
        assert_eq!(by[0].by, "juliet");
    }
}

#[tokio::test]
async fn without_a_token_nobody_may_change_anything() {
    let (_, ledger, key) = Site::with_ledger().await;
    let site = Site::of(Admin::new(Registry::default()).with_ledger(ledger.clone())).await;
    let path = format!("{}/acknowledge", path_of(&key));
    for token in ["", TOKEN] {
        let answer = site.ask("POST", &path, "", &format!("{}&token={token}", form(2))).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.body.contains("no token was set"), "{answer:?}");
    }
    assert_eq!(waiting(&ledger, &key), 1);
}

#[tokio::test]
async fn pages_of_others_change_nothing_even_with_the_token() {
    let (site, ledger, key) = Site::with_ledger().await;
    let path = format!("{}/acknowledge", path_of(&key));
    let body = format!("{}&token={TOKEN}", form(2));
    for headers in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://127.0.0.1:1\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
    ] {
        assert_eq!(site.ask("POST", &path, headers, &body).await.status, 403, "{headers}");
        assert_eq!(site.ask("GET", "/", headers, "").await.status, 200, "{headers}");
    }
    assert_eq!(waiting(&ledger, &key), 1);
    let own = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", site.address);
    assert_eq!(site.ask("POST", &path, &own, &body).await.status, 303);
    assert_eq!(waiting(&ledger, &key), 0);
}

#[tokio::test]
async fn only_hosts_that_are_named_are_served() {
    let site = Site::of(Admin::new(Registry::default()).with_host("Admin.example")).await;
    let asked = async |host: &str| {
        let request = format!("GET / HTTP/1.1\r\n{host}\r\n");
        site.raw(request.as_bytes()).await.status
    };
    for host in [
        "localhost",
        "127.0.0.1:80",
        "[::1]:5281",
        "admin.example",
        "ADMIN.EXAMPLE:443",
    ] {
        assert_eq!(asked(&format!("Host: {host}\r\n")).await, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80"] {
        assert_eq!(asked(&format!("Host: {host}\r\n")).await, 421, "{host}");
    }
    assert_eq!(asked("").await, 400);
    assert_eq!(asked("Host: localhost\r\nHost: evil.example\r\n").await, 400);
}

#[tokio::test]
async fn what_is_too_large_is_not_read() {
    let (site, ledger, key) = Site::with_ledger().await;
    let path = format!("{}/acknowledge", path_of(&key));
    let fits = format!("{}&token={TOKEN}&rest=", form(2));
    let long = "x".repeat(8 * 1024 + 1 - fits.len());
    let declared = site.ask("POST", &path, "", &format!("{fits}{long}")).await;
    assert_eq!(declared.status, 413, "{declared:?}");
    let chunk = "x".repeat(0x1000);
    let chunked = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        format!("1000\r\n{chunk}\r\n").repeat(3)
    );
    assert_eq!(site.raw(chunked.as_bytes()).await.status, 413);
    assert_eq!(waiting(&ledger, &key), 1);

    let header = format!("X-Long: {}\r\n", "x".repeat(20 * 1024));
    assert_eq!(site.ask("GET", "/", &header, "").await.status, 431);
    assert_eq!(site.ask("GET", "/", &"X-Many: x\r\n".repeat(100), "").await.status, 431);

    let most = &long[1..];
    assert_eq!(site.ask("POST", &path, "", &format!("{fits}{most}")).await.status, 303);
    assert_eq!(waiting(&ledger, &key), 0);
}

#[tokio::test]
async fn each_path_has_its_methods_and_every_answer_its_headers() {
    let (site, _, key) = Site::with_ledger().await;
    let domain = path_of(&key);
    let acknowledge = format!("{domain}/acknowledge");
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/style.css", 200),
        ("GET", "/history", 200),
        ("GET", "/rehearsal", 200),
        ("GET", "/metrics", 200),
        ("GET", &domain, 200),
        ("POST", "/", 405),
        ("PUT", "/", 405),
        ("GET", &acknowledge, 405),
        ("DELETE", &acknowledge, 405),
        ("GET", "/nothing", 404),
        ("GET", "/sessions/7", 404),
        ("GET", "/sessions/-1", 404),
        ("GET", "/api/sessions/7", 404),
        ("GET", "/ledger/zz", 404),
        ("GET", "/../style.css", 404),
        ("POST", "/ledger/zz/acknowledge", 404),
    ] {
        let answer = site.ask(method, path, "", "").await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        for header in [
            "content-security-policy: default-src 'none';",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
            "referrer-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(answer.head.contains(header), "{method} {path}: {answer:?}");
        }
        assert!(!answer.head.contains("access-control-allow"), "{answer:?}");
    }
    let head = site.ask("HEAD", "/", "", "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}
