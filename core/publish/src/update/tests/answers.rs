//! What is taken for an answer, and what is read from it.

use sotto_proof::message::Response;
use sotto_proof::{Record, RecordType};

use super::super::target::standing;
use super::super::wire::{Header, last_additional};
use super::super::*;
use super::server::rrsig;
use super::{A, KEY, NOW, key, name, publish, rdata, server, session, target};

#[test]
fn answers_that_prove_nothing_stop_the_run() {
    let targets = || vec![target("_mimi.a.example.com", &[A])];
    let mut mute = server();
    mute.is_mute = true;
    assert_eq!(
        publish(&mut mute, targets()).stop,
        Some(Stop::Tsig(TsigError::Unsigned))
    );

    let mut other = server();
    other.key = TsigKey::parse(&KEY.replace("MDEy", "MDEz")).unwrap();
    assert_eq!(
        publish(&mut other, targets()).stop,
        Some(Stop::Tsig(TsigError::Forged))
    );

    // As it was, but an hour ago, or to somebody else's question, or altered anywhere.
    let mut session = session();
    let mut server = server();
    let mut asked = || {
        let mut round = Round::new(&mut session, targets(), Intent::Publish);
        let Step::Send(mut messages) = round.step(NOW) else {
            panic!("a round begins with questions");
        };
        messages.remove(0)
    };
    let message = asked();
    let answer = server.answer(&message, NOW);
    let receive = |octets: &[u8], now| {
        // Identifiers count on: the same message under the identifier of this round's.
        let mut session = Session::new(
            name("example.com"),
            key(),
            u16::from_be_bytes([message[0], message[1]]),
        );
        let mut round = Round::new(&mut session, targets(), Intent::Publish);
        assert!(matches!(round.step(NOW), Step::Send(_)));
        round.receive(octets, now)
    };
    assert_eq!(receive(&answer, NOW), Ok(()));
    assert!(matches!(
        receive(&answer, NOW + 301),
        Err(Stop::Tsig(TsigError::Stale { .. }))
    ));
    let mut unrelated = answer.clone();
    unrelated[0] ^= 0x80;
    assert_eq!(receive(&unrelated, NOW), Err(Stop::Unrelated));
    for end in 0..answer.len() {
        assert!(receive(&answer[..end], NOW).is_err(), "{end}");
    }
    let message_octets = last_additional(&answer).unwrap().unwrap().start;
    for at in 0..answer.len() {
        let mut flipped = answer.clone();
        flipped[at] ^= 0x10;
        let taken = receive(&flipped, NOW);
        // In the signature itself, what names key and algorithm is not looked at: ours are meant.
        assert!(taken.is_err() || at >= message_octets, "{at}");
    }
}

#[test]
fn what_the_server_says_of_the_signature_is_passed_on() {
    let mut session = session();
    let mut server = server();
    for (error, expected) in [
        (16, TsigError::BadSignature),
        (17, TsigError::BadKey),
        (22, TsigError::Other(22)),
    ] {
        let targets = vec![target("_mimi.a.example.com", &[A])];
        let mut round = Round::new(&mut session, targets, Intent::Publish);
        let Step::Send(messages) = round.step(NOW) else {
            panic!("a round begins with questions");
        };
        let mut answer = server.answer(&messages[0], NOW);
        let at = answer.len() - 4;
        answer[at..at + 2].copy_from_slice(&u16::to_be_bytes(error));
        assert_eq!(round.receive(&answer, NOW), Err(Stop::Tsig(expected)));
        assert!(!expected.remedy().is_empty());
    }
}

/// What is read from an answer with these records.
fn read(
    owner: &str,
    is_authoritative: bool,
    answer: &[(&str, u16, &[u8])],
    authority: &[(&str, u16)],
) -> Result<Standing, Obstacle> {
    let record = |owner: &str, rtype, rdata: &[u8]| Record {
        owner: name(owner),
        rtype: RecordType(rtype),
        class: 1,
        ttl: 60,
        rdata: rdata.into(),
    };
    let header = Header {
        id: 1,
        is_update: false,
        is_authoritative,
        rcode: 0,
    };
    let response = Response {
        rcode: 0,
        truncated: false,
        answer: answer
            .iter()
            .map(|(owner, rtype, rdata)| record(owner, *rtype, rdata))
            .collect(),
        authority: authority
            .iter()
            .map(|(owner, rtype)| record(owner, *rtype, &[]))
            .collect(),
    };
    standing(
        &name("example.com"),
        &target(owner, &[A]),
        header,
        &response,
        NOW,
    )
}

#[test]
fn a_wildcard_s_answer_is_nobody_s_own() {
    let owner = "x._user._mimi.example.com";
    let zone = name("example.com");
    let of_wildcard = rrsig(&name("*._user._mimi.example.com"), 16, &zone);
    let own = rrsig(&name(owner), 16, &zone);
    let text = rdata(A);
    let synthesised = read(
        owner,
        true,
        &[(owner, 16, &text), (owner, 46, &of_wildcard)],
        &[],
    )
    .unwrap();
    assert_eq!(synthesised, Standing::default());
    let standing = read(owner, true, &[(owner, 16, &text), (owner, 46, &own)], &[]).unwrap();
    assert!(standing.is_signed && !standing.is_doubtful && standing.rdatas.len() == 1);
    let doubtful = read(owner, true, &[(owner, 16, &text)], &[]).unwrap();
    assert!(doubtful.is_doubtful && !doubtful.is_signed);
    // The wildcard itself.
    let star = "*._user._mimi.example.com";
    let standing = read(
        star,
        true,
        &[(star, 16, &text), (star, 46, &of_wildcard)],
        &[],
    )
    .unwrap();
    assert_eq!(standing.rdatas.len(), 1);
}

#[test]
fn aliases_and_cuts_are_told_apart_from_what_stands() {
    let owner = "_mimi.alice.example.com";
    let zone = name("example.com");
    let target = name("elsewhere.example").as_wire().to_vec();
    let signed = rrsig(&name(owner), 5, &zone);
    let of_wildcard = rrsig(&name("*.example.com"), 5, &zone);
    let alias = |error: Result<Standing, Obstacle>| error.unwrap_err().code();
    assert_eq!(
        alias(read(
            owner,
            true,
            &[(owner, 5, &target), (owner, 46, &signed)],
            &[]
        )),
        "alias_in_the_way"
    );
    assert_eq!(
        alias(read(
            owner,
            true,
            &[("alice.example.com", 39, &target)],
            &[]
        )),
        "alias_in_the_way"
    );
    let below = read(
        owner,
        true,
        &[(owner, 5, &target), (owner, 46, &of_wildcard)],
        &[],
    );
    assert_eq!(below, Ok(Standing::default()));
    assert!(
        read(owner, true, &[(owner, 5, &target)], &[])
            .unwrap()
            .is_doubtful
    );

    assert_eq!(
        alias(read(owner, false, &[], &[("alice.example.com", 2)])),
        "delegated"
    );
    assert_eq!(
        alias(read(owner, true, &[], &[("alice.example.com", 6)])),
        "delegated"
    );
    let of_child = rrsig(&name(owner), 16, &name("alice.example.com"));
    assert_eq!(
        alias(read(
            owner,
            true,
            &[(owner, 16, &rdata(A)), (owner, 46, &of_child)],
            &[]
        )),
        "delegated"
    );
    assert_eq!(alias(read(owner, false, &[], &[])), "not_answered");
    assert_eq!(
        read(owner, true, &[], &[("example.com", 6)]),
        Ok(Standing::default())
    );
}
