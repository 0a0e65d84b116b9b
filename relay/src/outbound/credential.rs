//! By what a gateway knows this relay: a bearer token, a certificate, or both.

use std::{fmt, path::PathBuf, sync::Arc};

use arc_swap::ArcSwapOption;
use http::HeaderValue;
use sotto_daemon::{config::Tls, pin::Pin, tls::Certificates, token::Token};

use super::SetupError;
use crate::config;

/// What the relay shows to one gateway, replaceable while it runs.
pub(crate) struct Credential {
    host: String,
    index: usize,
    token_file: Option<PathBuf>,
    /// The value of the Authorization field (RFC 6750).
    field: ArcSwapOption<HeaderValue>,
    certificate: Option<Arc<Certificates>>,
}

impl Credential {
    /// Reads token and certificate of `gateway`, which stands at `index` in the configuration.
    pub(crate) fn load(index: usize, gateway: &config::Gateway) -> Result<Self, Vec<SetupError>> {
        let certificate = match (&gateway.client_certificate, &gateway.client_key) {
            (Some(certificate), Some(key)) => Some(Tls {
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            // One without the other is a contradiction, told where contradictions are.
            _ => None,
        };
        let certificate = certificate
            .map(|files| Certificates::load(&files))
            .transpose()
            .map_err(|source| SetupError::Certificate {
                host: gateway.host.to_string(),
                index,
                source: Box::new(source),
            });
        let credential = Self {
            host: gateway.host.to_string(),
            index,
            token_file: gateway.token_file.clone(),
            field: ArcSwapOption::empty(),
            certificate: None,
        };
        match (credential.reload_token(), certificate) {
            (Ok(()), Ok(certificate)) => Ok(Self {
                certificate,
                ..credential
            }),
            (token, certificate) => Err(token.err().into_iter().chain(certificate.err()).collect()),
        }
    }

    /// Reads the files again; what fails stays as it was, and is told.
    pub(crate) fn reload(&self) -> Vec<SetupError> {
        let certificate = self.certificate.as_ref().map(|certificate| {
            certificate
                .reload()
                .map_err(|source| SetupError::Certificate {
                    host: self.host.clone(),
                    index: self.index,
                    source: Box::new(source),
                })
        });
        [Some(self.reload_token()), certificate]
            .into_iter()
            .flatten()
            .filter_map(Result::err)
            .collect()
    }

    fn reload_token(&self) -> Result<(), SetupError> {
        if let Some(file) = &self.token_file {
            let token = Token::read(file).map_err(|source| SetupError::Token {
                host: self.host.clone(),
                index: self.index,
                source,
            })?;
            self.field.store(Some(Arc::new(bearer(&token))));
        }
        Ok(())
    }

    /// The value of the Authorization field.
    pub(crate) fn field(&self) -> Option<HeaderValue> {
        self.field.load().as_deref().cloned()
    }

    /// What proves this relay in TLS.
    pub(crate) fn certificate(&self) -> Option<Arc<Certificates>> {
        self.certificate.clone()
    }

    /// What the gateway's operator lists for the certificate.
    pub(crate) fn pin(&self) -> Option<Pin> {
        self.certificate.as_ref()?.pin().ok()
    }

    /// What an operator does about a gateway that does not admit this relay.
    pub(crate) fn remedy(&self) -> String {
        let index = self.index;
        match (&self.token_file, self.pin()) {
            (Some(_), Some(pin)) => format!(
                "have the gateway's operator list the token of `gateway.{index}.token_file` or the certificate {pin}"
            ),
            (None, Some(pin)) => {
                format!("have the gateway's operator list the certificate {pin}")
            }
            (Some(_), None) => format!(
                "have the gateway's operator list the token of `gateway.{index}.token_file`, or put the token there that they list"
            ),
            (None, None) => format!(
                "set `gateway.{index}.token_file` to a file with a token that the gateway's operator lists, or `gateway.{index}.client_certificate`"
            ),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn bearer(token: &Token) -> HeaderValue {
    let field = format!("Bearer {}", token.as_str());
    let mut field = HeaderValue::try_from(field).expect("a token is visible ASCII");
    // Debug then hides it, and HPACK never indexes it.
    field.set_sensitive(true);
    field
}
