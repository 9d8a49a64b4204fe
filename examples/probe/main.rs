//! What protects the connection to an XMPP server? Nothing is sent but the negotiation.
//!
//! Without arguments it shows the library at work: an in-process server on loopback, a verified
//! connection with its report, and the refusal of a certificate for another name. `--help` tells the rest.

mod all;
mod arguments;
mod check;
mod demo;
mod memory;
mod outcome;
mod show;
mod watch;

use arguments::{Arguments, HELP, Request};
use check::{Found, Prober};
use outcome::Outcome;
use serde_json::json;
use show::Style;
use std::process::ExitCode;
use xmpp_tls::io;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Arguments::parse() {
        Ok(Request::Probe(arguments)) => probe(&arguments).await.into(),
        Ok(Request::Demonstrate) => match demo::run().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("the demonstration failed: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(Request::Help) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("probe: {error}\nTry probe --help.");
            Outcome::Usage.into()
        }
    }
}

async fn probe(arguments: &Arguments) -> Outcome {
    let prober = match Prober::new(arguments) {
        Ok(prober) => prober,
        Err(error) => {
            eprintln!("probe: {error}");
            return Outcome::Usage;
        }
    };
    let style = Style::of_terminal();
    if let Err(error) = prober.is_answered(&arguments.target).await {
        return failed(&error.into(), arguments);
    }
    if arguments.all {
        return all::run(&prober, arguments.target.domain(), arguments.json, style).await;
    }
    if let Some(watch) = arguments.watch {
        return watch::run(&prober, arguments, watch, style).await;
    }
    if !arguments.json {
        for found in prober.candidates(&arguments.target).await.unwrap_or_default() {
            println!("{} by {} DNS", found.endpoint, found.security);
        }
    }
    match prober.look(arguments).await {
        Ok(found) => {
            show(&found, arguments, style);
            match acknowledge(&prober, &found, arguments) {
                true => Outcome::of_report(&found.report),
                false => found.outcome(),
            }
        }
        Err(error) => failed(&error, arguments),
    }
}

fn show(found: &Found, arguments: &Arguments, style: Style) {
    match arguments.json.then(|| serde_json::to_string_pretty(&found.view())) {
        Some(Ok(text)) => return println!("{text}"),
        Some(Err(error)) => return eprintln!("probe: {error}"),
        None => print!("{}", show::text(&found.view(), style)),
    }
    // What a server calls them is for it to say, and goes to a terminal.
    let mechanisms: Vec<_> = found
        .mechanisms
        .iter()
        .map(|name| name.escape_debug().to_string())
        .collect();
    println!("  {:14}{}", "SASL offers", mechanisms.join(", "));
}

/// Whether the certificate is accepted now.
fn acknowledge(prober: &Prober, found: &Found, arguments: &Arguments) -> bool {
    let (Some(ledger), Some(change), true) = (&prober.ledger, &found.change, arguments.acknowledge) else {
        return false;
    };
    let done = memory::acknowledge(ledger, change);
    match &done {
        Ok(true) => eprintln!("The certificate is acknowledged."),
        Ok(false) => eprintln!("There is no certificate to acknowledge."),
        Err(error) => eprintln!("probe: {error}"),
    }
    matches!(done, Ok(true))
}

fn failed(error: &io::Error, arguments: &Arguments) -> Outcome {
    if arguments.json {
        let domain = arguments.target.domain().as_str();
        let failure =
            json!({ "domain": domain, "encrypted": false, "authenticated": false, "error": error.to_string() });
        println!("{failure:#}");
    }
    eprintln!("{error}");
    if let Some(hint) = outcome::hint(error, arguments.target.kind()) {
        eprintln!("{hint}");
    }
    Outcome::of_error(error)
}
