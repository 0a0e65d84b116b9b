//! How a verdict came about, for a program: the same that `--explain` draws for a person.

use serde::Serialize;
use sotto_proof::explain::{
    Delegation, Denied, Explanation, Finding, Key, Mnemonic, Role, Set, Signature, State, Step,
    StepOutcome, Weakness, Zone,
};
use sotto_proof::{Name, Question, RecordType};

use super::ReasonObject;

/// The whole way to a verdict.
#[derive(Serialize)]
pub(crate) struct ExplanationObject {
    /// Each behind those above it.
    zones: Vec<ZoneObject>,
    /// From the name asked for over its aliases to the end.
    steps: Vec<StepObject>,
}

impl From<&Explanation> for ExplanationObject {
    fn from(explanation: &Explanation) -> Self {
        let zones = &explanation.zones;
        Self {
            zones: zones
                .iter()
                .map(|zone| ZoneObject::new(zone, zones))
                .collect(),
            steps: explanation
                .steps
                .iter()
                .map(|step| StepObject::new(step, &explanation.question))
                .collect(),
        }
    }
}

/// How far something holds, and why no further.
#[derive(Serialize)]
struct StateObject {
    state: &'static str,
    reason: Option<ReasonObject>,
}

impl From<&State> for StateObject {
    fn from(state: &State) -> Self {
        let (state, reason) = match state {
            State::Held => ("held", None),
            State::Unsigned(reason) => ("unsigned", Some(reason)),
            State::Broken(reason) => ("broken", Some(reason)),
            State::Unreached => ("unreached", None),
        };
        Self {
            state,
            reason: reason.map(ReasonObject::from),
        }
    }
}

#[derive(Serialize)]
struct ZoneObject {
    name: String,
    /// The zone that vouches for it, or should.
    parent: Option<String>,
    #[serde(flatten)]
    state: StateObject,
    /// The tags of its trust anchors.
    anchors: Vec<u16>,
    keys: Vec<KeyObject>,
    sets: Vec<SetObject>,
}

impl ZoneObject {
    fn new(zone: &Zone, zones: &[Zone]) -> Self {
        Self {
            name: zone.name.to_string(),
            parent: zone.parent.map(|parent| zones[parent].name.to_string()),
            state: StateObject::from(&zone.state),
            anchors: zone.anchors.clone(),
            keys: zone.keys.iter().map(KeyObject::from).collect(),
            sets: zone.sets.iter().map(SetObject::from).collect(),
        }
    }
}

/// A key, by what its signatures and delegations refer to it with.
#[derive(Serialize)]
struct KeyId {
    key_tag: u16,
    algorithm: u8,
    mnemonic: String,
}

impl KeyId {
    fn new(key_tag: u16, algorithm: u8) -> Self {
        Self {
            key_tag,
            algorithm,
            mnemonic: Mnemonic(algorithm).to_string(),
        }
    }
}

#[derive(Serialize)]
struct KeyObject {
    #[serde(flatten)]
    id: KeyId,
    secure_entry_point: bool,
    entry: bool,
    signs: bool,
    weakness: Option<&'static str>,
    /// Of an RSA key that is weak.
    bits: Option<usize>,
}

impl From<&Key> for KeyObject {
    fn from(key: &Key) -> Self {
        let (weakness, bits) = match key.weakness {
            None => (None, None),
            Some(Weakness::Bits(bits)) => (Some("short"), Some(bits)),
            Some(Weakness::Unsupported) => (Some("unsupported"), None),
            Some(Weakness::Unusable) => (Some("unusable"), None),
            Some(Weakness::NoZoneKey) => (Some("no_zone_key"), None),
        };
        Self {
            id: KeyId::new(key.tag, key.algorithm),
            secure_entry_point: key.secure_entry_point,
            entry: key.entry,
            signs: key.signs,
            weakness,
            bits,
        }
    }
}

#[derive(Serialize)]
struct SetObject {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    /// 0 where it is missing.
    records: usize,
    #[serde(flatten)]
    state: StateObject,
    signature: Option<SignatureObject>,
    wildcard: Option<String>,
    #[serde(flatten)]
    role: RoleObject,
}

impl From<&Set> for SetObject {
    fn from(set: &Set) -> Self {
        let verified = |signature| SignatureObject::new(signature, true);
        let claimed = || Some(SignatureObject::new(set.claimed.as_ref()?, false));
        Self {
            name: set.owner.to_string(),
            rtype: set.rtype.to_string(),
            records: set.records,
            state: StateObject::from(&set.state),
            signature: set.signature.as_ref().map(verified).or_else(claimed),
            wildcard: set.wildcard.as_ref().map(Name::to_string),
            role: RoleObject::from(&set.role),
        }
    }
}

#[derive(Serialize)]
struct SignatureObject {
    #[serde(flatten)]
    key: KeyId,
    valid_from: u64,
    valid_until: u64,
    /// `false`: nobody vouches for what it says of itself.
    verified: bool,
}

impl SignatureObject {
    fn new(signature: &Signature, verified: bool) -> Self {
        Self {
            key: KeyId::new(signature.key_tag, signature.algorithm),
            valid_from: signature.validity.from,
            valid_until: signature.validity.until,
            verified,
        }
    }
}

