//! A world with zones of every kind, the questions worth asking in it, and their proofs.

#![allow(unreachable_pub, reason = "each test binary has its own support")]

use std::collections::BTreeSet;

use sotto_proof::{
    Anchors, Name, Progress, Proof, Prover, ProverLimits, Question, Record, RecordType,
};

use crate::support::*;
use crate::world::{Denial, World};

fn a(owner: &str) -> Record {
    record(owner, RecordType::A, &[192, 0, 2, 1])
}

/// Zones of every kind. `pt.` is a registry like the one of Japan: opt-out, and with names such as
/// `co.pt.` that have delegations below them but are no zones.
pub fn world() -> World {
    use Denial as D;
    let optout = D::Nsec3(Nsec3::OPT_OUT);
    let salted = D::Nsec3(Nsec3 {
        iterations: 3,
        salt: b"\x01\x02",
        opt_out: false,
    });
    World::new(vec![
        (".", D::Nsec, vec![]),
        (
            "pt.",
            optout,
            vec![
                txt("*.w.pt.", "wild"),
                txt("ac.pt.", "here"),
                a("deep.x.ac.pt."),
            ],
        ),
        (
            "test.",
            D::Nsec,
            vec![
                cname("*.test.", "example.test."),
                dname("old.test.", "example.test."),
            ],
        ),
        (
            "org.",
            salted,
            vec![txt("org.", "apex"), txt("*.org.", "every"), a("b.org.")],
        ),
        ("safe.co.pt.", D::Nsec, vec![txt("a.safe.co.pt.", "x")]),
        (
            "plain.co.pt.",
            D::Unsigned,
            vec![txt("a.plain.co.pt.", "x")],
        ),
        ("only.go.pt.", D::Unsigned, vec![txt("a.only.go.pt.", "x")]),
        ("u.ac.pt.", D::Unsigned, vec![txt("_mimi.u.ac.pt.", "x")]),
        (
            "island.plain.co.pt.",
            D::Nsec,
            vec![txt("a.island.plain.co.pt.", "x")],
        ),
        (
            "example.test.",
            D::Nsec,
            vec![
                txt("txt.example.test.", "one"),
                txt("txt.example.test.", "two"),
                txt("*.wild.example.test.", "wild"),
                a("b.wild.example.test."),
                txt("x.ent.example.test.", "x"),
                cname("alias.example.test.", "k.n3.example.test."),
                cname("*.cw.example.test.", "txt.example.test."),
                dname("moved.example.test.", "org."),
                cname("gone.example.test.", "no.narrow.example.test."),
                cname("out.example.test.", "a.plain.co.pt."),
            ],
        ),
        (
            "n3.example.test.",
            salted,
            vec![
                a("k.n3.example.test."),
                txt("*.n3.example.test.", "apexwild"),
                dname("d.n3.example.test.", "example.test."),
                txt("x.ent.n3.example.test.", "x"),
                cname("c.n3.example.test.", "a.b.compact.example.test."),
            ],
        ),
        (
            "narrow.example.test.",
            D::Nsec3Narrow,
            vec![
                a("k.narrow.example.test."),
                txt("*.w.narrow.example.test.", "w"),
                txt("x.ent.narrow.example.test.", "x"),
                cname("c.narrow.example.test.", "alias.example.test."),
            ],
        ),
        (
            "compact.example.test.",
            D::Compact,
            vec![
                a("k.compact.example.test."),
                txt("*.w.compact.example.test.", "w"),
                txt("x.ent.compact.example.test.", "x"),
                txt("a.b.compact.example.test.", "ab"),
            ],
        ),
        (
            "cut.example.test.",
            D::Unsigned,
            vec![
                txt("cut.example.test.", "x"),
                txt("a.cut.example.test.", "x"),
            ],
        ),
        (
            "u.n3.example.test.",
            D::Unsigned,
            vec![txt("a.u.n3.example.test.", "x")],
        ),
        (
            "u.compact.example.test.",
            D::Unsigned,
            vec![txt("a.u.compact.example.test.", "x")],
        ),
    ])
}

/// Every owner name of the world with names above, beside and below it, by a few types.
pub fn questions(world: &World) -> Vec<Question> {
    let mut names = BTreeSet::new();
    for zone in &world.zones {
        for (owner, _) in zone.rrsets.keys() {
            names.insert(owner.clone());
            names.extend(owner.parent());
            for label in ["0", "zz", "_mimi", "*"] {
                names.insert(owner.prepend(label.as_bytes()).unwrap());
            }
            names.insert(owner.prepend(b"f").unwrap());
            let below = owner.prepend(b"m").unwrap().prepend(b"l").unwrap();
            names.insert(below);
        }
    }
    let types = [
        RecordType::TXT,
        RecordType::A,
        RecordType::DS,
        RecordType::CNAME,
        RecordType::DNAME,
        RecordType::NS,
        RecordType::DNSKEY,
    ];
    let ask = |name: &Name| {
        types.map(|rtype| Question {
            name: name.clone(),
            rtype,
        })
    };
    names.iter().flat_map(ask).collect()
}

pub fn prove(world: &World, question: &Question) -> Proof {
    let (mut prover, mut open) = Prover::start(question.clone(), ProverLimits::default());
    while let Some(next) = open.pop() {
        match prover.respond(&next, &world.answer(&next).0).unwrap() {
            Progress::Ask(more) => open.extend(more),
            Progress::Wait => {}
            Progress::Done(proof) => return proof,
        }
    }
    panic!("neither finished nor asking");
}

pub fn anchors(world: &World) -> Anchors {
    world.zones[0].zone.anchors()
}
