//! A root and one zone below it, with every mistake that can be made between the two.

use std::sync::Arc;

use domain::base::iana::Rtype;
use sotto_mimi::{Identifier, ProviderPolicy, RecordForm};
use sotto_proof::{Anchors, Limits, Name as ProofName, Question, RecordType, Verification, verify};
use sotto_publish::check::{Answer, Live, Report, Unknown, with_doubled_suffix};
use sotto_tests::offline;
use sotto_world::dns::resolver::{Internet, Lie};
use sotto_world::dns::signer::{Algorithm, Window};
use sotto_world::dns::zone::{Denial, ZoneBuilder, ZoneKeys};
use sotto_world::dns::{Name, export, name, rdata};

/// The zone.
pub(crate) const ZONE: &str = "child.test";

/// The label of hugh's mailbox.
pub(crate) const HUGH: &str =
    "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._user._mimi";

/// The private MIMI type.
const MIMI: u16 = 65_400;

const DAY: i64 = 86_400;

/// A root and one zone below it, to be made.
pub(crate) struct Plan {
    keys: ZoneKeys,
    ds: Vec<Vec<u8>>,
    /// From and until when signatures hold, days from now.
    pub(crate) days: (i64, i64),
    pub(crate) denial: Denial,
    signed: bool,
    records: Vec<(String, Rtype, Vec<u8>)>,
    lie: Option<Lie>,
}

impl Plan {
    /// A zone in which nothing is wrong, and which has `records`: relative owners and texts.
    pub(crate) fn new(records: &[(&str, &str)]) -> Self {
        let keys = ZoneKeys::combined(Algorithm::EcdsaP256).unwrap();
        let ds = keys.entry().ds(&name(ZONE).unwrap());
        let mut plan = Self {
            keys,
            ds: vec![ds],
            days: (-1, 14),
            denial: Denial::Nsec,
            signed: true,
            records: Vec::new(),
            lie: None,
        };
        for (owner, text) in records {
            plan.add(owner, Rtype::TXT, rdata::txt(text));
        }
        plan
    }

    pub(crate) fn add(&mut self, owner: &str, rtype: Rtype, rdata: Vec<u8>) {
        self.records.push((format!("{owner}.{ZONE}"), rtype, rdata));
    }

    pub(crate) fn add_private(&mut self, owner: &str, text: &str) {
        self.add(owner, Rtype::from_int(MIMI), rdata::txt(text));
    }

    /// Leaves out what the registrar has to do.
    pub(crate) fn without_ds(mut self) -> Self {
        self.ds.clear();
        self
    }

    /// Changes what the parent says of the keys.
    pub(crate) fn with_ds(mut self, change: impl Fn(&mut Vec<u8>)) -> Self {
        self.ds.iter_mut().for_each(change);
        self
    }

    pub(crate) fn unsigned(mut self) -> Self {
        self.signed = false;
        self.without_ds()
    }

    /// Has the resolver answer a name with another text.
    pub(crate) fn with_lie(mut self, owner: &str, text: &str) -> Self {
        self.lie = Some(Lie {
            owner: name(&format!("{owner}.{ZONE}")).unwrap(),
            rtype: Rtype::TXT,
            rdatas: vec![rdata::txt(text)],
        });
        self
    }

    /// The DS line that a registrar must be given.
    pub(crate) fn ds_line(&self) -> String {
        let ds = self.keys.entry().ds(&name(ZONE).unwrap());
        let tag = u16::from_be_bytes([ds[0], ds[1]]);
        let digest: String = ds[4..].iter().map(|octet| format!("{octet:02X}")).collect();
        format!("{ZONE}. IN DS {tag} {} {} {digest}", ds[2], ds[3])
    }

