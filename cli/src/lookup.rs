//! `sotto lookup` and `sotto query`: through a relay and a gateway, proved here.

use std::fs;
use std::path::Path;

use sotto_client::blocking::Client;
use sotto_client::{ClientError, Code, Lookup, Outcome, Report, Setup, Step, TlsError};
use sotto_mimi::{Domain, Identifier, RecordForm};
use sotto_proof::{Anchors, Explanation, Limits};

use crate::Output;
use crate::args::{LookupArguments, QueryArguments, ShowArguments};
use crate::config::Settings;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::question::question;
use crate::{clock, files, report, store, svg};

/// Looks a person up.
pub(crate) fn lookup(arguments: &LookupArguments, json: bool) -> Result<Output, Failure> {
    let identifier: Identifier = arguments.identifier.parse()?;
    let settings = arguments.settings.completed()?;
    if matches!(identifier, Identifier::Uri(_)) {
        return finish(
            &resolved(identifier)?,
            &settings,
            &Anchors::iana(),
            &arguments.show,
            json,
            Vec::new(),
        );
    }
    let form = arguments
        .form
        .or(settings.form)
        .map_or(RecordForm::Txt, RecordForm::from);
    let phone_zone = phone_zone(
        arguments
            .phone_zone
            .as_ref()
            .or(settings.phone_zone.as_ref()),
    )?;
    // Refused here, the identifier is the caller's to correct; the client would call it unavailable.
    identifier.owner(form, phone_zone.as_ref())?;

    let (tie_break, note) = store::tie_break();
    let setup = settings.setup(phone_zone, tie_break)?;
    let anchors = setup.anchors().clone();
    let client = client(setup)?;
    let report = client.lookup(identifier, form);
    finish(
        &report,
        &settings,
        &anchors,
        &arguments.show,
        json,
        note.into_iter().collect(),
    )
}

/// Asks for an RRset.
pub(crate) fn query(arguments: &QueryArguments, json: bool) -> Result<Output, Failure> {
    let settings = arguments.settings.completed()?;
    let question = question(&arguments.name, &arguments.rtype, settings.mimi_type())?;
    // Nothing is ranked, so no secret is needed.
    let setup = settings.setup(None, sotto_mimi::TieBreak::new([0; 16]))?;
    let anchors = setup.anchors().clone();
    let client = client(setup)?;
    let report = client.query(question);
    if let Outcome::Unavailable(why) = &report.outcome
        && why.code == Code::NameNotCarried
    {
        return Err(Failure::usage(
            "name_not_carried",
            why.code.summary(),
            why.code.remedy(),
        ));
    }
    finish(
        &report,
        &settings,
        &anchors,
        &arguments.show,
        json,
        Vec::new(),
    )
}

fn phone_zone(text: Option<&String>) -> Result<Option<Domain>, Failure> {
    text.map(|text| {
        text.parse().map_err(|error| {
            Failure::usage(
                "phone_zone_invalid",
                error,
                "write the zone as in enum.example.com",
            )
        })
    })
    .transpose()
}

fn client(setup: Setup) -> Result<Client, Failure> {
    Client::new(setup).map_err(|error| match &error {
        ClientError::Tls(TlsError::Pem(_) | TlsError::NoCertificate | TlsError::Authority(_)) => {
            Failure::usage(
                "ca_invalid",
                error,
                "give certificates in PEM form with --ca",
            )
        }
        ClientError::Tls(TlsError::NoAuthorities) => Failure::own(
            "no_authorities",
            error,
            "install the system's certificates, or give some with --ca",
        ),
        _ => Failure::own(
            "client_failed",
            error,
            "report it as a defect of this software",
        ),
    })
}

/// The report on a `mimi://` URI: nobody is asked, so nobody has to be configured.
fn resolved(identifier: Identifier) -> Result<Report, Failure> {
    let defect = |what: &str| {
        Failure::own(
            "client_failed",
            what,
            "report it as a defect of this software",
        )
    };
    let setup = Setup::builder("https://relay.invalid", "gateway.invalid")
        .build()
        .map_err(|error| defect(&error.to_string()))?;
    match Lookup::identifier(&setup, identifier, RecordForm::Txt, clock::now()) {
        (_, Step::Done(report)) => Ok(*report),
        _ => Err(defect("a URI that is resolved was to be looked up")),
    }
}

/// Keeps the proof if asked to, and says what came of the lookup.
fn finish(
    report: &Report,
    settings: &Settings,
    anchors: &Anchors,
    show: &ShowArguments,
    json: bool,
    mut notes: Vec<String>,
) -> Result<Output, Failure> {
    let wanted = show.explain || show.svg.is_some();
    let explanation = wanted.then(|| explanation(report, anchors)).flatten();
    let objection = report::objection(report);
    if let Some(path) = &show.svg {
        match &explanation {
            Some(explanation) => {
                let picture = svg::draw(explanation, objection.as_deref());
                files::write("the picture", path, picture.as_bytes())?;
            }
            None => notes.push("note: no proof came, so nothing is drawn".to_owned()),
        }
    }
    if let Some(path) = &show.save_proof {
        match &report.proof {
            Some(proof) => save(path, proof)?,
            None => notes.push("note: no proof came, so none is saved".to_owned()),
        }
    }
    Ok(Output {
        text: if json {
            report::json(report, settings.mimi_type(), show.explain)
        } else {
            let explained = show.explain.then_some(explanation.as_ref());
            report::text(report, settings.mimi_type(), explained)
        },
        notes,
        exit: exit(&report.outcome),
    })
}

/// How the proof came to its verdict. Everything is in the report but the anchors, so nobody is
/// asked again.
fn explanation(report: &Report, anchors: &Anchors) -> Option<Explanation> {
    let (proof, question) = (report.proof.as_ref()?, report.question.as_ref()?);
    Some(sotto_proof::explain(
        proof,
        question,
        anchors,
        report.at,
        &Limits::default(),
    ))
}

fn save(path: &Path, proof: &[u8]) -> Result<(), Failure> {
    fs::write(path, proof).map_err(|error| {
        Failure::own(
            "proof_not_saved",
            format!("the proof cannot be written to {}: {error}", path.display()),
            "choose another file; the lookup has to be made again",
        )
    })
}

fn exit(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Found(_) | Outcome::Secure(_) => Exit::Done,
        Outcome::NoRecord(_) => Exit::NoRecord,
        Outcome::OptedOut => Exit::OptedOut,
        Outcome::Invalid(_) => Exit::Invalid,
        Outcome::Insecure(_) => Exit::Insecure,
        Outcome::Bogus(_) => Exit::Bogus,
        Outcome::Unavailable(_) => Exit::Unavailable,
        // The client may grow; this command is to be taught then.
        _ => Exit::OwnFault,
    }
}
