//! `sotto record check`: each mistake between a registrar and a record is found, the private way and in the open, and
//! nobody is told but those named.

mod realm;

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use domain::base::iana::Rtype;
use serde_json::Value;
use sotto_publish::check::{BASE_PROOF_MAX_OCTETS, Code, Report};
use sotto_tests::annex::{Carrier, OwnGateway, TappedRelay};
use sotto_tests::contacts::{Contact, of_sotto};
use sotto_tests::sotto::{self, Outcome};
use sotto_tests::tap::Tap;
use sotto_tests::{Hierarchy, Parties, now};
use sotto_world::dns::message::{Transport, respond};
use sotto_world::dns::resolver::Internet;
use sotto_world::dns::server::ResolverServer;
use sotto_world::dns::zone::Denial;
use sotto_world::dns::{name, rdata};
use sotto_world::{GATEWAY_HOST, Options, World};

use self::realm::{HUGH, Plan, ZONE};

const GOOD: &str = "v=MIMI1; p=1; a=hugh; e=mimi.harbour.net";

fn codes(report: &Report) -> Vec<Code> {
    let mut codes: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes
}

/// Checks hugh in the zone of `plan`, where everything can be known.
#[track_caller]
fn expect(plan: Plan, expected: &[Code]) -> Report {
    let (report, unknown) = expect_unknown(plan, expected);
    assert_eq!(unknown, [""; 0]);
    report
}

/// The same, and what is not known.
#[track_caller]
fn expect_unknown(plan: Plan, expected: &[Code]) -> (Report, Vec<String>) {
    let (report, unknown) = plan.make(now()).check("hugh@child.test");
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(codes(&report), expected, "{report:#?}");
    (report, unknown.into_iter().map(|it| it.what).collect())
}

fn good() -> Plan {
    Plan::new(&[(HUGH, GOOD)])
}

#[test]
fn a_zone_in_which_nothing_is_wrong_has_no_findings_but_that_it_can_be_listed() {
    expect(good(), &[Code::NsecListsNames]);
    let mut plan = good();
    plan.denial = Denial::Nsec3;
    expect(plan, &[Code::Nsec3Guessable]);
    let host = Plan::new(&[("_mimi.alice", GOOD)]).make(now());
    assert_eq!(codes(&host.check("alice.child.test").0), []);
}

#[test]
fn the_step_at_the_registrar_is_named() {
    // Without signatures nobody can tell a wildcard from a record.
    let (_, unknown) = expect_unknown(good().unsigned(), &[Code::Unsigned]);
    assert_eq!(
        unknown,
        [format!(
            "whether the records stand at {HUGH}.{ZONE}. itself"
        )]
    );

    let plan = good().without_ds();
    let line = plan.ds_line();
    let report = expect(plan, &[Code::DsMissing]);
    assert_eq!(report.findings[0].lines, [line]);
    assert_eq!(report.counts.errors, 1);

    let plan = good().with_ds(|ds| ds[5] ^= 1);
    let line = plan.ds_line();
    let report = expect(plan, &[Code::DsMatchesNoKey]);
    assert_eq!(report.findings[0].lines, [line]);

    let sha1 = good().with_ds(|ds| {
        ds[3] = 1;
        ds.truncate(4 + 20);
    });
    let line = sha1.ds_line();
    let report = expect(sha1, &[Code::DsSha1Only]);
    assert_eq!(report.findings[0].lines, [line]);

    // Ed448, which clients do not support.
    expect(
        good().with_ds(|ds| ds[2] = 16),
        &[Code::AlgorithmUnsupported],
    );
}

#[test]
fn records_that_nobody_can_prove_are_looked_at_all_the_same() {
    let wrong = Plan::new(&[(HUGH, "v=MIMI1; p=1; a=hugh")]);
    expect_unknown(wrong.unsigned(), &[Code::Unsigned, Code::RecordNoProvider]);
    // A wildcard above both names is no suffix entered twice.
    let (_, unknown) = expect_unknown(Plan::new(&[("*", GOOD)]).unsigned(), &[Code::Unsigned]);
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    expect_unknown(
        Plan::new(&[("*", "v=spf1 -all")]).unsigned(),
        &[Code::Unsigned, Code::NoRecord, Code::NotMimi],
    );
}

