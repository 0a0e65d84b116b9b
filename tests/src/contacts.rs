//! Whom a program contacts: its system calls, as strace saw them.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, bail};

use crate::sotto::Outcome;
use crate::{binaries, sotto, tools};

/// Calls that can reach out: `sendto` and its kin need no `connect`.
const CALLS: &str = "trace=connect,sendto,sendmsg,sendmmsg";

/// An address that a call named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contact {
    /// Over IPv4 or IPv6, TCP or UDP.
    Internet(SocketAddr),
    /// Anything else: a socket in the file system, the kernel. The text is strace's.
    Local(String),
}

/// Runs `sotto` with `arguments`; what it left, and every address that it named to the system.
///
/// # Errors
///
/// That strace is missing or not permitted, or wrote what we do not understand.
pub fn of_sotto(arguments: &[&str]) -> Result<(Outcome, BTreeSet<Contact>)> {
    let directory = tempfile::tempdir()?;
    let trace = directory.path().join("trace");
    let strace = tools::find("strace")?;
    let (sotto, trace_file) = (binaries::find("sotto")?, trace.display().to_string());
    let sotto = sotto.to_str().context("the target directory is UTF-8")?;
    let strace_arguments = ["-f", "-qq", "-e", CALLS, "-o", &trace_file, sotto];
    let ran = sotto::run_by(&strace, &[&strace_arguments, arguments].concat())?;
    let trace = fs::read_to_string(&trace)
        .with_context(|| format!("strace left no trace: {}", ran.stderr))?;
    Ok((ran, contacts(&trace)?))
}

/// Every address in a trace.
///
/// # Errors
///
/// The line that is not understood.
pub fn contacts(trace: &str) -> Result<BTreeSet<Contact>> {
    let mut found = BTreeSet::new();
    for line in trace.lines() {
        for address in line.split("{sa_family=").skip(1) {
            found.insert(contact(address).with_context(|| format!("strace wrote: {line}"))?);
        }
    }
    Ok(found)
}

/// Reads what follows `{sa_family=`.
fn contact(address: &str) -> Result<Contact> {
    let between = |before: &str, after: char| {
        let (_, rest) = address.split_once(before)?;
        rest.split_once(after).map(|(value, _)| value)
    };
    let family = address.split([',', '}']).next().unwrap_or_default();
    let (port, ip) = match family {
        "AF_INET" => (
            between("sin_port=htons(", ')'),
            between("inet_addr(\"", '"'),
        ),
        "AF_INET6" => (
            between("sin6_port=htons(", ')'),
            between("inet_pton(AF_INET6, \"", '"'),
        ),
        "AF_UNIX" | "AF_NETLINK" | "AF_UNSPEC" => {
            let text = address.split('}').next().unwrap_or_default();
            return Ok(Contact::Local(text.to_owned()));
        }
        _ => bail!("address family {family}"),
    };
    let ip: IpAddr = ip.context("no address")?.parse()?;
    let port = port.context("no port")?.parse()?;
    Ok(Contact::Internet(SocketAddr::new(ip, port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_contacts_are_seen() {
        let trace = "\
100 connect(9, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr(\"192.0.2.7\")}, 16) = -1 EINPROGRESS\n\
100 sendto(5, \"\\1\"..., 33, MSG_NOSIGNAL, {sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, \"2001:db8::1\", &sin6_addr), sin6_scope_id=0}, 28) = 33\n\
101 sendmsg(5, {msg_name={sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr(\"198.51.100.1\")}, msg_namelen=16, msg_iov=[], msg_iovlen=1}, 0) = 9\n\
101 connect(3, {sa_family=AF_UNIX, sun_path=\"/var/run/nscd/socket\"}, 110) = -1 ENOENT\n\
101 sendto(9, \"\\27\\3\"..., 57, MSG_NOSIGNAL, NULL, 0) = 57\n\
101 connect(9, {sa_family=AF_INET, sin_port=htons(8443), sin_addr=inet_addr(\"192.0.2.8\")}, 16 <unfinished ...>\n";
        let internet = |address: &str| Contact::Internet(address.parse().unwrap());
        let found = contacts(trace).unwrap();
        let expected = [
            internet("192.0.2.7:443"),
            internet("192.0.2.8:8443"),
            internet("198.51.100.1:53"),
            internet("[2001:db8::1]:53"),
            Contact::Local("AF_UNIX, sun_path=\"/var/run/nscd/socket\"".to_owned()),
        ];
        assert_eq!(found, expected.into());
    }

    #[test]
    fn an_address_that_is_not_understood_is_an_error() {
        assert!(contacts("1 connect(3, {sa_family=AF_VSOCK, svm_cid=1}, 16) = 0").is_err());
        assert!(contacts("1 connect(3, {sa_family=AF_INET, sin_port=1}, 16) = 0").is_err());
    }
}
