//! A request as the pages see it, and what they answer.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode, Uri};

/// A request that was let in.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
    bearer: Option<String>,
}

impl Request {
    pub(crate) fn new(method: Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let is_form = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        Request {
            method,
            path: uri.path().to_owned(),
            query: form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
            form: match is_form {
                true => form_urlencoded::parse(body).into_owned().collect(),
                false => Vec::new(),
            },
            bearer: bearer
                .and_then(|value| value.strip_prefix("Bearer "))
                .map(|token| token.to_owned()),
        }
    }

    /// What the address says behind `?`.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// What was typed into the form.
    pub(crate) fn form(&self, name: &str) -> Option<&str> {
        find(&self.form, name)
    }

    /// The token that was sent, in a header or in the form. Nothing else is looked at: browsers send cookies by
    /// themselves, and addresses end up in logs.
    pub(crate) fn token(&self) -> Option<&str> {
        self.bearer.as_deref().or_else(|| self.form("token"))
    }

    pub(crate) fn is_post(&self) -> bool {
        self.method == Method::POST
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    pub(crate) header: Option<(HeaderName, HeaderValue)>,
}

impl Reply {
    pub(crate) fn new(content_type: &'static str, body: String) -> Self {
        Reply {
            status: StatusCode::OK,
            content_type,
            body,
            header: None,
        }
    }

    pub(crate) fn html(body: String) -> Self {
        Self::new("text/html; charset=utf-8", body)
    }

    pub(crate) fn json(body: &impl serde::Serialize) -> Self {
        match serde_json::to_string_pretty(body) {
            Ok(text) => Self::new("application/json", text + "\n"),
            Err(_) => Self::plain(StatusCode::INTERNAL_SERVER_ERROR, "it cannot be shown as JSON"),
        }
    }

    /// A word about why not, without a page around it.
    pub(crate) fn plain(status: StatusCode, text: &str) -> Self {
        Self::new("text/plain; charset=utf-8", format!("{text}\n")).with_status(status)
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.header = HeaderValue::from_str(value).ok().map(|value| (name, value));
        self
    }
}