#[test]
fn signatures_are_held_against_the_clock() {
    for (days, code) in [
        ((-20, -1), Code::SignatureExpired),
        ((1, 10), Code::SignatureNotYetValid),
        ((-10, 2), Code::SignatureNearExpiry),
        ((-1, 60), Code::SignatureLongLived),
        ((-40, -1), Code::SignatureExpired),
    ] {
        let mut plan = Plan::new(&[("_mimi.alice", GOOD)]);
        plan.days = days;
        let (report, _) = plan.make(now()).check("alice.child.test");
        assert_eq!(codes(&report), [code], "{days:?}: {report:#?}");
    }
    let mut plan = Plan::new(&[("_mimi.alice", GOOD)]);
    plan.days = (-40, 14);
    let (report, _) = plan.make(now()).check("alice.child.test");
    assert_eq!(
        codes(&report),
        [Code::SignatureLongLived, Code::SignatureOld]
    );
}

#[test]
fn a_chain_that_is_broken_and_a_key_that_is_short_are_told() {
    let lie = good().with_lie(HUGH, "v=MIMI1; e=im.attacker.net");
    let report = expect(lie, &[Code::ChainBroken, Code::NsecListsNames]);
    let broken = report
        .findings
        .iter()
        .find(|finding| finding.code == Code::ChainBroken);
    assert!(
        broken.unwrap().what.contains("bad_signature"),
        "{report:#?}"
    );

    let host = Plan::new(&[("_mimi.alice", GOOD)]).make(now());
    let (report, _) = host.check_altered("alice.child.test", |verification| {
        verification.chain.last_mut().unwrap().weak_bits = Some(1_024);
    });
    assert_eq!(codes(&report), [Code::KeyWeak]);
}

#[test]
fn what_stands_at_other_names_is_found() {
    let mut doubled = good();
    doubled.add(&format!("{HUGH}.{ZONE}"), Rtype::TXT, rdata::txt(GOOD));
    let report = expect(doubled, &[Code::DoubledSuffix]);
    assert_eq!(
        report.findings[0].name.as_ref().unwrap().to_string(),
        format!("{HUGH}.{ZONE}.{ZONE}.")
    );
    let mut only_doubled = Plan::new(&[]);
    only_doubled.add(&format!("{HUGH}.{ZONE}"), Rtype::TXT, rdata::txt(GOOD));
    expect(
        only_doubled,
        &[Code::DoubledSuffix, Code::NoRecord, Code::NsecListsNames],
    );

    // A wildcard above `_mimi` answers for the name, or only for those beside it.
    expect(
        Plan::new(&[("*", GOOD)]),
        &[
            Code::WildcardUnrelated,
            Code::NoRecord,
            Code::NsecListsNames,
        ],
    );
    let wildcard = Plan::new(&[("*", GOOD), (HUGH, GOOD)]);
    expect(wildcard, &[Code::WildcardUnrelated, Code::NsecListsNames]);
    // One for every mailbox is meant so.
    let every = Plan::new(&[("*._user._mimi", "v=MIMI1; e=mimi.harbour.net")]);
    expect(every, &[Code::NsecListsNames]);
    expect(
        Plan::new(&[("www", "x")]),
        &[Code::NoRecord, Code::NsecListsNames],
    );
    expect(
        Plan::new(&[(HUGH, "v=spf1 -all")]),
        &[Code::NoRecord, Code::NotMimi, Code::NsecListsNames],
    );
}

#[test]
fn both_forms_are_compared() {
    let mut plan = good();
    plan.add_private(HUGH, GOOD);
    expect(plan, &[Code::NsecListsNames]);
    let mut plan = good();
    plan.add_private(HUGH, "v=MIMI1; e=.");
    expect(plan, &[Code::FormsDisagree, Code::NsecListsNames]);
}

#[test]
fn an_answer_that_leaves_the_base_class_is_told() {
    let mut plan = Plan::new(&[]);
    let label = "x".repeat(200);
    for at in 0..40 {
        plan.add(
            HUGH,
            Rtype::TXT,
            rdata::txt(&format!(
                "v=MIMI1; p={at}; a=h; e=im{at}.harbour.net; s={label}"
            )),
        );
    }
    let (report, _) = plan.make(now()).check("hugh@child.test");
    let found = codes(&report);
    assert!(
        found.contains(&Code::AnswerOverflow) && found.contains(&Code::RecordBeyondLimit),
        "{found:?}"
    );

    // The limit is the one that gateways have.
    let class = |octets: usize| sotto_envelope::Answer::proof(vec![0; octets]).class();
    assert_eq!(
        class(BASE_PROOF_MAX_OCTETS),
        Some(sotto_wire::AnswerClass::Base)
    );
    assert_eq!(
        class(BASE_PROOF_MAX_OCTETS + 1),
        Some(sotto_wire::AnswerClass::Overflow)
    );
}

