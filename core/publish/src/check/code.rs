//! Everything that a check can find: how bad it is, which rule says so, and what to do about it.

use std::fmt;

use super::Severity;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident, $id:literal, $severity:ident, $source:literal, $remedy:literal;)*) => {
        /// Everything that a check can find.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Every code, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable word for it, in snake case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// How bad it is.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// The document and section that hold the rule. "Profile" is this project's own, the
            /// documentation of `sotto-mimi`.
            #[must_use]
            pub const fn source(self) -> &'static str {
                match self { $(Self::$variant => $source,)* }
            }

            /// What to do about it, in one sentence without a full stop.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

codes! {
    // Whether anybody can prove it.

    /// The domain is not signed, so that no client believes its records.
    Unsigned, "unsigned", Error, "RFC 4035 section 4.3",
        "have your DNS provider sign the domain (it may call that DNSSEC), then give the DS record it shows to your registrar";
    /// The zone is signed, but its parent does not say so.
    DsMissing, "ds_missing", Error, "RFC 4035 section 5.2",
        "compare the DS lines with those that your DNS provider shows: these here are not proved; if they agree, give them to your registrar";
    /// No key of the zone is the one that its parent vouches for.
    DsMatchesNoKey, "ds_matches_no_key", Error, "RFC 4035 section 5.2",
        "have the registrar replace the DS records by those that your DNS provider shows, or remove them until then";
    /// The parent vouches by SHA-1 alone, which does not count any more.
    DsSha1Only, "ds_sha1_only", Error, "RFC 8624 section 3.3",
        "give your registrar a DS record of digest type 2 (SHA-256), then have the old one removed";
    /// The zone is signed with nothing but algorithms that clients do not support.
    AlgorithmUnsupported, "algorithm_unsupported", Error, "RFC 8624 section 3.1",
        "have the zone signed with algorithm 13 (ECDSAP256SHA256), which every validator has";
    /// The zone hashes its names so often that validators give up.
    TooManyIterations, "too_many_iterations", Error, "RFC 9276 section 3.2",
        "set the iterations of NSEC3 to 0 and the salt to nothing, or use NSEC";
    /// Signatures have run out.
    SignatureExpired, "signature_expired", Error, "RFC 4035 section 5.3.1",
        "have the zone signed anew, and find out why the signer stopped; if everything seems expired, check this machine's clock";
    /// Signatures begin in the future.
    SignatureNotYetValid, "signature_not_yet_valid", Error, "RFC 4035 section 5.3.1",
        "check the clocks of the signer and of this machine";
    /// Signatures run out soon.
    SignatureNearExpiry, "signature_near_expiry", Warning, "RFC 6781 section 4.4.2",
        "see that the signer still runs: it should sign anew days before signatures end";
    /// Signatures hold for very long, so that an answer taken back can still be shown.
    SignatureLongLived, "signature_long_lived", Note, "RFC 6781 section 4.4.2",
        "sign for two weeks or so: until a signature ends, an old answer that it covers can be replayed";
    /// Signatures were made long ago.
    SignatureOld, "signature_old", Note, "RFC 6781 section 4.4.2",
        "sign more often: clients that limit the age of answers refuse this one";
    /// An RSA key is shorter than advised.
    KeyWeak, "key_weak", Warning, "RFC 8624 section 3.1",
        "roll over to algorithm 13 (ECDSAP256SHA256), or to RSA with 2048 bits";
    /// The chain of signatures does not hold.
    ChainBroken, "chain_broken", Error, "RFC 4035 section 5.3",
        "show the reason to whoever runs the DNS of the name it blames; `sotto query --explain` draws the chain";
    /// The DNS gives no answer.
    NoAnswer, "no_answer", Error, "RFC 8499 section 3",
        "check the name servers of the domain, and try again";

    // Who can list it.

    /// NSEC lists every name of the zone.
    NsecListsNames, "nsec_lists_names", Note, "RFC 5155 section 1.1",
        "anybody can list the hashes of your mailboxes and guess them offline; NSEC3, or a signer that answers with minimal NSEC (RFC 4470, RFC 9824), makes that slower";
    /// NSEC3 hashes the names of the zone, which slows guessing down and no more.
    Nsec3Guessable, "nsec3_guessable", Note, "RFC 5155 section 12.1.1",
        "nothing to do: the hashes can still be collected and guessed offline, so publish no account that the mailbox's owner would not publish";

    // How long, how large.

    /// A change takes longer than a day to be seen.
    TtlOverDay, "ttl_over_day", Warning, "draft-interop-mimi-discovery-requirements-01 number 20",
        "set the TTL to 86400 seconds or less";
    /// The RRs of one name and type differ in TTL.
    TtlDiffers, "ttl_differs", Warning, "RFC 2181 section 5.2",
        "give all records of the name the same TTL";
    /// The answer does not fit the size that nearly all answers have.
    AnswerOverflow, "answer_overflow", Warning, "docs/protocol.md section 3",
        "publish fewer or shorter records, or sign with ECDSA: an answer of the larger size stands out to whoever watches";

    // Names.

    /// The domain's own name stands in the name twice.
    DoubledSuffix, "doubled_suffix", Error, "RFC 1035 section 5.1",
        "in a web form leave the domain off the name; in a zone file end the name with a dot";
    /// What stands below `_user._mimi` is no hash of a mailbox.
    LabelNotHash, "label_not_hash", Error, "Profile, owner names",
        "use the name that `sotto record new` prints for the mailbox: 56 hexadecimal digits";
    /// Nobody asks for the name.
    NameForNobody, "name_for_nobody", Warning, "Profile, owner names",
        "use the name that `sotto record new` prints: _mimi.<host>, <hash>._user._mimi.<domain>, or *._user._mimi.<domain>";
    /// A wildcard above `_mimi` answers for every name; clients ignore it.
    WildcardUnrelated, "wildcard_unrelated", Warning, "Profile, outcome step 1",
        "nothing, if it is there for something else; to speak for every mailbox publish at *._user._mimi.<domain>";
    /// A wildcard right below `_mimi` speaks for more than mailboxes.
    WildcardWide, "wildcard_wide", Note, "Profile, owner names",
        "publish at *._user._mimi.<domain>: what is meant is then plain, and it still works once something exists at _user._mimi";
    /// `_mimi` is delegated to other name servers.
    MimiDelegated, "mimi_delegated", Note, "RFC 1034 section 4.2",
        "nothing, if meant so: everything at and below the name is theirs, wildcards included, and records of yours below it are not served";
    /// A DNAME hands names over to another domain.
    MimiDname, "mimi_dname", Note, "RFC 6672 section 2.3",
        "nothing, if meant so: what the other zone says of names below this one counts, wildcards included; records at the name itself stay yours";
    /// Records stand below a delegation or a DNAME, where nobody sees them.
    Occluded, "occluded", Error, "RFC 6672 section 2.4",
        "move the records to the zone that the names were handed over to, or take the delegation back";
    /// A CNAME stands beside other records.
    CnameBesideOthers, "cname_beside_others", Error, "RFC 2181 section 10.1",
        "keep the CNAME or the other records, not both: name servers refuse the zone, or serve one of them";
    /// Nothing is published for the identifier.
    NoRecord, "no_record", Error, "Profile, outcome",
        "publish what `sotto record new` prints; if you have, wait until the old TTL has passed, and check that the name is the same to the letter";

    // What the records say.

    /// The quotation marks of a zone file are part of the record.
    LiteralQuotes, "literal_quotes", Error, "RFC 1035 section 5.1",
        "enter the value without quotation marks: the provider's form adds them itself";
    /// It was to be a MIMI record, but the version is not spelt `v=MIMI1`.
    VersionMisspelt, "version_misspelt", Error, "Profile, record",
        "begin the record with v=MIMI1, in this case and before everything else";
    /// A record at a MIMI name is none.
    NotMimi, "not_mimi", Note, "Profile, outcome step 2",
        "nothing, clients ignore it; remove it if it got there by mistake";
    /// The record is longer than clients accept.
    RecordTooLong, "record_too_long", Error, "Profile, outcome step 7",
        "shorten it to 1024 octets";
    /// The record is longer than should be published.
    RecordLong, "record_long", Warning, "Profile, outcome step 7",
        "shorten it to 1024 octets: longer ones make answers that not every path carries";
    /// A part of the record is not of the form name=value.
    RecordSyntax, "record_syntax", Error, "Profile, record",
        "separate tags by semicolons, write each as name=value, and percent-encode ; and % in values";
    /// A tag occurs twice.
    RecordDuplicateTag, "record_duplicate_tag", Error, "Profile, outcome step 3",
        "publish one record for each service instead of several in one";
    /// There is no `e`.
    RecordNoProvider, "record_no_provider", Error, "Profile, record",
        "add e= with the provider's domain, or e=. to opt out";
    /// `a`, `e` or `p` is empty.
    RecordEmptyTag, "record_empty_tag", Error, "Profile, outcome step 3",
        "give the tag a value, or leave it out";
    /// `%` stands where nothing is percent-encoded.
    RecordPercent, "record_percent", Error, "Profile, outcome step 3",
        "write the value as it is: only a and s are percent-encoded";
    /// `%` without two hexadecimal digits.
    RecordBadHex, "record_bad_hex", Error, "Profile, record",
        "write a percent sign as %25";
    /// A value is not UTF-8.
    RecordNotUtf8, "record_not_utf8", Error, "Profile, record",
        "write the value in UTF-8";
    /// A value holds a control.
    RecordControl, "record_control", Error, "Profile, outcome step 3",
        "remove line breaks, tabs and other controls from the value";
    /// The account is too long.
    RecordLongAccount, "record_long_account", Error, "Profile, record",
        "leave the account out: clients then ask the provider";
    /// The preference is no number from 0 to 65535.
    RecordPreference, "record_preference", Error, "Profile, record",
        "write p= with a number from 0 to 65535, the lower the better";
    /// The provider is not a domain name.
    RecordProvider, "record_provider", Error, "Profile, record",
        "write the provider's domain alone, as in e=mimi.example.net: no URL, no address, no IP";
    /// The port is none that a provider may use.
    RecordPort, "record_port", Error, "RFC 9460 section 12",
        "leave the port out, or use 443 or one above 1023";
    /// The provider has a name that the public DNS reserves.
    RecordSpecialUse, "record_special_use", Error, "RFC 6761 section 4",
        "name the provider's real domain";
    /// A wildcard names an account.
    RecordAccountInWildcard, "record_account_in_wildcard", Error, "Profile, outcome step 3",
        "leave a= out: everybody whom the wildcard covers would have one account";
    /// A host's record names no account.
    RecordNoAccountForHost, "record_no_account_for_host", Error, "Profile, outcome step 3",
        "add a=: a host says nothing by which the provider could tell who is meant";
    /// There are more services than clients take.
    RecordBeyondLimit, "record_beyond_limit", Warning, "Profile, outcome step 7",
        "publish at most 16 services for one person";
    /// Several strings of one record run together.
    StringsRunTogether, "strings_run_together", Error, "RFC 1035 section 3.3.14",
        "the strings are joined with nothing between: end each with ; before the next tag, or write one string";
    /// Several strings of one record are joined with a space that will not be meant.
    SpaceAtBoundary, "space_at_boundary", Warning, "RFC 1035 section 3.3.14",
        "join the strings without the space, or split them behind a semicolon";
    /// An opt-out stands beside services.
    OptOutBesideOthers, "opt_out_beside_others", Warning, "Profile, outcome step 4",
        "remove e=. if the person is to be reached, or everything else if not: as it is, the opt-out wins";
    /// The same record twice.
    DuplicateRecord, "duplicate_record", Warning, "RFC 2181 section 5",
        "remove one of them";
    /// The account looks like a phone number.
    AccountPhone, "account_phone", Warning, "draft-interop-mimi-discovery-requirements-01",
        "leave a= out, so that the number is not published for ever: the provider can be asked";
    /// Several services have the same preference.
    PreferenceTie, "preference_tie", Note, "Profile, outcome step 6",
        "give each service its own p=, unless each client may choose among them";
    /// The provider is the domain itself.
    ProviderIsDomain, "provider_is_domain", Note, "Profile, record",
        "nothing, if the domain runs a MIMI service of its own; otherwise name the provider's domain";
    /// The TXT form and the private type say different things.
    FormsDisagree, "forms_disagree", Warning, "Profile, owner names",
        "publish the same records in both forms, or remove one";

    // Providers, when asked to contact them.

    /// The provider's directory cannot be reached.
    ProviderUnreachable, "provider_unreachable", Warning, "draft-ietf-mimi-protocol-06 section 5.1",
        "check the spelling of e=; if it is right, ask the provider";
    /// The provider's host has an address that is not public.
    ProviderPrivateAddress, "provider_private_address", Warning, "RFC 6890 section 2.2.2",
        "check the spelling of e=: nobody outside reaches that address, so it was not contacted";
    /// There is no directory where it should be.
    ProviderNoDirectory, "provider_no_directory", Warning, "draft-ietf-mimi-protocol-06 section 5.1",
        "check the spelling of e=, and that it is a provider of MIMI: its directory belongs at /.well-known/mimi-protocol-directory";

    // Files.

    /// A line is no record that can be read.
    ZoneSyntax, "zone_syntax", Error, "RFC 1035 section 5.1",
        "correct the line: a name server refuses the whole zone";
    /// The file generates records, or includes another that cannot be read.
    ZoneInclude, "zone_include", Warning, "RFC 1035 section 5.1",
        "check what it adds by itself, with its origin";
    /// A relative name before any origin is known.
    ZoneNoOrigin, "zone_no_origin", Error, "RFC 1035 section 5.1",
        "say which zone it is with --origin, or begin the file with $ORIGIN";
    /// A name lies outside the zone.
    ZoneOutside, "zone_outside", Error, "RFC 1035 section 5.2",
        "remove the record or correct its name: a name server ignores it";
    /// A zone file without anything for MIMI.
    ZoneWithoutRecords, "zone_without_records", Note, "Profile, owner names",
        "add what `sotto record new` prints";
    /// A row of a file of accounts that cannot be published.
    AccountsRow, "accounts_row", Error, "docs/publishing.md",
        "correct the row; nothing is published from it as it stands";
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
    fn every_code_is_one_word_of_its_own_with_a_source_and_a_remedy() {
        let words: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            let is_word =
                |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'_';
            assert!(code.as_str().bytes().all(is_word), "{code}");
            assert!(
                !code.remedy().ends_with('.') && code.remedy().contains(' '),
                "{code}"
            );
            assert!(!code.source().is_empty(), "{code}");
        }
    }
}
