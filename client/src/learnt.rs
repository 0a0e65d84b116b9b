//! Who learnt what on a lookup, as far as the client can know.

use std::fmt;

use sotto_wire::AnswerClass;

use crate::operators::Operator;

/// What one party may have learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Learnt {
    /// The party.
    pub party: Party,
    /// Its host name; `None` where the client does not know it.
    pub host: Option<String>,
    /// Who runs it, if known.
    pub operator: Option<String>,
    /// What it may have learnt.
    pub facts: Vec<Fact>,
    /// Whether it certainly learnt that; `false` where the client cannot know how far the request
    /// came.
    pub certain: bool,
}

/// A party to a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Party {
    /// The relay.
    Relay,
    /// The gateway.
    Gateway,
    /// The gateway's resolver and the name servers it asks.
    Dns,
}

/// Something learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fact {
    /// The client's network address.
    ClientAddress,
    /// When it asked.
    Time,
    /// Which gateway it uses.
    Gateway,
    /// The size class of the answer.
    AnswerClass(AnswerClass),
    /// Which relay the question came through.
    Relay,
    /// The owner name asked for, and the type.
    OwnerName,
    /// The address of the gateway, or of its resolver.
    GatewayAddress,
}

impl fmt::Display for Party {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Relay => "relay",
            Self::Gateway => "gateway",
            Self::Dns => "DNS",
        })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientAddress => out.write_str("your address"),
            Self::Time => out.write_str("when"),
            Self::Gateway => out.write_str("which gateway"),
            Self::AnswerClass(class) => write!(out, "an answer of {} octets", class.bytes()),
            Self::Relay => out.write_str("which relay"),
            Self::OwnerName => out.write_str("the name asked for"),
            Self::GatewayAddress => out.write_str("the gateway's address"),
        }
    }
}

impl fmt::Display for Learnt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.party)?;
        if let Some(host) = &self.host {
            write!(out, " {host}")?;
        }
        if !self.certain {
            out.write_str(" may have learnt")?;
        }
        out.write_str(": ")?;
        for (index, fact) in self.facts.iter().enumerate() {
            write!(out, "{}{fact}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// What a lookup did over one relay for one gateway, as far as that can have been seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contact {
    relay: String,
    gateway: String,
    pub(crate) operator: Option<Operator>,
    pub(crate) gateway_operator: Option<Operator>,
    /// A request of any kind may have arrived.
    pub(crate) reached: bool,
    /// A request did arrive: there was an answer.
    pub(crate) answered: bool,
    /// An encapsulated request may have arrived.
    pub(crate) asked: bool,
    pub(crate) answer: Option<AnswerClass>,
    /// The status of an answer that came out of its seal: the gateway read the question.
    pub(crate) sealed_status: Option<u16>,
}

/// All that a lookup did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contacts(Vec<Contact>);

impl Contacts {
    /// What was done over `relay` for `gateway`.
    pub(crate) fn between(&mut self, relay: &str, gateway: &str) -> &mut Contact {
        let known = self
            .0
            .iter()
            .position(|contact| contact.relay == relay && contact.gateway == gateway);
        let index = known.unwrap_or_else(|| {
            self.0.push(Contact {
                relay: relay.to_owned(),
                gateway: gateway.to_owned(),
                ..Contact::default()
            });
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    /// Whether any gateway may have got the question.
    pub(crate) fn asked(&self) -> bool {
        self.0.iter().any(|contact| contact.asked)
    }

    /// Who learnt what: relays, then gateways, then the DNS.
    pub(crate) fn learnt(&self) -> Vec<Learnt> {
        let asked = || self.0.iter().filter(|contact| contact.asked);
        let mut learnt: Vec<_> = by(&self.0, |contact| &contact.relay)
            .into_iter()
            .filter_map(|contacts| {
                let reached = || contacts.iter().filter(|contact| contact.reached);
                let first = reached().next()?;
                Some(Learnt {
                    party: Party::Relay,
                    host: Some(first.relay.clone()),
                    operator: first.operator.as_ref().map(ToString::to_string),
                    facts: [Fact::ClientAddress, Fact::Time, Fact::Gateway]
                        .into_iter()
                        .chain(
                            reached()
                                .filter_map(|contact| contact.answer)
                                .map(Fact::AnswerClass),
                        )
                        .collect(),
                    certain: reached().any(|contact| contact.answered),
                })
            })
            .collect();
        learnt.extend(
            by(&self.0, |contact| &contact.gateway)
                .into_iter()
                .filter_map(|contacts| {
                    let asked = || contacts.iter().filter(|contact| contact.asked);
                    let first = asked().next()?;
                    Some(Learnt {
                        party: Party::Gateway,
                        host: Some(first.gateway.clone()),
                        operator: first.gateway_operator.as_ref().map(ToString::to_string),
                        facts: vec![Fact::Relay, Fact::Time, Fact::OwnerName],
                        certain: asked().any(|contact| contact.sealed_status.is_some()),
                    })
                }),
        );
        if asked().any(|contact| contact.sealed_status.is_none_or(asks_the_dns)) {
            learnt.push(Learnt {
                party: Party::Dns,
                host: None,
                operator: None,
                facts: vec![Fact::GatewayAddress, Fact::Time, Fact::OwnerName],
                certain: asked().any(|contact| contact.sealed_status == Some(200)),
            });
        }
        learnt
    }
}

/// Contacts with the same party together, in the order in which the parties come first.
fn by(contacts: &[Contact], party: fn(&Contact) -> &str) -> Vec<Vec<&Contact>> {
    let mut grouped: Vec<Vec<&Contact>> = Vec::new();
    for contact in contacts {
        match grouped
            .iter_mut()
            .find(|group| party(group[0]) == party(contact))
        {
            Some(group) => group.push(contact),
            None => grouped.push(vec![contact]),
        }
    }
    grouped
}

/// Whether a gateway that answers so under seal may have asked the DNS: not if it refused to.
fn asks_the_dns(sealed_status: u16) -> bool {
    !matches!(sealed_status, 400 | 403 | 503)
}