/// What an RRset does in a proof, with what only such an RRset has.
#[derive(Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
enum RoleObject {
    Keys,
    Delegation {
        refers_to: Vec<DelegationObject>,
    },
    Alias {
        target: String,
    },
    Answer,
    Denial {
        spans_to: String,
        findings: Vec<FindingObject>,
    },
    Lifetime,
    Other,
}

impl From<&Role> for RoleObject {
    fn from(role: &Role) -> Self {
        match role {
            Role::Keys => Self::Keys,
            Role::Delegation(entries) => Self::Delegation {
                refers_to: entries.iter().map(DelegationObject::from).collect(),
            },
            Role::Alias(target) => Self::Alias {
                target: target.to_string(),
            },
            Role::Answer => Self::Answer,
            Role::Denial { next, findings } => Self::Denial {
                spans_to: next.clone(),
                findings: findings.iter().map(FindingObject::from).collect(),
            },
            Role::Lifetime => Self::Lifetime,
            Role::Other => Self::Other,
        }
    }
}

#[derive(Serialize)]
struct DelegationObject {
    #[serde(flatten)]
    key: KeyId,
    digest_type: u8,
    supported: bool,
}

impl From<&Delegation> for DelegationObject {
    fn from(delegation: &Delegation) -> Self {
        Self {
            key: KeyId::new(delegation.key_tag, delegation.algorithm),
            digest_type: delegation.digest_type,
            supported: delegation.supported,
        }
    }
}

/// What an NSEC or NSEC3 record says about the question.
#[derive(Serialize)]
struct FindingObject {
    finding: &'static str,
    /// The name that it is about; `null` where it is about the whole zone.
    name: Option<String>,
    /// The types at a name that exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<Vec<String>>,
    /// The type that is not among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    lacks: Option<String>,
    /// The wildcard that applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    wildcard: Option<String>,
    /// How many additional times the zone hashes its names.
    #[serde(skip_serializing_if = "Option::is_none")]
    iterations: Option<u16>,
    /// The same in words.
    text: String,
}

impl From<&Finding> for FindingObject {
    fn from(finding: &Finding) -> Self {
        let object = |word, name: Option<&Name>| Self {
            finding: word,
            name: name.map(Name::to_string),
            types: None,
            lacks: None,
            wildcard: None,
            iterations: None,
            text: finding.to_string(),
        };
        match finding {
            Finding::Types { name, types, lacks } => Self {
                types: Some(types.iter().map(RecordType::to_string).collect()),
                lacks: Some(lacks.to_string()),
                ..object("types", Some(name))
            },
            Finding::Encloser(name) => object("encloser", Some(name)),
            Finding::Absent(name) => object("absent", Some(name)),
            Finding::NoWildcard(name) => object("no_wildcard", Some(name)),
            Finding::EmptyNonTerminal(name) => object("empty_non_terminal", Some(name)),
            Finding::WildcardApplies { absent, wildcard } => Self {
                wildcard: Some(wildcard.to_string()),
                ..object("wildcard_applies", Some(absent))
            },
            Finding::NoDs(name) => object("no_ds", Some(name)),
            Finding::OptOut(name) => object("opt_out", Some(name)),
            Finding::Iterations(count) => Self {
                iterations: Some(*count),
                ..object("iterations", None)
            },
        }
    }
}

/// One name on the way.
#[derive(Serialize)]
struct StepObject {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    #[serde(flatten)]
    outcome: OutcomeObject,
}

/// What the name turned out to be.
#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum OutcomeObject {
    Answer {
        records: usize,
        wildcard: Option<String>,
    },
    Alias {
        owner: String,
        by: String,
        wildcard: Option<String>,
        target: String,
    },
    Denied {
        denial: &'static str,
        rule: &'static str,
        rfc: &'static str,
    },
    Unsigned {
        reason: ReasonObject,
    },
    Broken {
        reason: ReasonObject,
    },
}

impl StepObject {
    fn new(step: &Step, question: &Question) -> Self {
        let text = |name: &Option<Name>| name.as_ref().map(Name::to_string);
        let outcome = match &step.outcome {
            StepOutcome::Answer { records, wildcard } => OutcomeObject::Answer {
                records: *records,
                wildcard: text(wildcard),
            },
            StepOutcome::Alias {
                rtype,
                owner,
                wildcard,
                target,
            } => OutcomeObject::Alias {
                owner: owner.to_string(),
                by: rtype.to_string(),
                wildcard: text(wildcard),
                target: target.to_string(),
            },
            StepOutcome::Denied(denied) => OutcomeObject::Denied {
                denial: match denied {
                    Denied::NoType => "no_type",
                    Denied::EmptyNonTerminal => "empty_non_terminal",
                    Denied::WildcardNoType => "wildcard_no_type",
                    Denied::NoName => "no_name",
                    Denied::Compact => "compact",
                },
                rule: denied.rule(),
                rfc: denied.rfc(),
            },
            StepOutcome::Unsigned(reason) => OutcomeObject::Unsigned {
                reason: reason.into(),
            },
            StepOutcome::Broken(reason) => OutcomeObject::Broken {
                reason: reason.into(),
            },
        };
        Self {
            name: step.name.to_string(),
            rtype: question.rtype.to_string(),
            outcome,
        }
    }
}
