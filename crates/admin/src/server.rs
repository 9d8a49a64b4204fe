use crate::request::{Reply, Request};
use crate::{Admin, guard, pages};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections that are served at a time; more wait.
const MAX_CONNECTIONS: usize = 64;
/// Octets of the head of a request.
const MAX_HEAD: usize = 16 * 1024;
/// Headers of a request.
const MAX_HEADERS: usize = 64;
/// Octets of a body: a form with a token, a hash and a name.
const MAX_BODY: usize = 8 * 1024;
/// How long a request may take to arrive, and its answer to leave. Each connection has one.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long to wait when the system has no connection to give, for example for want of file descriptors.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// The pages, at an address.
#[derive(Debug)]
pub struct Server {
    admin: Arc<Admin>,
    listener: TcpListener,
}

impl Server {
    pub(crate) fn new(admin: Admin, listener: TcpListener) -> Self {
        Server {
            admin: Arc::new(admin),
            listener,
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves, until this is dropped.
    pub async fn run(self) {
        let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let Ok(permit) = free.clone().acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((socket, _)) => {
                    let admin = self.admin.clone();
                    connections.spawn(async move {
                        // Who is too slow is cut off.
                        let _ = tokio::time::timeout(TIMEOUT, serve(admin, socket)).await;
                        drop(permit);
                    });
                }
                Err(_) => tokio::time::sleep(EXHAUSTED).await,
            }
        }
    }
}

async fn serve(admin: Arc<Admin>, socket: TcpStream) {
    let service = service_fn(move |request| {
        let admin = admin.clone();
        async move { Ok::<_, Infallible>(answer(admin, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(TIMEOUT)
        .keep_alive(false)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(socket), service)
        .await;
    // What goes wrong on a connection is its peer's affair, who has been told if it could be.
    drop(served);
}

const OTHER_HOST: &str = "this host is not served here: Admin::with_host names further ones";

async fn answer(admin: Arc<Admin>, request: hyper::Request<Incoming>) -> Response<Full<Bytes>> {
    let reply = match read(&admin, request).await {
        // Ledgers wait for disks.
        Ok(request) => tokio::task::spawn_blocking(move || pages::answer(&admin, &request))
            .await
            .unwrap_or_else(|_| Reply::plain(StatusCode::INTERNAL_SERVER_ERROR, "this went wrong")),
        Err(StatusCode::MISDIRECTED_REQUEST) => Reply::plain(StatusCode::MISDIRECTED_REQUEST, OTHER_HOST),
        Err(status) => Reply::plain(status, status.canonical_reason().unwrap_or("refused")),
    };
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    headers.extend(reply.header);
    guard::harden(headers);
    response
}

async fn read(admin: &Admin, request: hyper::Request<Incoming>) -> Result<Request, StatusCode> {
    guard::check_host(&request, &admin.hosts)?;
    guard::check_origin(&request)?;
    let (head, body) = request.into_parts();
    let body = match head.method == Method::POST {
        true => {
            let body = Limited::new(body, MAX_BODY).collect().await;
            body.map_err(|error| match error.is::<LengthLimitError>() {
                true => StatusCode::PAYLOAD_TOO_LARGE,
                false => StatusCode::BAD_REQUEST,
            })?
            .to_bytes()
        }
        false => Bytes::new(),
    };
    Ok(Request::new(head.method, &head.uri, &head.headers, &body))
}
