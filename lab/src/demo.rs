//! `sotto-lab demo`: people who stand for every outcome, looked up and told from every side.

use std::io::{Write, stdout};

use anstream::AutoStream;
use serde::Serialize;
use sotto_client::Client;
use sotto_world::{Options, RELAY_OPERATORS, World};

use crate::account::{Account, form_name};
use crate::tally::Tally;
use crate::{page, start};

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    lookups: &'a [Account],
    learnt: &'a Tally,
}

/// Looks people up, everybody or those of the tour.
pub(crate) async fn run(all: bool, json: bool) -> anyhow::Result<()> {
    let world = start(Options::default()).await?;
    let clients = (0..RELAY_OPERATORS.len())
        .map(|relay| Ok(Client::new(world.client_setup(relay)?)?))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut out = AutoStream::auto(stdout());
    if !json {
        page::title(&mut out, world.internet().zones().count())?;
    }
    let mut accounts = Vec::new();
    let people = world.people().iter().filter(|person| all || person.on_tour);
    for (person, client) in people.zip(clients.iter().cycle()) {
        if !json {
            page::question(
                &mut out,
                person.identifier,
                form_name(person.form),
                person.story,
            )?;
        }
        let account = Account::of(person, client, &world).await?;
        if !json {
            page::account(&mut out, &account)?;
        }
        accounts.push(account);
    }
    let tally = Tally::of(&accounts);
    if json {
        let document = Document {
            schema: 1,
            lookups: &accounts,
            learnt: &tally,
        };
        serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        page::tally(&mut out, &tally)?;
        page::next(&mut out)?;
    }
    end(world, tally.as_expected == tally.lookups).await
}

/// Ends the world; a demonstration that went otherwise than promised is a failure.
async fn end(world: World, as_expected: bool) -> anyhow::Result<()> {
    world.shutdown().await;
    anyhow::ensure!(as_expected, "not every lookup came out as it should");
    Ok(())
}
