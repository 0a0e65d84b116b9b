//! The live DNS: through a relay and a gateway, or one server in the open.

use std::io::{self, Write};
use std::net::SocketAddr;

use sotto_client::{Code, Fault, Outcome, Report as LookupReport};
use sotto_mimi::{OwnerName, RecordForm};
use sotto_proof::message::Response;
use sotto_proof::verify::Code as ProofCode;
use sotto_proof::{Anchors, Limits, Name, Question, RecordType, Verdict, Verification};
use sotto_publish::Subject as Whom;
use sotto_publish::check::{Answer, Live, with_doubled_suffix};

use super::direct::Server;
use super::report::{Asked, Checked, Subject};
use super::{Arguments, form, phone_zone, policy};
use crate::clock;
use crate::config::Settings;
use crate::failure::Failure;
use crate::files;
use crate::lookup;
use crate::store;
use crate::terminal::escape;
use crate::verify;

/// What is asked about one identifier.
struct Questions {
    subject: Whom,
    owner: OwnerName,
    main: Question,
    other_form: Question,
}

/// What came of all of them.
struct Answers {
    main: Got,
    doubled: Option<(Question, Got)>,
    other_form: Option<(Question, Got)>,
    /// What a server that is asked directly says of the keys of the zone.
    keys: Option<(Name, Response)>,
}

impl Answers {
    /// Asks for the neighbours of the name that `main` answers for.
    fn around(
        questions: &Questions,
        main: Got,
        asked: &mut Asked,
        mut ask: impl FnMut(&Question) -> Got,
    ) -> Self {
        let mut answers = Self {
            main,
            doubled: None,
            other_form: None,
            keys: None,
        };
        // Where the name itself cannot be had, its neighbours cannot either.
        if matches!(answers.main, Got::Missing(_)) {
            return answers;
        }
        let mut ask = |question: Question| {
            asked.questions.push(question.clone());
            let got = ask(&question);
            (question, got)
        };
        let rtype = questions.main.rtype;
        answers.doubled = with_doubled_suffix(&questions.main.name, &answers.main.answer())
            .map(|name| ask(Question { name, rtype }));
        answers.other_form = Some(ask(questions.other_form.clone()));
        answers
    }
}

/// What came of one question.
enum Got {
    Proved(Box<Verification>, Vec<u8>),
    Unproved(Response),
    Missing(String),
}

impl Got {
    fn answer(&self) -> Answer<'_> {
        match self {
            Self::Proved(verification, proof) => Answer::Proved {
                verification,
                proof,
            },
            Self::Unproved(response) => Answer::Unproved(response),
            Self::Missing(why) => Answer::Missing(why),
        }
    }
}

/// Checks what the DNS answers for an identifier.
pub(super) fn check(
    arguments: &Arguments,
    settings: &Settings,
    subject: Whom,
    json: bool,
) -> Result<Checked, Failure> {
    let zone = phone_zone(arguments, settings)?;
    let form = form(arguments, settings);
    let owner = |form| match &subject {
        Whom::Person(identifier) => identifier.owner(form, zone.as_ref()),
        Whom::EveryMailbox(domain) => OwnerName::every_mailbox(domain),
    };
    let rtype = |form| match form {
        RecordForm::Txt => RecordType::TXT,
        RecordForm::Mimi => settings.mimi_type(),
    };
    let other = match form {
        RecordForm::Txt => RecordForm::Mimi,
        RecordForm::Mimi => RecordForm::Txt,
    };
    let question = |owner: &OwnerName, form| {
        Ok::<_, Failure>(Question {
            name: name(owner)?,
            rtype: rtype(form),
        })
    };
    let questions = Questions {
        main: question(&owner(form)?, form)?,
        other_form: question(&owner(other)?, other)?,
        owner: owner(form)?,
        subject,
    };
    match arguments.server {
        None => privately(settings, questions, json),
        Some(server) => directly(settings, questions, server, json),
    }
}

/// An owner name of letters, digits, hyphens and underscores, which always is a name.
fn name(owner: &OwnerName) -> Result<Name, Failure> {
    owner.as_str().parse().map_err(|error| {
        Failure::own(
            "client_failed",
            error,
            "report it as a defect of this software",
        )
    })
}

/// Says whom the check tells, before it does.
fn announce(json: bool, text: &str) {
    if !json {
        // Whoever closed standard error does not want to know.
        let _ = writeln!(io::stderr(), "{}", escape(text));
    }
}

fn privately(settings: &Settings, questions: Questions, json: bool) -> Result<Checked, Failure> {
    // Whoever checks wants to know what is published now.
    let kept = store::open(settings)?.asking_anew();
    let setup = settings.setup(None, &kept)?;
    let is_iana = setup.anchors().is_iana();
    let mut relays: Vec<&str> = setup.relay_hosts().collect();
    relays.dedup();
    announce(
        json,
        &format!(
            "asking through relay {}: it learns your address; gateway {} and the DNS behind it learn the names asked for, \
             and not who asks",
            relays.join(", "),
            setup.gateway_hosts().collect::<Vec<_>>().join(", ")
        ),
    );
    let client = lookup::client(setup)?;
    let first = client.query(questions.main.clone());
    let mut asked = Asked::default();
    let mut notes: Vec<String> = crate::report::objection(&first).into_iter().collect();
    asked.questions.push(questions.main.clone());
    asked.learnt.clone_from(&first.learnt);
    asked.said = crate::report::learnt(&first);
    let main = match got(first) {
        Ok(main) => main,
        Err(why) => {
            notes.push(why);
            return Ok(Checked::unanswered(
                Subject::Identifier(questions.subject.to_string()),
                asked,
                notes,
            ));
        }
    };
    let answers = Answers::around(&questions, main, &mut asked, |question| {
        got(client.query(question.clone())).unwrap_or_else(Got::Missing)
    });
    Ok(conclude(&questions, is_iana, &answers, asked, notes))
}

