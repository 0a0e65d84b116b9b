//! `sotto-gateway keys publish`: the digests of the coming epochs, as zone lines or as a signed update.

use std::{fmt::Write, path::PathBuf, process::ExitCode};

use anyhow::Context;
use serde_json::{Value, json};
use sotto_daemon::{
    clock,
    command::{print, print_json},
};
use sotto_envelope::{Epoch, KeyRecord};
use sotto_gateway::keys::{KEY_RECORD_TTL, PUBLISHED_EPOCHS, is_key_record, records};
use sotto_primary::{Connection, Server, read_key};
use sotto_proof::{Name, RecordType};
use sotto_publish::update::{Change, Intent, Obstacle, Report, Round, Session, Target, TsigKey};

use super::Options;

/// The response code of a server that does not know updates (RFC 2136 section 2.2).
const NOTIMP: u16 = 4;

/// Print the zone lines of the coming 14 epochs, or send them to the zone's primary name server
#[derive(clap::Args)]
#[command(
    after_help = "With --server the key records at the name are replaced by those of the coming 14 epochs in one signed update (RFC 2136, \
                  RFC 8945), and the server is asked whether it serves them. Other TXT records there stay. Run it every day from cron or a \
                  systemd timer, at any instance.\n\
                  Exit codes: 0 the server serves what was wanted (dry run: would be asked to), 1 it does not, 2 usage."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    options: Options,
    /// The zone's primary name server: an IP address or a host name, with a port or without
    #[arg(long, value_name = "ADDR[:PORT]", requires_all = ["zone", "tsig"])]
    server: Option<Server>,
    /// The zone that the gateway's host lies in
    #[arg(long, value_name = "ZONE", requires = "server")]
    zone: Option<Name>,
    /// The file with the TSIG key that may update the name, as tsig-keygen or keymgr -t printed it; mode 600
    #[arg(long, value_name = "FILE", requires = "server")]
    tsig: Option<PathBuf>,
    /// Ask what stands there, say what would change, and change nothing
    #[arg(long, requires = "server")]
    dry_run: bool,
    /// Replace the records of other keys, which strands every client that holds those
    #[arg(long, requires = "server")]
    force: bool,
}