/// The codes of a report of the command, which ended with `code`.
#[track_caller]
fn found(ran: &Outcome, code: i32) -> (Vec<String>, Value) {
    assert_eq!(ran.code, code, "{ran:?}");
    let value = ran.json().unwrap();
    assert_eq!(value["schema"], 1);
    let findings = value["findings"].as_array().unwrap();
    let codes = findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap().to_owned());
    (codes.collect(), value)
}

/// Runs a live check through the parties of the hierarchy.
fn through_parties(arguments: &[&str]) -> Outcome {
    let (hierarchy, parties) = (Hierarchy::shared().unwrap(), Parties::shared().unwrap());
    sotto::through(
        parties,
        hierarchy,
        &[&["record", "check"], arguments].concat(),
    )
    .unwrap()
}

#[test]
fn real_servers_are_checked_through_relay_and_gateway() {
    for (identifier, code, expected) in [
        ("dora.ed25519.example", 0, &[][..]),
        ("five@nsec.test", 0, &["nsec_lists_names", "preference_tie"]),
        ("hugh@nsec.test", 9, &["nsec_lists_names", "account_phone"]),
        (
            "refuses@nsec.test",
            9,
            &["nsec_lists_names", "opt_out_beside_others"],
        ),
        (
            "broken@nsec.test",
            10,
            &["nsec_lists_names", "record_no_provider"],
        ),
        ("delegated.test", 0, &["mimi_delegated"]),
        ("anybody@nsec3.test", 0, &["nsec3_guessable"]),
        ("www.hoster.test", 10, &["wildcard_unrelated", "no_record"]),
    ] {
        let (found, value) = found(&through_parties(&[identifier]), code);
        assert_eq!(found, expected, "{identifier}: {value:#}");
        let questions = value["questions"].as_array().unwrap().len();
        assert!(questions <= 3, "{identifier}: {value:#}");
        assert_eq!(value["learnt"].as_array().unwrap().len(), 3, "{identifier}");
    }
    let (found, _) = found(
        &through_parties(&["five@nsec.test", "--deny", "warnings"]),
        0,
    );
    assert_eq!(found.len(), 2);
    assert_eq!(
        through_parties(&["hugh@nsec.test", "--deny", "warnings"]).code,
        10
    );
}

