//! Descriptors: one for each connection, so the limit of open files has to be above that of connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for all else: the questions to resolvers that a gateway has under way (1,024), the connections to gateways
/// that a relay keeps, files, listeners, and those that are being closed.
const SPARE: u64 = 1_280;

/// Raises the limit of open files as far as this process may, and says in the log if that is too low for `connections`.
///
/// A server whose descriptors run out goes on: connections at rest give theirs up, and new ones wait for a moment.
pub fn provide_for(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let open_files =
        if limit.current == limit.maximum || setrlimit(Resource::Nofile, raised).is_ok() {
            limit.maximum
        } else {
            limit.current
        };
    if let Some(wanted) = wanted(connections, open_files) {
        tracing::warn!(
            connections,
            open_files,
            wanted,
            "fewer open files are allowed than connections may need; raise LimitNOFILE, or lower max_connections"
        );
    }
}

/// The limit of open files that so many connections want, if `open_files` is less; `None` is no limit.
fn wanted(connections: usize, open_files: Option<u64>) -> Option<u64> {
    let wanted = u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_add(SPARE);
    open_files.filter(|limit| *limit < wanted).map(|_| wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told() {
        assert_eq!(wanted(4_096, Some(1_024)), Some(4_096 + SPARE));
        assert_eq!(wanted(4_096, Some(4_096 + SPARE)), None);
        assert_eq!(wanted(4_096, None), None);
        assert_eq!(wanted(usize::MAX, Some(1 << 20)), Some(u64::MAX));
    }
}