    /// Signs everything, and serves it.
    pub(crate) fn make(self, now: u64) -> Realm {
        let (apex, child) = (Name::root_vec(), name(ZONE).unwrap());
        let (server, child_server) = (name("ns.root").unwrap(), name("ns.child.test").unwrap());
        let root_keys = ZoneKeys::combined(Algorithm::EcdsaP256).unwrap();
        let anchor = export::anchor(&apex, root_keys.entry());
        let mut root = ZoneBuilder::new(apex, &server);
        root.add(child.clone(), Rtype::NS, rdata::target(&child_server))
            .unwrap();
        for ds in self.ds {
            root.add(child.clone(), Rtype::DS, ds).unwrap();
        }
        let mut zone = ZoneBuilder::new(child, &child_server);
        for (owner, rtype, rdata) in self.records {
            zone.add(name(&owner).unwrap(), rtype, rdata).unwrap();
        }
        let window = |(from, until): (i64, i64)| {
            let at = |days: i64| now.checked_add_signed(days * DAY).unwrap() as u32;
            Window {
                inception: at(from),
                expiration: at(until),
            }
        };
        let mut internet = Internet::new();
        internet.serve(
            server,
            root.sign(&root_keys, Denial::Nsec, window((-1, 14)))
                .unwrap(),
        );
        let zone = if self.signed {
            zone.sign(&self.keys, self.denial, window(self.days))
                .unwrap()
        } else {
            zone.unsigned()
        };
        internet.serve(child_server, zone);
        if let Some(lie) = self.lie {
            internet.lie(lie);
        }
        Realm {
            internet: Arc::new(internet),
            anchor,
            now,
        }
    }
}

/// A root and one zone below it, served in memory.
pub(crate) struct Realm {
    pub(crate) internet: Arc<Internet>,
    /// The root's key, as in a file of trust anchors.
    pub(crate) anchor: String,
    now: u64,
}

impl Realm {
    /// What a check of `identifier` finds, without a socket.
    pub(crate) fn check(&self, identifier: &str) -> (Report, Vec<Unknown>) {
        self.check_altered(identifier, |_| {})
    }

    /// The same after `alter` has changed what the verifier says of the answer.
    pub(crate) fn check_altered(
        &self,
        identifier: &str,
        alter: impl Fn(&mut Verification),
    ) -> (Report, Vec<Unknown>) {
        let identifier: Identifier = identifier.parse().unwrap();
        let anchors = Anchors::parse(&self.anchor).unwrap();
        let proved = |question: &Question| {
            let (name, rtype) = (question.name.to_string(), question.rtype.to_string());
            let proof = offline::prove(&self.internet, &name, &rtype).unwrap();
            let verification = verify(&proof, question, &anchors, self.now, &Limits::default());
            (verification, proof)
        };
        let question = |form: RecordForm, rtype| {
            let owner = identifier.owner(form, None).unwrap();
            let name: ProofName = owner.as_str().parse().unwrap();
            (owner, Question { name, rtype })
        };
        let (owner, main) = question(RecordForm::Txt, RecordType::TXT);
        let (_, other) = question(RecordForm::Mimi, RecordType(MIMI));
        let mut answer = proved(&main);
        alter(&mut answer.0);
        let main_answer = Answer::Proved {
            verification: &answer.0,
            proof: &answer.1,
        };
        let doubled = with_doubled_suffix(&main.name, &main_answer).unwrap();
        let doubled_question = Question {
            name: doubled.clone(),
            rtype: RecordType::TXT,
        };
        let (of_doubled, of_other) = (proved(&doubled_question), proved(&other));
        Live {
            subject: &identifier.clone().into(),
            owner: &owner,
            rtype: RecordType::TXT,
            policy: ProviderPolicy::PrivateRoot,
            now: self.now,
            answer: main_answer,
            other_form: Some((
                &other,
                Answer::Proved {
                    verification: &of_other.0,
                    proof: &of_other.1,
                },
            )),
            doubled: Some((
                &doubled,
                Answer::Proved {
                    verification: &of_doubled.0,
                    proof: &of_doubled.1,
                },
            )),
            keys: None,
        }
        .check()
    }
}