/// A resolver that answers for the zone of `realm` from there, and asks `resolver` for everything else: as if the
/// registry had delegated the zone. It lasts as long as the test process.
fn with_child(realm: &Arc<Internet>, resolver: SocketAddr) -> SocketAddr {
    // Over TCP as it comes: what is large is the root's. Another process may have the port for UDP.
    let bind = || {
        let address = Tap::on(resolver).unwrap().address();
        UdpSocket::bind(address).ok()
    };
    let socket = (0..16).find_map(|_| bind()).unwrap();
    let address = socket.local_addr().unwrap();
    let realm = Arc::clone(realm);
    let label = b"\x05child\x04test\x00";
    thread::spawn(move || {
        let mut buffer = [0; 4_096];
        while let Ok((length, asker)) = socket.recv_from(&mut buffer) {
            let query = buffer[..length].to_vec();
            let at = query
                .windows(label.len())
                .position(|octets| octets == label);
            let is_ds = at.is_some_and(|at| query[at + label.len()..].starts_with(&[0, 43]));
            let is_apex = at == Some(12);
            let answer = if at.is_some() && !(is_ds && is_apex) {
                respond(&realm, &query, Transport::Udp).map(|response| response.bytes)
            } else {
                let onward = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                onward
                    .set_read_timeout(Some(Duration::from_secs(5)))
                    .unwrap();
                onward.send_to(&query, resolver).unwrap();
                onward
                    .recv(&mut buffer)
                    .ok()
                    .map(|length| buffer[..length].to_vec())
            };
            if let Some(answer) = answer {
                // Who asked may have gone.
                let _ = socket.send_to(&answer, asker);
            }
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_ds_is_found_privately_and_nobody_else_is_told() {
    let plan = good().without_ds();
    let line = plan.ds_line();
    let realm = plan.make(now());
    let doubled = format!("{HUGH}.example.test.example.test");
    let world = World::start(Options {
        records: vec![
            (
                name(ZONE).unwrap(),
                Rtype::NS,
                rdata::target(&name("ns.child.test").unwrap()),
            ),
            (name(&doubled).unwrap(), Rtype::TXT, rdata::txt(GOOD)),
        ],
        ..Options::default()
    })
    .await
    .unwrap();
    let resolver = with_child(&realm.internet, world.resolver_address());
    let patience = Duration::from_secs(5);
    let gateway = OwnGateway::start(&world, Carrier::Tls, resolver, patience)
        .await
        .unwrap();
    let relay = TappedRelay::start(&world, Carrier::Tls, gateway.address())
        .await
        .unwrap();

    let (url, path) = (relay.url(), |name: &str| {
        world.directory().join(name).display().to_string()
    });
    let (anchor, ca) = (path("root.key"), path("ca.pem"));
    let common = [
        "--json",
        "--relay",
        &url,
        "--gateway",
        GATEWAY_HOST,
        "--anchor",
        &anchor,
        "--ca",
        &ca,
    ];
    let address = relay.to_relay().address();
    for (identifier, code, expected) in [
        ("hugh@child.test", 10, &["ds_missing"][..]),
        ("maria@mail.test", 0, &["mimi_delegated"]),
        (
            "hugh@example.test",
            10,
            &["nsec_lists_names", "doubled_suffix"],
        ),
        ("late@expired.test", 10, &["signature_expired"]),
        ("shop.parked.test", 10, &["wildcard_unrelated", "no_record"]),
        ("anyone@lame.test", 10, &["no_answer"]),
    ] {
        let arguments = [&["record", "check", identifier], &common[..]].concat();
        let (ran, contacts) = of_sotto(&arguments).unwrap();
        let (mut found, value) = found(&ran, code);
        let mut expected: Vec<_> = expected.iter().map(|&code| code.to_owned()).collect();
        if identifier == "hugh@example.test" {
            // What the doubled name shows is no denial: nothing tells how the zone denies.
            expected.remove(0);
        }
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{identifier}: {value:#}");
        assert_eq!(
            contacts,
            [Contact::Internet(address)].into(),
            "{identifier}"
        );
        if identifier == "hugh@child.test" {
            assert_eq!(value["findings"][0]["lines"], serde_json::json!([line]));
        }
    }
    // The relay is down: that says nothing of the records.
    relay.shutdown().await;
    let arguments = [&["record", "check", "hugh@child.test"], &common[..]].concat();
    let (found, value) = found(&sotto::run(&arguments).unwrap(), 8);
    assert_eq!((found.len(), &value["answered"]), (0, &Value::Bool(false)));
    gateway.shutdown().await;
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_in_the_open_is_the_only_one() {
    let plan = good().without_ds();
    let line = plan.ds_line();
    let realm = plan.make(now());
    let directory = tempfile::tempdir().unwrap();
    let anchor = directory.path().join("root.key");
    fs::write(&anchor, &realm.anchor).unwrap();
    let anchor = anchor.display().to_string();
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let resolver = ResolverServer::start(Arc::clone(&realm.internet), loopback)
        .await
        .unwrap();
    let address = resolver.address();
    let server = address.to_string();
    let arguments = [
        "record",
        "check",
        "hugh@child.test",
        "--server",
        &server,
        "--anchor",
        &anchor,
    ];
    let (ran, contacts) = of_sotto(&[&arguments[..], &["--json"]].concat()).unwrap();
    let (codes, value) = found(&ran, 10);
    assert_eq!(codes, ["ds_missing"], "{value:#}");
    assert_eq!(value["findings"][0]["lines"][0], line);
    assert_eq!(value["server"], server);
    let learnt = &value["learnt"][0];
    assert_eq!(
        (&learnt["party"], &learnt["host"], &learnt["certain"]),
        (&"dns".into(), &server.as_str().into(), &true.into())
    );
    // Who is meant by an asterisk is everybody, not the mailbox of that name.
    let everybody = [
        &arguments[..2],
        &["*@child.test"],
        &arguments[3..],
        &["--json"],
    ]
    .concat();
    let (_, value) = found(&sotto::run(&everybody).unwrap(), 10);
    assert_eq!(
        value["questions"][0], "*._user._mimi.child.test. TXT",
        "{value:#}"
    );
    assert_eq!(contacts, [Contact::Internet(address)].into());
    // It says so before, and after.
    let ran = sotto::run(&arguments).unwrap();
    assert!(
        ran.stderr
            .contains(&format!("asking {server} directly, in the open")),
        "{ran:?}"
    );
    assert!(
        ran.stdout.contains("learnt") && ran.stdout.contains(&line),
        "{ran:?}"
    );
    assert!(ran.stdout.ends_with("1 error in 1 name\n"), "{ran:?}");

    // One that answers for the zone alone cannot know what the parent says.
    let child_only = UdpSocket::bind(loopback).unwrap();
    let only = child_only.local_addr().unwrap().to_string();
    let internet = Arc::clone(&realm.internet);
    thread::spawn(move || {
        let mut buffer = [0; 4_096];
        while let Ok((length, asker)) = child_only.recv_from(&mut buffer) {
            let query = &buffer[..length];
            let is_of_child = query.windows(6).any(|octets| octets == b"\x05child");
            let mut answer = if is_of_child {
                respond(&internet, query, Transport::Udp).unwrap().bytes
            } else {
                query.to_vec()
            };
            if !is_of_child {
                // REFUSED, with the question alone.
                answer[2] |= 0x80;
                answer[3] = 5;
            }
            let _ = child_only.send_to(&answer, asker);
        }
    });
    let arguments = [
        "record",
        "check",
        "hugh@child.test",
        "--server",
        &only,
        "--anchor",
        &anchor,
        "--json",
    ];
    let (codes, value) = found(&sotto::run(&arguments).unwrap(), 0);
    assert_eq!(codes, ["nsec_lists_names"], "{value:#}");
    let unknown = &value["unknown"][0];
    assert!(
        unknown["what"]
            .as_str()
            .unwrap()
            .contains("child.test. vouches"),
        "{unknown}"
    );
    assert_eq!(unknown["lines"][0], line);

    // Nobody is there.
    let nobody = {
        let socket = UdpSocket::bind(loopback).unwrap();
        socket.local_addr().unwrap().to_string()
    };
    let arguments = [
        "record",
        "check",
        "hugh@child.test",
        "--server",
        &nobody,
        "--anchor",
        &anchor,
        "--json",
    ];
    let (codes, value) = found(&sotto::run(&arguments).unwrap(), 8);
    assert_eq!(
        (codes.len(), &value["answered"]),
        (0, &Value::Bool(false)),
        "{value:#}"
    );
    let remark = value["remarks"][0].as_str().unwrap();
    assert!(remark.contains(&nobody), "{remark}");
}

#[test]
fn files_are_checked_without_telling_anybody() {
    let directory = tempfile::tempdir().unwrap();
    let zone = directory.path().join("example.zone");
    let mut text = String::from("$ORIGIN company.net.\n$TTL 3600\n@ SOA ns h 1 2 3 4 5\n");
    for at in 0..2_000 {
        writeln!(
            text,
            "{at:056x}._user._mimi TXT \"v=MIMI1; p=1; a=u{at}; e=im.provider.net\""
        )
        .unwrap();
    }
    writeln!(text, "_mimi.alice TXT \"v=MIMI1; a=alice\"").unwrap();
    fs::write(&zone, &text).unwrap();
    let zone = zone.display().to_string();
    for arguments in [
        vec!["record", "check", &zone, "--json"],
        vec!["record", "check", "--zone-file", &zone, "--json"],
    ] {
        let (ran, contacts) = of_sotto(&arguments).unwrap();
        let (codes, value) = found(&ran, 10);
        assert_eq!(codes, ["record_no_provider"]);
        assert_eq!(
            (&value["names"], &value["findings"][0]["line"]),
            (&2_001.into(), &2_004.into())
        );
        assert_eq!(contacts, [].into());
    }
    let ran = sotto::run(&["record", "check", &zone]).unwrap();
    assert!(ran.stdout.ends_with("1 error in 2,001 names\n"), "{ran:?}");
    assert_eq!(ran.stderr, "", "a progress bar is for terminals");
}