/// What came of a private question; the error is why nothing can be said of the DNS at all.
fn got(report: LookupReport) -> Result<Got, String> {
    if let (Some(verification), Some(proof)) = (report.verification, report.proof) {
        return Ok(Got::Proved(Box::new(verification), proof));
    }
    let Outcome::Unavailable(why) = &report.outcome else {
        return Err("the client has neither proof nor reason".to_owned());
    };
    let said = match (why.context(), why.code) {
        (_, Code::NameNotAllowed) => "the gateway does not answer for it".to_owned(),
        (Some(context), _) => format!("{} ({context})", why.code.summary()),
        (None, _) => why.code.summary().to_owned(),
    };
    if why.code.fault() == Fault::Dns {
        return Ok(Got::Missing(said));
    }
    Err(said)
}

fn directly(
    settings: &Settings,
    questions: Questions,
    address: SocketAddr,
    json: bool,
) -> Result<Checked, Failure> {
    let now = clock::now();
    let anchors = files::anchors(settings.anchor(), now)?;
    announce(
        json,
        &format!(
            "asking {address} directly, in the open: it and whoever listens on the way learn your address and the names asked for"
        ),
    );
    let mut server = Server::new(address);
    let mut asked = Asked {
        server: Some(address.to_string()),
        said: format!(
            "Who learnt what: {address}, and whoever listened on the way: your address, when, the names asked for"
        ),
        ..Asked::default()
    };
    asked.questions.push(questions.main.clone());
    let main = directly_asked(&mut server, &questions.main, &anchors, now);
    if let Got::Missing(why) = main {
        return Ok(Checked::unanswered(
            Subject::Identifier(questions.subject.to_string()),
            asked,
            vec![why],
        ));
    }
    let mut answers = Answers::around(&questions, main, &mut asked, |question| {
        directly_asked(&mut server, question, &anchors, now)
    });
    answers.keys = match &answers.main {
        Got::Unproved(response) => zone_of(response).and_then(|zone| {
            let question = Question {
                name: zone,
                rtype: RecordType::DNSKEY,
            };
            let response = server.ask(&question).ok()?;
            Some((question.name, response))
        }),
        _ => None,
    };
    let is_iana = anchors.is_iana();
    Ok(conclude(&questions, is_iana, &answers, asked, Vec::new()))
}

/// A proof if the server gives the whole chain, as a resolver does; else what it says by itself.
fn directly_asked(server: &mut Server, question: &Question, anchors: &Anchors, now: u64) -> Got {
    if let Ok(proof) = server.prove(question) {
        let verification = sotto_proof::verify(&proof, question, anchors, now, &Limits::default());
        // A server that knows nothing of the root may say so by an empty answer.
        let knows_root = !matches!(
            &verification.verdict,
            Verdict::Bogus(reason)
                if reason.code == ProofCode::MissingDnskey && reason.name.is_root()
        );
        if knows_root {
            return Got::Proved(Box::new(verification), proof);
        }
    }
    match server.ask(question) {
        Ok(response) => Got::Unproved(response),
        Err(error) => Got::Missing(error.to_string()),
    }
}

/// The zone that signed a response, or whose SOA is in it.
fn zone_of(response: &Response) -> Option<Name> {
    let mut records = response.answer.iter().chain(&response.authority);
    records.find_map(|record| match record.rtype {
        RecordType::RRSIG => Some(sotto_proof::rdata::Rrsig::parse(&record.rdata)?.signer),
        RecordType::SOA => Some(record.owner.clone()),
        _ => None,
    })
}

fn conclude(
    questions: &Questions,
    is_iana: bool,
    answers: &Answers,
    asked: Asked,
    notes: Vec<String>,
) -> Checked {
    let live = Live {
        subject: &questions.subject,
        owner: &questions.owner,
        rtype: questions.main.rtype,
        policy: policy(is_iana),
        now: clock::now(),
        answer: answers.main.answer(),
        other_form: answers
            .other_form
            .as_ref()
            .map(|(question, got)| (question, got.answer())),
        doubled: answers
            .doubled
            .as_ref()
            .map(|(question, got)| (&question.name, got.answer())),
        keys: answers
            .keys
            .as_ref()
            .map(|(zone, response)| (zone, response)),
    };
    let (report, unknown) = live.check();
    let vouched = match &answers.main {
        Got::Proved(verification, _) => verify::vouched(verification),
        _ => None,
    };
    Checked {
        subject: Subject::Identifier(questions.subject.to_string()),
        report,
        unknown,
        asked: Some(asked),
        notes: notes.into_iter().chain(vouched).collect(),
        answered: true,
    }
}
