//! `sotto lookup` and `sotto query`: through a relay and a gateway, proved here.

use std::path::PathBuf;

use sotto_client::blocking::Client;
use sotto_client::{ClientError, Code, Lookup, Outcome, Report, Setup, Step, TlsError};
use sotto_mimi::{Domain, Identifier, RecordForm};
use sotto_proof::{Anchors, Explanation, Limits};
use tokio::runtime::{Builder, Runtime};

use crate::Output;
use crate::args::{LookupArguments, QueryArguments, ShowArguments};
use crate::config::Settings;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::Destination;
use crate::question::question;
use crate::{clock, next, report, store, svg};

/// Looks a person up.
pub(crate) fn lookup(arguments: &LookupArguments, json: bool) -> Result<Output, Failure> {
    let identifier: Identifier = arguments
        .identifier
        .as_deref()
        .unwrap_or_default()
        .parse()?;
    let settings = arguments.settings.completed()?;
    if matches!(identifier, Identifier::Uri(_)) {
        let report = resolved(identifier)?;
        let output = finish(
            &report,
            &settings,
            &Anchors::iana(),
            &arguments.show,
            Destinations::open(&arguments.show)?,
            json,
            Vec::new(),
        )?;
        return Ok(with_next(output, &report, arguments, json));
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

    let kept = store::open(&settings)?;
    let setup = settings.setup(phone_zone, &kept)?;
    let anchors = setup.anchors().clone();
    let client = client(setup)?;
    let destinations = Destinations::open(&arguments.show)?;
    let report = client.lookup(identifier, form);
    let output = finish(
        &report,
        &settings,
        &anchors,
        &arguments.show,
        destinations,
        json,
        kept.notes,
    )?;
    Ok(with_next(output, &report, arguments, json))
}

/// Adds what comes next, if that is wanted.
fn with_next(
    mut output: Output,
    report: &Report,
    arguments: &LookupArguments,
    json: bool,
) -> Output {
    if arguments.next && !json {
        output.text.push_str(&next::text(report));
    }
    output
}

/// Asks for an RRset.
pub(crate) fn query(arguments: &QueryArguments, json: bool) -> Result<Output, Failure> {
    let settings = arguments.settings.completed()?;
    let question = question(&arguments.name, &arguments.rtype, settings.mimi_type())?;
    let kept = store::open(&settings)?;
    let setup = settings.setup(None, &kept)?;
    let anchors = setup.anchors().clone();
    let client = client(setup)?;
    let destinations = Destinations::open(&arguments.show)?;
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
        destinations,
        json,
        kept.notes,
    )
}

/// Where proof and picture go. Opened before anybody is asked: to learn afterwards that neither can be kept
/// would cost another question.
struct Destinations {
    proof: Option<Destination>,
    picture: Option<Destination>,
}

impl Destinations {
    fn open(show: &ShowArguments) -> Result<Self, Failure> {
        let open = |what, path: &Option<PathBuf>| {
            path.as_deref()
                .map(|path| Destination::open(what, path))
                .transpose()
        };
        Ok(Self {
            proof: open("the proof", &show.save_proof)?,
            picture: open("the picture", &show.svg)?,
        })
    }
}

/// The phone zone, as it is written.
pub(crate) fn phone_zone(text: Option<&String>) -> Result<Option<Domain>, Failure> {
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

/// A client, or why there is none.
pub(crate) fn client(setup: Setup) -> Result<Client, Failure> {
    Client::new(setup).map_err(|error| no_client(&error))
}

/// A client for many lookups at a time, and the runtime that it wants.
pub(crate) fn asynchronous(setup: Setup) -> Result<(sotto_client::Client, Runtime), Failure> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| no_client(&ClientError::Runtime(error)))?;
    let client = sotto_client::Client::new(setup).map_err(|error| no_client(&error))?;
    Ok((client, runtime))
}

fn no_client(error: &ClientError) -> Failure {
    match error {
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
    }
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

/// Keeps the proof if asked to, and says what came of the lookup, even if it cannot be kept.
fn finish(
    report: &Report,
    settings: &Settings,
    anchors: &Anchors,
    show: &ShowArguments,
    destinations: Destinations,
    json: bool,
    mut notes: Vec<String>,
) -> Result<Output, Failure> {
    notes.extend(
        report
            .store_problem
            .iter()
            .map(|problem| format!("note: this answer is not kept: {problem}")),
    );
    let wanted = show.explain || destinations.picture.is_some();
    let explanation = wanted.then(|| explanation(report, anchors)).flatten();
    let objection = report::objection(report);
    let mut exit = exit(&report.outcome);
    let picture = explanation
        .as_ref()
        .map(|explanation| svg::draw(explanation, objection.as_deref()).into_bytes());
    for (destination, octets, absent) in [
        (
            destinations.picture,
            picture.as_ref(),
            "note: no proof came, so nothing is drawn",
        ),
        (
            destinations.proof,
            report.proof.as_ref(),
            "note: no proof came, so none is saved",
        ),
    ] {
        match (destination, octets) {
            (Some(file), Some(octets)) => {
                if let Err(failure) = file.write(octets) {
                    notes.extend(failure.notes());
                    exit = failure.exit;
                }
            }
            (Some(_), None) => notes.push(absent.to_owned()),
            (None, _) => {}
        }
    }
    let explained = show.explain.then_some(explanation.as_ref());
    Ok(Output {
        text: if json {
            report::json(report, settings.mimi_type(), explained)
        } else {
            report::text(report, settings.mimi_type(), explained)
        },
        notes,
        exit,
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
