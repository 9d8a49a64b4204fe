//! What comes behind the secured stream and is the application's: SASL PLAIN, inside TLS only.

use crate::Failure;
use crate::stanzas::Users;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use xmpp_tls::io::tokio::TokioStream;
use xmpp_tls::ns;
use xmpp_tls::session::Event;
use xmpp_tls::stream::{Element, ElementBuilder, Features};

/// RFC 6120 section 6.4.5: between two and five attempts.
const ATTEMPTS: usize = 3;

/// The name of the user who logged in; `None`: the client left, or guessed too often.
pub(crate) async fn log_in(stream: &mut TokioStream, users: &Users) -> Result<Option<String>, Failure> {
    stream
        .send(Features::builder().mechanisms(["PLAIN"]).build()?.as_element())
        .await?;
    let mut attempts = 0;
    while let Some(event) = stream.next_event().await? {
        let Event::Element(element) = event else { continue };
        if !element.is(ns::SASL, "auth") {
            return Err(format!("<{}/> before login", element.name()).into());
        }
        if let Some(name) = check(&element, users) {
            stream.send(&ElementBuilder::new(ns::SASL, "success").build()?).await?;
            stream.restart().await?;
            let bind = ElementBuilder::new(ns::BIND, "bind");
            stream
                .send(Features::builder().feature(bind).build()?.as_element())
                .await?;
            return Ok(Some(name));
        }
        attempts += 1;
        let reason = ElementBuilder::new(ns::SASL, "not-authorized");
        stream
            .send(&ElementBuilder::new(ns::SASL, "failure").child(reason).build()?)
            .await?;
        if attempts == ATTEMPTS {
            return Ok(None);
        }
    }
    Ok(None)
}

/// RFC 4616: authorization identity, name and password, separated by NUL.
fn check(auth: &Element, users: &Users) -> Option<String> {
    if auth.attribute("mechanism").as_deref() != Some("PLAIN") {
        return None;
    }
    let message = String::from_utf8(BASE64.decode(auth.text().as_bytes()).ok()?).ok()?;
    let mut parts = message.split('\0');
    let (_authorization, name, password) = (parts.next()?, parts.next()?, parts.next()?);
    users.password_is(name, password).then(|| name.to_owned())
}
