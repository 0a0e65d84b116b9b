//! What differs between name servers: not the lines, but how they are taken in.

use super::Zone;

/// A name server that a file is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Software {
    /// Knot DNS.
    Knot,
    /// NSD.
    Nsd,
    /// BIND 9.
    Bind,
    /// PowerDNS Authoritative Server.
    PowerDns,
}

impl Software {
    /// The comment at the head of a file: how the zone takes it in, and how it is checked first.
    ///
    /// It is made of the arguments alone: neither date nor path, so that equal records give equal files.
    #[must_use]
    pub fn head(self, zone: &Zone) -> String {
        let zone = zone.as_str().trim_end_matches('.');
        let (name, check, load) = match self {
            Self::Knot => (
                "Knot",
                format!("kzonecheck -o {zone} {zone}.zone"),
                format!(
                    "knotc zone-reload {zone} (with zonefile-sync: -1, or Knot writes the zone back in one piece)"
                ),
            ),
            Self::Nsd => (
                "NSD",
                format!("nsd-checkzone {zone} {zone}.zone"),
                format!("nsd-control reload {zone}"),
            ),
            Self::Bind => (
                "BIND",
                format!("named-checkzone {zone} {zone}.zone"),
                format!("rndc reload {zone}"),
            ),
            Self::PowerDns => (
                "PowerDNS",
                format!(
                    "pdnsutil load-zone {zone} {zone}.zone, into a copy of the database, and pdnsutil check-zone {zone}"
                ),
                format!(
                    "pdnsutil load-zone {zone} {zone}.zone, which replaces the whole zone (bind backend: pdns_control bind-reload-now {zone})"
                ),
            ),
        };
        format!(
            "; MIMI records below {zone}, for {name}. This is a part of a zone, without SOA and NS: the zone file takes it in\n\
             ; by $INCLUDE. Raise the serial of the SOA with it.\n\
             ; check: {check}\n\
             ; load:  {load}\n"
        )
    }
}
