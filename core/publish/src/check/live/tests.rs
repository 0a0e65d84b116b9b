use sotto_mimi::{Identifier, RecordForm};

use super::*;

const NOW: u64 = 1_800_000_000;

const GOOD: &str = "v=MIMI1; a=boss; e=im.provider.net";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn record(owner: &Name, rtype: RecordType, rdata: Vec<u8>) -> Record {
    Record {
        owner: owner.clone(),
        rtype,
        class: 1,
        ttl: 300,
        rdata: rdata.into(),
    }
}

fn txt(text: &str) -> Vec<u8> {
    [&[text.len() as u8][..], text.as_bytes()].concat()
}

/// A signature over an RRset whose owner has `labels` labels in its zone.
fn rrsig(owner: &Name, covered: RecordType, labels: u8) -> Record {
    let mut rdata = covered.0.to_be_bytes().to_vec();
    rdata.extend([13, labels]);
    rdata.extend(300_u32.to_be_bytes());
    rdata.extend((NOW as u32 + 14 * 86_400).to_be_bytes());
    rdata.extend((NOW as u32 - 86_400).to_be_bytes());
    rdata.extend([0, 1]);
    rdata.extend(name("example.com").as_wire());
    rdata.extend([0; 64]);
    record(owner, RecordType::RRSIG, rdata)
}

/// What a server of its own zone answers for the identifier's name and for the same with its suffix twice.
struct Server {
    identifier: Identifier,
    main: Vec<Record>,
    doubled: Vec<Record>,
    rcode: u16,
}

impl Server {
    fn new(identifier: &str) -> Self {
        Self {
            identifier: identifier.parse().unwrap(),
            main: Vec::new(),
            doubled: Vec::new(),
            rcode: 0,
        }
    }

    fn owner(&self) -> Name {
        let owner = self.identifier.owner(RecordForm::Txt, None).unwrap();
        name(owner.as_str())
    }

    fn doubled_owner(&self) -> Name {
        with_doubled_suffix(&self.owner(), &Answer::Missing("")).unwrap()
    }

    /// Has both names answer from a wildcard that has `labels` labels without its asterisk, or from one without
    /// signatures.
    fn with_wildcard(mut self, labels: Option<u8>, text: &str) -> Self {
        for owner in [self.owner(), self.doubled_owner()] {
            let mut records = vec![record(&owner, RecordType::TXT, txt(text))];
            records.extend(labels.map(|labels| rrsig(&owner, RecordType::TXT, labels)));
            if owner == self.owner() {
                self.main = records;
            } else {
                self.doubled = records;
            }
        }
        self
    }

    fn check(self) -> (Vec<Code>, Vec<String>) {
        let doubled = self.doubled_owner();
        let response = |answer: &[Record]| Response {
            rcode: self.rcode,
            truncated: false,
            answer: answer.to_vec(),
            authority: Vec::new(),
        };
        let (main, of_doubled) = (response(&self.main), response(&self.doubled));
        let (report, unknown) = Live {
            subject: &self.identifier.clone().into(),
            owner: &self.identifier.owner(RecordForm::Txt, None).unwrap(),
            rtype: RecordType::TXT,
            policy: ProviderPolicy::Public,
            now: NOW,
            answer: Answer::Unproved(&main),
            other_form: None,
            doubled: Some((&doubled, Answer::Unproved(&of_doubled))),
            keys: None,
        }
        .check();
        let codes = report.findings.iter().map(|finding| finding.code);
        let unknown = unknown.into_iter();
        (
            codes.collect(),
            unknown.map(|unknown| unknown.why).collect(),
        )
    }
}

const ABOVE: &str = "the server does not answer for the zones above";
const WILDCARD: &str = "a wildcard may have made them: only signatures tell, and there are none";

#[test]
fn a_wildcard_above_mimi_is_no_record_and_no_doubled_suffix() {
    let (codes, unknown) = Server::new("a@zoo.example.com")
        .with_wildcard(Some(3), GOOD)
        .check();
    assert_eq!(codes, [Code::WildcardUnrelated, Code::NoRecord]);
    assert_eq!(unknown, [ABOVE]);
}

#[test]
fn a_wildcard_of_mailboxes_is_read_as_one() {
    let mut server = Server::new("a@example.com").with_wildcard(Some(4), GOOD);
    server.doubled.clear();
    assert_eq!(server.check().0, [Code::RecordAccountInWildcard]);
    // The same at the name itself: four labels and its own.
    let mut server = Server::new("a@example.com").with_wildcard(Some(5), GOOD);
    server.doubled.clear();
    assert_eq!(server.check().0, []);
}