pub(super) fn run(arguments: &Arguments, now: u64) -> anyhow::Result<ExitCode> {
    let options = &arguments.options;
    let (config, file) = options.load()?;
    let wanted = Wanted {
        owner: KeyRecord::owner_name(&config.host),
        records: records(
            &file.load()?,
            &config.operator,
            Epoch::at(now),
            PUBLISHED_EPOCHS,
        )?,
    };
    let (Some(server), Some(zone), Some(tsig)) =
        (&arguments.server, &arguments.zone, &arguments.tsig)
    else {
        return options.answer(&wanted.json(), &wanted.lines()?);
    };
    let key = read_key(tsig).map_err(|error| {
        let remedy = error.remedy();
        anyhow::anyhow!("--tsig: {} {error}; {remedy}", tsig.display())
    })?;
    let sent = Primary::new(server, zone, key)?.publish(&wanted, arguments);
    if !options.json {
        print(wanted.told(server, arguments.dry_run, sent?)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut json = wanted.json();
    json["server"] = json!(server.to_string());
    json["zone"] = json!(zone.to_string());
    json["dry_run"] = json!(arguments.dry_run);
    json["ok"] = json!(sent.is_ok());
    json["problem"] = json!(sent.as_ref().err().map(|error| format!("{error:#}")));
    let code = match &sent {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    };
    json["change"] = sent.ok().flatten().map_or(Value::Null, |change| {
        json!({ "added": change.added.len(), "removed": change.deleted.len(), "others": change.foreign })
    });
    print_json(&json)?;
    Ok(code)
}

/// What is to stand in the DNS.
struct Wanted {
    owner: String,
    records: Vec<KeyRecord>,
}

impl Wanted {
    fn json(&self) -> Value {
        let records: Vec<_> = self
            .records
            .iter()
            .map(|record| json!({ "epoch": record.epoch.0, "text": record.to_text(), "rdata_hex": hex::encode(record.to_rdata()) }))
            .collect();
        json!({ "schema": 1, "owner": self.owner, "type": "TXT", "ttl": KEY_RECORD_TTL, "records": records })
    }

    fn lines(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        for record in &self.records {
            let strings = character_strings(&record.to_rdata());
            writeln!(text, "{} {KEY_RECORD_TTL} IN TXT {strings}", self.owner)?;
        }
        Ok(text)
    }

    fn target(&self) -> anyhow::Result<Target> {
        let owner = self.owner.parse().with_context(|| {
            format!(
                "there can be no key record at {}: choose a shorter host",
                self.owner
            )
        })?;
        Ok(Target {
            owner,
            rtype: RecordType::TXT,
            ttl: KEY_RECORD_TTL,
            rdatas: self.records.iter().map(KeyRecord::to_rdata).collect(),
            is_ours: is_key_record,
        })
    }

    /// What came of it, for a person.
    fn told(
        &self,
        server: &Server,
        dry_run: bool,
        change: Option<Change>,
    ) -> anyhow::Result<String> {
        let (first, last) = self
            .records
            .first()
            .zip(self.records.last())
            .context("no epochs")?;
        let (owner, first, last) = (&self.owner, first.epoch, last.epoch);
        let Some(change) = change else {
            return Ok(format!(
                "Nothing to do: {server} serves the digests of epochs {first} to {last} at {owner}\n"
            ));
        };
        let (added, removed) = (change.added.len(), change.deleted.len());
        let mut text = if dry_run {
            format!(
                "At {owner} {server} would be asked to add {added} key records and to remove {removed}.\n"
            )
        } else {
            format!(
                "{server} serves the digests of epochs {first} to {last} at {owner} ({added} added, {removed} removed).\n"
            )
        };
        if change.foreign > 0 {
            writeln!(text, "TXT records of others that stay: {}.", change.foreign)?;
        }
        Ok(text)
    }

    /// The epochs of those records among `deleted` that are of other keys: of another operator, or of an epoch that we have another digest
    /// for. What is over is nobody's any more.
    fn strangers(&self, deleted: &[Box<[u8]>]) -> Vec<Epoch> {
        deleted
            .iter()
            .filter_map(|rdata| KeyRecord::parse(rdata).ok())
            .filter(|stands| {
                self.records.iter().any(|record| {
                    stands.epoch == record.epoch
                        && (stands.operator != record.operator || stands.digest != record.digest)
                })
            })
            .map(|stands| stands.epoch)
            .collect()
    }
}

/// The zone's primary name server.
struct Primary<'a> {
    server: &'a Server,
    session: Session,
    connection: Connection,
}

impl<'a> Primary<'a> {
    fn new(server: &'a Server, zone: &Name, key: TsigKey) -> anyhow::Result<Self> {
        let mut id = [0; 2];
        aws_lc_rs::rand::fill(&mut id)
            .ok()
            .context("the system's random source gives nothing; wait until it has been seeded")?;
        Ok(Self {
            server,
            session: Session::new(zone.clone(), key, u16::from_be_bytes(id)),
            connection: Connection::new(server.clone()),
        })
    }

    /// Looks first, so that nobody's keys are replaced unseen; then publishes, unless it is a dry run. Gives what was changed.
    fn publish(
        &mut self,
        wanted: &Wanted,
        arguments: &Arguments,
    ) -> anyhow::Result<Option<Change>> {
        let target = wanted.target()?;
        let Some(planned) = self.round(target.clone(), Intent::Plan)? else {
            return Ok(None);
        };
        let strangers = wanted.strangers(&planned.deleted);
        if let (false, Some(epoch)) = (arguments.force, strangers.first()) {
            anyhow::bail!(
                "{} at {} carries the digests of other keys for {} epochs, {epoch} among them: another instance has another state; \
                 `sotto-gateway keys join` its export here, or, if that state is lost, replace them with --force",
                wanted.owner,
                self.server,
                strangers.len()
            );
        }
        if arguments.dry_run {
            return Ok(Some(planned));
        }
        // What stands there may have changed since; the update is bound to what it reads itself.
        self.round(target, Intent::Publish)
    }

    fn round(&mut self, target: Target, intent: Intent) -> anyhow::Result<Option<Change>> {
        let (server, zone) = (self.server, self.session.zone().clone());
        let mut round = Round::new(&mut self.session, vec![target], intent);
        let driven = self.connection.drive(&mut round, clock::now);
        let report = round.finish().pop();
        if let Err(halt) = driven {
            anyhow::bail!("{server}, zone {zone}: {halt}; {}", halt.remedy());
        }
        let Report {
            target,
            change,
            result,
        } = report.context("a round tells what came of its target")?;
        result.map_err(|obstacle| {
            let remedy = match &obstacle {
                Obstacle::Refused { rcode: NOTIMP, .. } => {
                    "this server takes no updates: put into the zone what `sotto-gateway keys publish` prints without --server"
                }
                other => other.remedy(),
            };
            anyhow::anyhow!("{} at {server}: {obstacle}; {remedy}", target.owner)
        })?;
        Ok(change)
    }
}

/// The character-strings of TXT RDATA as a zone file writes them. Key records hold no character that needs escaping.
fn character_strings(rdata: &[u8]) -> String {
    let mut strings = Vec::new();
    let mut rest = rdata;
    while let Some((length, after)) = rest.split_first() {
        let (string, after) = after.split_at(usize::from(*length).min(after.len()));
        strings.push(format!("\"{}\"", String::from_utf8_lossy(string)));
        rest = after;
    }
    strings.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_records_of_coming_epochs_can_be_of_other_keys() {
        let record = |operator: &str, epoch, octet| KeyRecord {
            operator: operator.to_owned(),
            epoch: Epoch(epoch),
            digest: [octet; 32],
        };
        let wanted = Wanted {
            owner: "_ohttp-keys.gateway.test.".to_owned(),
            records: vec![record("operator.test", 7, 1), record("operator.test", 8, 1)],
        };
        let deleted = [
            record("operator.test", 6, 9),
            record("operator.test", 7, 1),
            record("operator.test", 8, 9),
            record("other.test", 7, 1),
        ]
        .map(|record| record.to_rdata().into_boxed_slice());
        assert_eq!(wanted.strangers(&deleted), [Epoch(8), Epoch(7)]);
        assert_eq!(wanted.strangers(&[Box::from(&b"\x01?"[..])]), []);
    }

    #[test]
    fn long_records_are_split_into_character_strings() {
        let record = KeyRecord {
            operator: format!("{}.example", ["a"; 100].join(".")),
            epoch: Epoch(20_000),
            digest: [0xab; 32],
        };
        let written = character_strings(&record.to_rdata());
        assert_eq!(written.matches('"').count(), 4, "{written}");
        assert_eq!(
            written.replace("\" \"", ""),
            format!("\"{}\"", record.to_text())
        );
    }
}
