//! `sotto record check`.

mod direct;
mod files;
mod live;
mod providers;
mod report;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use sotto_mimi::{Domain, ProviderPolicy, RecordForm};
use sotto_publish::{Subject, Zone};

use self::report::Deny;
use crate::Output;
use crate::args::Form;
use crate::config::Settings;
use crate::failure::Failure;

/// The port that `--server` means if it names none (RFC 1035 section 4.2).
const DNS_PORT: u16 = 53;

/// What the page of help ends with.
const EXIT_CODES: &str = "\
A bare argument is a file of accounts if it ends with .csv, a zone file if it
names another file or begins with /, ./ or ../, and else an identifier.
Exit codes: 0 nothing wrong (notes do not count), 1 a failure of this machine,
2 usage, 8 nobody answered, 9 warnings, 10 errors.
docs/publishing/check.md lists every finding.";

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Whom to check in the live DNS (hugh@example.com, *@example.com, alice.example.com, a "+" number), or the path
    /// of a file.
    #[arg(required_unless_present_any = ["zone_file", "from"])]
    subject: Option<String>,
    /// Check a zone file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["subject", "from"])]
    zone_file: Option<PathBuf>,
    /// Check a file of accounts, comma-separated values.
    #[arg(long, value_name = "CSV", conflicts_with = "subject")]
    from: Option<PathBuf>,
    /// The zone that the file is for, where it does not say so itself.
    #[arg(long, value_name = "ZONE")]
    origin: Option<Zone>,
    /// The form of the records: TXT, or MIMI for the private-use type.
    #[arg(
        long = "type",
        env = "SOTTO_TYPE",
        hide_env_values = true,
        value_name = "TYPE",
        ignore_case = true
    )]
    form: Option<Form>,
    /// The zone below which phone numbers hang. There is no default.
    #[arg(
        long,
        env = "SOTTO_PHONE_ZONE",
        hide_env_values = true,
        value_name = "ZONE"
    )]
    phone_zone: Option<Domain>,
    /// Ask this name server or resolver directly in place of a relay and a gateway. It and whoever listens on the way
    /// learn your address and the names.
    #[arg(long, value_name = "ADDR", value_parser = server_address)]
    server: Option<SocketAddr>,
    /// Contact the providers that the records name, to see whether each has a directory. They learn your address.
    #[arg(long)]
    contact_providers: bool,
    /// Count warnings as errors.
    #[arg(long, value_name = "WHAT")]
    deny: Option<Denied>,
    #[command(flatten)]
    settings: Settings,
}

/// What `--deny` denies.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Denied {
    Warnings,
}

/// What is to be checked.
enum Task<'a> {
    Live(Subject),
    ZoneFile(&'a Path),
    Accounts(&'a Path),
}

pub(crate) fn run(arguments: &Arguments, json: bool) -> Result<Output, Failure> {
    let settings = arguments.settings.completed()?;
    let mut checked = match task(arguments)? {
        Task::Live(subject) => live::check(arguments, &settings, subject, json)?,
        Task::ZoneFile(path) => files::zone(arguments, &settings, path)?,
        Task::Accounts(path) => files::accounts(arguments, &settings, path)?,
    };
    if arguments.contact_providers {
        providers::contact(&mut checked, &settings, json)?;
    }
    let deny = arguments
        .deny
        .map_or(Deny::Errors, |Denied::Warnings| Deny::Warnings);
    Ok(report::output(&checked, deny, json))
}

fn task(arguments: &Arguments) -> Result<Task<'_>, Failure> {
    if let Some(path) = &arguments.zone_file {
        return Ok(Task::ZoneFile(path));
    }
    if let Some(path) = &arguments.from {
        return Ok(Task::Accounts(path));
    }
    let subject = arguments.subject.as_deref().unwrap_or_default();
    let path = Path::new(subject);
    let is_csv = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    // No name ends so, and no identifier begins so: a path that is mistyped must not become a question.
    let is_path = is_csv
        || ["/", "./", "../"]
            .iter()
            .any(|start| subject.starts_with(start));
    if is_path || path.is_file() {
        return Ok(if is_csv {
            Task::Accounts(path)
        } else {
            Task::ZoneFile(path)
        });
    }
    Ok(Task::Live(subject.parse()?))
}

/// The form that is asked for: the flag's, the configuration's, or TXT.
fn form(arguments: &Arguments, settings: &Settings) -> RecordForm {
    arguments
        .form
        .or(settings.form)
        .map_or(RecordForm::Txt, RecordForm::from)
}

/// The phone zone of the flag, or of the configuration.
fn phone_zone(arguments: &Arguments, settings: &Settings) -> Result<Option<Domain>, Failure> {
    match &arguments.phone_zone {
        Some(zone) => Ok(Some(zone.clone())),
        None => crate::lookup::phone_zone(settings.phone_zone.as_ref()),
    }
}

/// A private root has names of its own, `.test` among them.
fn policy(is_iana: bool) -> ProviderPolicy {
    if is_iana {
        ProviderPolicy::Public
    } else {
        ProviderPolicy::PrivateRoot
    }
}

fn server_address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .or_else(|_| {
            text.parse()
                .map(|address| SocketAddr::new(address, DNS_PORT))
        })
        .map_err(|_| {
            "write an IP address, or address and port as in 127.0.0.1:5353 or [::1]:5353".to_owned()
        })
}
