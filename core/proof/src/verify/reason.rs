//! Why a verdict is `Insecure` or `Bogus`: reasons as data.

use std::fmt;

use crate::name::Name;
use crate::record::RecordType;

/// Why a verdict is not one of the three proved ones: what rule, and which RRset it concerns.
///
/// Of a `Bogus` verdict, name and type are those of the RRset at fault, which need not be those of
/// the question: a delegation that is broken far above it, an alias on the way, a record that
/// cannot be read. Where nothing is there to blame they say what is missing or could not be settled.
/// Of an `Insecure` verdict, the name is that from which on nothing can be proved, and the type that
/// of the RRset that is missing there (DS) or that leaves it open (NSEC3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reason {
    /// The rule at stake.
    pub code: Code,
    /// The owner name of what is at fault, in lower case.
    pub name: Name,
    /// The type of what is at fault.
    pub rtype: RecordType,
}

impl Reason {
    pub(super) fn new(code: Code, name: &Name, rtype: RecordType) -> Self {
        Self {
            code,
            name: name.to_lowercase(),
            rtype,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, name, rtype } = self;
        write!(
            f,
            "{code} at {name} {rtype}: {} ({})",
            code.rule(),
            code.rfc()
        )
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident, $id:literal, $rule:literal, $rfc:literal;)*) => {
        /// The rule that decided against a proof, or that shows a name to be unsigned.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Every code, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the stable identifier, in snake case.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// Returns the rule in one sentence without a full stop.
            #[must_use]
            pub fn rule(self) -> &'static str {
                match self { $(Self::$variant => $rule,)* }
            }

            /// Returns the document and section that hold the rule.
            #[must_use]
            pub fn rfc(self) -> &'static str {
                match self { $(Self::$variant => $rfc,)* }
            }
        }
    };
}