#[test]
fn without_signatures_nobody_can_tell_a_wildcard() {
    let (codes, unknown) = Server::new("a@zoo.example.com")
        .with_wildcard(None, GOOD)
        .check();
    assert_eq!(codes, [Code::Unsigned]);
    assert_eq!(unknown, [WILDCARD, WILDCARD]);
    // Other records at the other name are no accident of a wildcard's.
    let mut server = Server::new("a@zoo.example.com");
    let doubled = server.doubled_owner();
    server.doubled = vec![record(&doubled, RecordType::TXT, txt(GOOD))];
    let (codes, _) = server.check();
    assert!(codes.contains(&Code::DoubledSuffix), "{codes:?}");
}

#[test]
fn what_is_not_for_mimi_is_no_doubled_suffix() {
    let mut server = Server::new("a@spf.example.com").with_wildcard(None, "v=spf1 -all");
    server.main.clear();
    let (codes, _) = server.check();
    assert!(!codes.contains(&Code::DoubledSuffix), "{codes:?}");
}

#[test]
fn aliases_are_named_and_followed_as_far_as_the_answer_goes() {
    let target = name("records.example.com");
    let alias = |server: &mut Server| {
        let owner = server.owner();
        server.main = vec![
            record(&owner, RecordType::CNAME, target.as_wire().to_vec()),
            rrsig(&owner, RecordType::CNAME, 5),
        ];
    };
    let mut server = Server::new("a@example.com");
    alias(&mut server);
    let (codes, unknown) = server.check();
    assert_eq!(codes, []);
    assert!(
        unknown[0].contains("CNAME at ") && unknown[0].contains("an alias of records.example.com."),
        "{unknown:?}"
    );

    let mut server = Server::new("a@example.com");
    alias(&mut server);
    server.rcode = 3;
    assert_eq!(server.check().0, [Code::NoRecord]);

    let mut server = Server::new("a@example.com");
    alias(&mut server);
    server.main.extend([
        record(&target, RecordType::TXT, txt("v=MIMI1; a=boss")),
        rrsig(&target, RecordType::TXT, 3),
    ]);
    assert_eq!(server.check().0, [Code::RecordNoProvider]);

    let mut server = Server::new("a@example.com");
    let above = name("_user._mimi.example.com");
    let target = name("elsewhere.example.net");
    server.main = vec![
        record(&above, RecordType::DNAME, target.as_wire().to_vec()),
        rrsig(&above, RecordType::DNAME, 4),
    ];
    let (codes, unknown) = server.check();
    assert_eq!(codes, [Code::MimiDname]);
    assert!(
        unknown[0].contains("DNAME at _user._mimi.example.com."),
        "{unknown:?}"
    );
}

#[test]
fn a_response_code_has_its_name() {
    let server = Server::new("a@example.com");
    let owner = server.identifier.owner(RecordForm::Txt, None).unwrap();
    let response = Response {
        rcode: 5,
        truncated: false,
        answer: Vec::new(),
        authority: Vec::new(),
    };
    let (report, _) = Live {
        subject: &server.identifier.clone().into(),
        owner: &owner,
        rtype: RecordType::TXT,
        policy: ProviderPolicy::Public,
        now: NOW,
        answer: Answer::Unproved(&response),
        other_form: None,
        doubled: None,
        keys: None,
    }
    .check();
    assert_eq!(report.findings[0].what, "the server answers with REFUSED");
}

#[test]
fn the_wildcard_of_a_domain_can_be_asked_for_itself() {
    let owner = name("*._user._mimi.example.com");
    let response = |text| Response {
        rcode: 0,
        truncated: false,
        answer: vec![
            record(&owner, RecordType::TXT, txt(text)),
            rrsig(&owner, RecordType::TXT, 4),
        ],
        authority: Vec::new(),
    };
    for (text, expected) in [
        ("v=MIMI1; e=im.provider.net", &[][..]),
        (GOOD, &[Code::RecordAccountInWildcard]),
    ] {
        let response = response(text);
        let domain = "example.com".parse().unwrap();
        let (report, _) = Live {
            owner: &OwnerName::every_mailbox(&domain).unwrap(),
            subject: &Subject::EveryMailbox(domain),
            rtype: RecordType::TXT,
            policy: ProviderPolicy::Public,
            now: NOW,
            answer: Answer::Unproved(&response),
            other_form: None,
            doubled: None,
            keys: None,
        }
        .check();
        let codes: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, expected, "{text}");
    }
}
