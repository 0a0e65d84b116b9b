//! What is said without a signature: that something is refused, and never what stands at a name.

use super::server::{Server, record};
use super::*;

const OWNER: &str = "_mimi.alice.example.com";

/// Makes the answer of somebody without the key to a message, with a response code.
type Forge = fn(&[u8], u8) -> Vec<u8>;

/// A header that answers `message`, and nothing else.
fn forged(message: &[u8], rcode: u8) -> Vec<u8> {
    let opcode = message[2] & 0x78;
    [&message[..2], &[0x84 | opcode, rcode], &[0; 8]].concat()
}

/// The same with a TSIG that says BADKEY, which nobody can sign.
fn forged_bad_key(message: &[u8], rcode: u8) -> Vec<u8> {
    const BADKEY: u8 = 17;
    let mut answer = forged(message, rcode);
    answer[11] = 1;
    let algorithm = name("hmac-sha512");
    // Time, fudge, no MAC, the identifier, the error, nothing else.
    let rest = [&[0; 10], &message[..2], &[0, BADKEY, 0, 0]].concat();
    let rdata = [algorithm.as_wire(), &rest].concat();
    answer.extend(record(&name("mimi"), 250, 0, &rdata));
    answer
}

fn asked(round: &mut Round<'_>) -> Vec<Vec<u8>> {
    match round.step(NOW) {
        Step::Send(messages) => messages,
        other => panic!("{other:?}"),
    }
}

fn server_with_a_record() -> Server {
    let mut server = server();
    let standing = (300, vec![rdata(A)]);
    server.rrsets.insert((name(OWNER), 16), standing);
    server
}

#[test]
fn that_nothing_stands_at_a_name_must_be_signed() {
    for intent in [Intent::Plan, Intent::Publish] {
        let mut server = server_with_a_record();
        let mut session = session();
        let mut round = Round::new(&mut session, vec![target(OWNER, &[])], intent);
        let messages = asked(&mut round);
        round
            .receive(&server.answer(&messages[0], NOW), NOW)
            .unwrap();
        let taken = round.receive(&forged(&messages[1], 3), NOW);
        assert_eq!(taken, Err(Stop::Tsig(TsigError::Unsigned)));
        assert_eq!(round.finish()[0].result, Err(Obstacle::NotTried));
    }
}

#[test]
fn that_a_prerequisite_does_not_hold_must_be_signed() {
    let forge: [(Forge, _); 2] = [
        (forged, TsigError::Unsigned),
        (forged_bad_key, TsigError::BadKey),
    ];
    for (forge, expected) in forge {
        for rcode in [3, 6, 7, 8] {
            let mut server = server_with_a_record();
            server.is_signed = false;
            let mut session = session();
            let mut round = Round::new(&mut session, vec![target(OWNER, &[])], Intent::Publish);
            for message in asked(&mut round) {
                round.receive(&server.answer(&message, NOW), NOW).unwrap();
            }
            let update = asked(&mut round).remove(0);
            let taken = round.receive(&forge(&update, rcode), NOW);
            assert_eq!(taken, Err(Stop::Tsig(expected)), "{rcode}");
            assert_eq!(round.finish()[0].result, Err(Obstacle::Unknown));
        }
    }
}

#[test]
fn that_something_is_refused_need_not_be() {
    let forge: [Forge; 2] = [forged, forged_bad_key];
    for forge in forge {
        let mut server = server_with_a_record();
        let mut session = session();
        let mut round = Round::new(&mut session, vec![target(OWNER, &[])], Intent::Publish);
        for message in asked(&mut round) {
            round.receive(&server.answer(&message, NOW), NOW).unwrap();
        }
        let update = asked(&mut round).remove(0);
        assert_eq!(round.receive(&forge(&update, 5), NOW), Ok(()));
        let result = round.finish().remove(0).result;
        assert_eq!(result.unwrap_err().code(), "update_refused");
    }
}
