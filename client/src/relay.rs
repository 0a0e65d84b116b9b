//! What a relay says of itself -> who runs it, and where its relay resource for the gateway is.

use sotto_wire::{RelayDescription, media};

use crate::operators::{Operator, Source};
use crate::outcome::{Code, Detail, Retry, Unavailable};
use crate::response::Response;
use crate::setup::RelayEntry;
use crate::url::is_resource_path;

/// Octets of the largest description: room for some 500 gateways.
pub(crate) const DESCRIPTION_MAX_BYTES: usize = 65_536;

/// What is known of a relay.
#[derive(Clone, Debug)]
pub(crate) struct RelayFacts {
    pub(crate) operator: Option<Operator>,
    /// The path of the relay resource for the gateway.
    pub(crate) resource: String,
}

impl RelayFacts {
    /// Reads the relay's answer to a request for its description.
    ///
    /// A foreign relay, whose resource the setup has to name, need not have any. What the setup
    /// states of the operator counts only where the relay declares nothing.
    pub(crate) fn read(
        response: Response,
        relay: &RelayEntry,
        gateway: &str,
    ) -> Result<Self, Unavailable> {
        let named = relay.url.resource().map(str::to_owned);
        let stated = relay.operator.clone();
        let content =
            match response.content(media::JSON, DESCRIPTION_MAX_BYTES, Code::DescriptionMissing) {
                Ok(content) => content,
                Err(why) => {
                    let is_foreign = why.code.retry() != Retry::Later;
                    let resource = named.filter(|_| is_foreign).ok_or(why)?;
                    return Ok(Self {
                        operator: stated,
                        resource,
                    });
                }
            };
        let invalid =
            |cause: String| Unavailable::with(Code::DescriptionInvalid, Detail::Cause(cause));
        let description: RelayDescription =
            serde_json::from_slice(&content).map_err(|error| invalid(error.to_string()))?;
        if description.version != RelayDescription::VERSION {
            return Err(invalid(format!("version {}", description.version)));
        }
        let resource = match (named, description.resource_for(gateway)) {
            (Some(resource), _) => resource,
            (None, Some(resource)) if is_resource_path(resource) => resource.to_owned(),
            (None, Some(_)) => {
                return Err(invalid(
                    "the relay resource is not a path on the relay".to_owned(),
                ));
            }
            (None, None) => return Err(Unavailable::new(Code::GatewayUnknownToRelay)),
        };
        let operator = Operator::new(&description.operator, Source::Declared).or(stated);
        Ok(Self { operator, resource })
    }
}
