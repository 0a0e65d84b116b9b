//! `sotto lookup --next`: what the user's own provider needs to take it from here.

use std::fmt::Write;

use sotto_client::{Outcome, Report};
use sotto_mimi::{Identifier, Service};

/// What to hand to one's own provider, for each service that was found, the preferred first.
///
/// Provider domains and URIs are of URL characters alone, so that nothing has to be escaped.
pub(crate) fn text(report: &Report) -> String {
    let Outcome::Found(found) = &report.outcome else {
        return "Your provider can do nothing with this outcome\n".to_owned();
    };
    let mut text = "What your provider needs, the preferred first:\n".to_owned();
    for (place, service) in found.services.iter().enumerate() {
        let _ = writeln!(text, "  {}. {}", place + 1, service.provider);
        let _ = writeln!(text, "     directory  {}", service.directory_url());
        let _ = writeln!(text, "     account    {}", account(service));
        if let Some(query) = query(service, report.identifier.as_ref()) {
            let _ = writeln!(text, "     query      {query}");
        }
    }
    text.push_str(
        "It contacts them, and you do not: they would learn your address. It is to connect to public addresses alone\n",
    );
    text
}

fn account(service: &Service) -> String {
    match (service.mimi_uri(), &service.account) {
        (Some(uri), _) => {
            format!("{uri}, the {{targetUser}} of requestConsent and keyMaterial there")
        }
        (None, Some(_)) => "published, and one that no URI can carry".to_owned(),
        (None, None) => "not published".to_owned(),
    }
}

/// How the account is asked for, where none is published.
fn query(service: &Service, identifier: Option<&Identifier>) -> Option<String> {
    let body = service.identifier_query(identifier?)?;
    Some(format!(
        "POST to identifierQuery there, its {{domain}} being {}, these octets: {}",
        service.provider,
        hex::encode(body)
    ))
}