codes! {
    // Insecure: proved to be unsigned, or unprovable by design.

    /// The delegation has no DS record, and that is proved.
    NoDs, "no_ds", "the parent proves that the delegation has no DS record", "RFC 4035 section 5.2";
    /// The name lies in a span that may hold unsigned delegations.
    OptOut, "opt_out", "an opt-out NSEC3 covers the name, which may hide an unsigned delegation", "RFC 5155 section 9.2";
    /// Every DS record of the zone has an algorithm or digest that is not supported.
    UnsupportedAlgorithm, "unsupported_algorithm", "no DS record of the zone has a supported algorithm and digest", "RFC 4035 section 5.2";
    /// The NSEC3 records of the zone are hashed more often than the limit.
    TooManyIterations, "too_many_iterations", "the zone hashes its names more often than validators accept", "RFC 9276 section 3.2";

    // Bogus: the proof itself.

    /// The octets are no sequence of records, or exceed the limits on size.
    Malformed, "malformed", "the proof is not a sequence of uncompressed records within the limits", "RFC 9102 section 2.1";
    /// Nothing signed can answer a question for such a type.
    UnprovableType, "unprovable_type", "no signature can cover an RRset of the type asked for", "RFC 4035 section 2.2";
    /// Nothing in the proof answers or denies the question.
    NoAnswer, "no_answer", "nothing in the proof answers or denies the question", "RFC 4035 section 5.4";

    // Bogus: the chain of trust.

    /// No trust anchor lies at or above the name.
    NoAnchor, "no_anchor", "no trust anchor lies at or above the zone", "RFC 4035 section 5";
    /// The DNSKEY RRset of a zone is not in the proof.
    MissingDnskey, "missing_dnskey", "the DNSKEY RRset of the zone is missing", "RFC 4035 section 5.2";
    /// A zone has neither a DS RRset nor the proof of its absence.
    MissingDs, "missing_ds", "the zone has neither a DS RRset nor a proof that there is none", "RFC 4035 section 5.2";
    /// No DNSKEY is the one that the trust anchor or a DS record refers to.
    NoMatchingKey, "no_matching_key", "no usable DNSKEY matches a trust anchor or DS record", "RFC 4035 section 5.2";

    // Bogus: a signature.

    /// The RRset has no RRSIG.
    MissingSignature, "missing_signature", "the RRset has no RRSIG", "RFC 4035 section 5.3.1";
    /// The signer's name is not a zone that can hold the RRset.
    WrongSigner, "wrong_signer", "the signer is no zone that can hold the RRset", "RFC 4035 section 5.3.1";
    /// The RRSIG has more labels than the owner name.
    TooManyLabels, "too_many_labels", "the RRSIG counts more labels than the owner name has", "RFC 4035 section 5.3.1";
    /// The RRset comes from a wildcard where none is allowed.
    UnexpectedWildcard, "unexpected_wildcard", "an RRset of this type must not be made from a wildcard", "RFC 4035 section 5.4";
    /// The signature's time is over.
    SignatureExpired, "signature_expired", "the signature has expired", "RFC 4035 section 5.3.1";
    /// The signature's time has not come.
    SignatureNotYetValid, "signature_not_yet_valid", "the signature is not valid yet", "RFC 4035 section 5.3.1";
    /// The algorithm of the RRSIG is not supported, though the zone has one that is.
    UnsupportedSignature, "unsupported_signature", "the RRSIG has an unsupported algorithm in a zone with a supported one", "RFC 4035 section 5.3.1";
    /// No key of the zone has the tag and algorithm of the RRSIG.
    UnknownKey, "unknown_key", "no zone key has the tag and algorithm of the RRSIG", "RFC 4035 section 5.3.1";
    /// The key is malformed, or an RSA key that is shorter than 1,024 bits or longer than 4,096, or
    /// whose exponent is even, 1, or longer than 33 bits.
    WeakKey, "weak_key", "the key is malformed, or its size or exponent is not one that counts", "RFC 5702 section 2";
    /// The signature does not verify.
    BadSignature, "bad_signature", "the signature does not verify", "RFC 4035 section 5.3.3";

    // Bogus: aliases, wildcards, denial.

    /// An owner has several CNAME or DNAME records.
    SeveralAliases, "several_aliases", "an owner name has more than one CNAME or DNAME record", "RFC 2181 section 10.1";
    /// The name made by a DNAME is too long.
    AliasTooLong, "alias_too_long", "the name that a DNAME makes is longer than 255 octets", "RFC 6672 section 2.2";
    /// An alias leads back to a name already seen.
    AliasLoop, "alias_loop", "the aliases lead back to a name already seen", "RFC 1034 section 3.6.2";
    /// More aliases than the limit.
    TooManyAliases, "too_many_aliases", "the answer needs more aliases than the limit", "RFC 1034 section 5.3.3";
    /// The proof that the exact name does not exist is missing.
    WildcardUnproved, "wildcard_unproved", "nothing proves that a name closer than the wildcard does not exist", "RFC 4035 section 5.3.4";
    /// The NSEC or NSEC3 records of the zone do not deny the question.
    DenialIncomplete, "denial_incomplete", "the NSEC or NSEC3 records do not deny the question", "RFC 4035 section 5.4";

    // Bogus: the cost.

    /// More signature checks, or more failing ones, than the limits.
    TooManySignatureChecks, "too_many_signature_checks", "the proof needs more signature checks than the limit", "RFC 4035 section 5.3.3";
    /// More hashing than the limits.
    TooManyHashes, "too_many_hashes", "the proof needs more hashing than the limit", "RFC 9276 section 3.2";

    // Bogus: the caller's second opinion.

    /// Another verifier disagrees. [`verify`](crate::verify()) itself never says so.
    SecondOpinion, "second_opinion", "an independent verifier does not confirm the verdict", "RFC 4035 section 5";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_one_word_of_its_own() {
        let ids: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(ids.len(), Code::ALL.len());
        assert!(
            ids.iter()
                .all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        );
    }

    #[test]
    fn every_code_has_a_rule_of_its_own_and_the_section_that_holds_it() {
        let rules: HashSet<_> = Code::ALL.iter().map(|code| code.rule()).collect();
        assert_eq!(rules.len(), Code::ALL.len());
        for code in Code::ALL {
            let (rule, rfc) = (code.rule(), code.rfc());
            assert!(rule.contains(' ') && !rule.ends_with('.'), "{code}: {rule}");
            let (number, section) = rfc
                .strip_prefix("RFC ")
                .and_then(|rest| rest.split_once(" section "))
                .unwrap_or_else(|| panic!("{code}: {rfc}"));
            assert!(number.parse::<u16>().is_ok(), "{code}: {rfc}");
            let parts: Vec<_> = section.split('.').map(str::parse::<u8>).collect();
            assert!(parts.iter().all(Result::is_ok), "{code}: {rfc}");
        }
    }

    #[test]
    fn every_code_is_told_with_name_type_rule_and_section() {
        for &code in Code::ALL {
            let told = Reason::new(code, &Name::root(), RecordType::MX).to_string();
            let (rule, rfc) = (code.rule(), code.rfc());
            assert_eq!(told, format!("{code} at . MX: {rule} ({rfc})"));
        }
    }

    #[test]
    fn a_reason_names_code_culprit_rule_and_document() {
        let name = "Example.test".parse().unwrap();
        let reason = Reason::new(Code::SignatureExpired, &name, RecordType::TXT);
        assert_eq!(
            reason.to_string(),
            "signature_expired at example.test. TXT: the signature has expired (RFC 4035 section 5.3.1)"
        );
    }
}
