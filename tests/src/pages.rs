//! The pages of docs/publishing, served: the zones that a page shows are the zones that the servers have.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

use crate::Hierarchy;
use crate::tools;
use crate::zones::{PAGES, ZONES};

/// The zones above those of the pages, and that of the gateway.
const ABOVE: [&str; 3] = [".", "test.", "gateway.test."];

/// A zone that changes while it is served.
const LEAVING: &str = "leaving.test";

/// Its two versions.
const BEFORE: &str = "leaving.test, before";
const AFTER: &str = "leaving.test, after";

/// A page.
#[derive(Debug)]
pub struct Page {
    /// Its text.
    pub text: String,
}

impl Page {
    /// docs/publishing/delegating.md.
    ///
    /// # Errors
    ///
    /// That it cannot be read.
    pub fn delegating() -> Result<Self> {
        Self::read("delegating.md")
    }

    /// docs/publishing/leaving.md.
    ///
    /// # Errors
    ///
    /// That it cannot be read.
    pub fn leaving() -> Result<Self> {
        Self::read("leaving.md")
    }

    fn read(name: &str) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/publishing");
        let path = folder.join(name);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(Self { text })
    }

    /// The zone lines, by what stands behind the word `zone` at the top of their blocks; blocks of one title are one.
    #[must_use]
    pub fn zones(&self) -> BTreeMap<String, String> {
        let mut zones: BTreeMap<String, String> = BTreeMap::new();
        let mut inside = None;
        for line in self.text.lines() {
            if let Some(info) = line.strip_prefix("```") {
                inside = info.strip_prefix("zone ").map(str::to_owned);
            } else if let Some(title) = &inside {
                let lines = zones.entry(title.clone()).or_default();
                lines.push_str(line);
                lines.push('\n');
            }
        }
        zones
    }
}

impl Hierarchy {
    /// The hierarchy of this test process with the domains of docs/publishing in it, as the pages show them.
    ///
    /// # Errors
    ///
    /// What could not be signed or started, and what to do about it.
    pub fn of_the_pages() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Hierarchy, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::from_pages().map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|error| anyhow::anyhow!("the hierarchy of the pages does not stand: {error}"))
    }

    fn from_pages() -> Result<Self> {
        let mut leaving = Page::leaving()?.zones();
        let before = leaving.remove(BEFORE);
        let before = before.context("leaving.md has a zone before anybody left")?;
        leaving.remove(AFTER);
        let mut titles = Page::delegating()?.zones();
        titles.append(&mut leaving);
        titles.insert("staying.test".to_owned(), before.clone());
        // Long enough for the caches to keep it through any test.
        titles.insert(LEAVING.to_owned(), format!("$TTL 86400\n{before}"));
        for title in titles.keys() {
            let origin = format!("{title}.");
            ensure!(
                PAGES.iter().any(|zone| zone.origin == origin),
                "a page shows {title}, which nobody serves"
            );
        }
        let lines: HashMap<&str, String> = PAGES
            .iter()
            .map(|zone| {
                let title = zone.origin.trim_end_matches('.');
                let lines = titles.remove(title);
                let lines = lines.with_context(|| format!("no page shows {title}"))?;
                Ok((zone.origin, lines))
            })
            .collect::<Result<_>>()?;
        let above = ZONES.iter().filter(|zone| ABOVE.contains(&zone.origin));
        Self::start(above.chain(PAGES).copied().collect(), lines)
    }

    /// Serves leaving.test as docs/publishing/leaving.md has it afterwards. What Unbound has cached, it keeps.
    ///
    /// # Errors
    ///
    /// That Knot does not take it, with what it said.
    pub fn leave(&self) -> Result<()> {
        let zones = Page::leaving()?.zones();
        let version = |title: &str| {
            let lines = zones.get(title);
            lines.with_context(|| format!("leaving.md has no zone {title}"))
        };
        let (before, after) = (version(BEFORE)?, version(AFTER)?);
        let knot = self.directory().join("knot");
        let file = knot.join(format!("{LEAVING}.zone"));
        let text = fs::read_to_string(&file)?;
        ensure!(text.contains(before.as_str()), "{text}");
        let text = text
            .replace(before.as_str(), after)
            .replace(" 1 3600 ", " 2 3600 ");
        fs::write(&file, text)?;
        tools::run(
            "knotc",
            &knot,
            ["-s", "knot.sock", "-b", "zone-reload", LEAVING],
        )?;
        Ok(())
    }

    /// Has Unbound forget leaving.test, as it does when the TTL is over.
    ///
    /// # Errors
    ///
    /// That it does not, with what it said.
    pub fn forget(&self) -> Result<()> {
        let unbound = self.directory().join("unbound");
        tools::run(
            "unbound-control",
            &unbound,
            ["-c", "unbound.conf", "flush_zone", LEAVING],
        )?;
        Ok(())
    }
}
