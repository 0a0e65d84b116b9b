//! Descriptors: one for each connection, so the limit of open files has to be above that of connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for all else: the questions to resolvers that a gateway has under way (1,024), the connections to gateways
/// that a relay keeps, files, listeners, and those that are being closed.
const SPARE: u64 = 1_280;

/// Raises the limit of open files as far as this process may, and returns how many of `connections` there is then room
/// for; if not for all, the log says so.
///
/// The rest is kept for what connections ask for: a server that accepts what it has no descriptor left to answer would
/// help nobody.
#[must_use]
pub fn provide_for(connections: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let is_raised = limit.current == limit.maximum || setrlimit(Resource::Nofile, raised).is_ok();
    let open_files = if is_raised {
        limit.maximum
    } else {
        limit.current
    };
    let room = room(connections, open_files);
    if room < connections {
        tracing::warn!(
            open_files,
            connections,
            room,
            "too few open files are allowed for all connections; raise LimitNOFILE, or lower max_connections"
        );
    }
    room
}

/// How many of `connections` fit beside all else if `open_files` are allowed; `None` is no limit. Where there is little,
/// connections get half.
fn room(connections: usize, open_files: Option<u64>) -> usize {
    let Some(open_files) = open_files else {
        return connections;
    };
    let room = open_files.saturating_sub(SPARE).max(open_files / 2);
    connections.min(usize::try_from(room).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connections_need_beside_themselves_is_kept_free() {
        assert_eq!(room(4_096, None), 4_096);
        assert_eq!(room(4_096, Some(65_536)), 4_096);
        assert_eq!(room(4_096, Some(4_096 + SPARE)), 4_096);
        assert_eq!(room(4_096, Some(4_095 + SPARE)), 4_095);
        assert_eq!(room(4_096, Some(1_024)), 512);
        assert_eq!(room(100, Some(1_024)), 100);
    }
}
