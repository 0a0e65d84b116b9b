//! What systemd is told: ready, reading again, ending, alive (sd_notify(3), service type `notify`).

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::unix::{
        ffi::OsStrExt,
        net::{SocketAddr, UnixDatagram},
    },
    process,
    time::Duration,
};

#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;

use rustix::time::{ClockId, clock_gettime};

use crate::admin::{Report, Status};

/// Where systemd listens.
const SOCKET: &str = "NOTIFY_SOCKET";

/// Microseconds within which systemd wants a sign of life, and whose.
const WATCHDOG_INTERVAL: &str = "WATCHDOG_USEC";
const WATCHDOG_PROCESS: &str = "WATCHDOG_PID";

/// Whoever started this process and wants to know how it fares: systemd, or nobody.
#[derive(Debug)]
pub(crate) struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    alive_every: Option<Duration>,
}

impl Notifier {
    /// The one that the environment names.
    pub(crate) fn of_environment() -> Self {
        Self::new(env::var_os(SOCKET), |name| env::var(name).ok())
    }

    fn new(socket: Option<OsString>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let socket = socket.filter(|name| !name.is_empty());
        let socket = socket.and_then(|name| match open(&name) {
            Ok(open) => Some(open),
            Err(error) => {
                tracing::warn!(%error, "systemd's socket in {SOCKET} cannot be used; it is not told how the server fares");
                None
            }
        });
        let for_us =
            variable(WATCHDOG_PROCESS).is_none_or(|process| process.parse() == Ok(process::id()));
        // Twice as often as it is wanted, as sd_watchdog_enabled(3) recommends.
        let alive_every = variable(WATCHDOG_INTERVAL)
            .and_then(|interval| interval.parse().ok())
            .filter(|interval| for_us && *interval > 1)
            .map(|interval| Duration::from_micros(interval) / 2);
        Self {
            alive_every: alive_every.filter(|_| socket.is_some()),
            socket,
        }
    }

    /// How often to call [`Self::alive`]; `None` if nobody wants to know.
    pub(crate) fn alive_every(&self) -> Option<Duration> {
        self.alive_every
    }

    /// Tells how the server stands. Once it has looked, it has started, ready or not: whether it has what it needs may
    /// take others, and killing it would not help.
    pub(crate) fn standing(&self, report: &Report) {
        let started = match report.status {
            Status::Ready | Status::NotReady => "READY=1\n",
            Status::Starting | Status::Draining => "",
        };
        self.tell(&format!("{started}STATUS={report}"));
    }

    /// Tells that files are read again; [`Self::standing`] then tells that they have been.
    pub(crate) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.tell(&format!(
            "RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS=reading files again"
        ));
    }

    /// Tells that the server is about to end.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=finishing what has begun");
    }

    /// Tells that the server's tasks are run.
    pub(crate) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, message: &str) {
        if let Some((socket, systemd)) = &self.socket {
            // Nothing hangs on it but what an operator is shown; systemd itself notices a server that falls silent.
            let _ = socket.send_to_addr(message.as_bytes(), systemd);
        }
    }
}

/// A socket to tell from, and the address of `name`: a path, or, where it begins with @, a name in the abstract namespace
/// (unix(7)).
fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().split_first() {
        #[cfg(target_os = "linux")]
        Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    // A systemd that does not read must not stop us.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::Readiness;

    fn notifier(socket: OsString, variables: &[(&str, String)]) -> Notifier {
        Notifier::new(Some(socket), |wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.clone())
        })
    }

    fn received(systemd: &UnixDatagram) -> String {
        let mut buffer = [0; 4_096];
        let octets = systemd.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..octets].to_vec()).unwrap()
    }

    #[test]
    fn systemd_is_told_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        // As unique as the path, and gone with the socket.
        let name = path.as_os_str().as_bytes();
        let address = SocketAddr::from_abstract_name(name).unwrap();
        let abstract_name = OsString::from_iter([OsStr::new("@"), path.as_os_str()]);
        for (systemd, socket) in [
            (UnixDatagram::bind(&path).unwrap(), path.clone().into()),
            (UnixDatagram::bind_addr(&address).unwrap(), abstract_name),
        ] {
            let notifier = notifier(socket, &[]);
            let readiness = Readiness::new();
            let stand = || notifier.standing(&readiness.watch().borrow());
            stand();
            assert_eq!(received(&systemd), "STATUS=starting");
            readiness.tell(
                false,
                Some("no keys\nSTATUS=forged".to_owned()),
                Default::default(),
            );
            stand();
            assert_eq!(
                received(&systemd),
                "READY=1\nSTATUS=not ready: no keys STATUS=forged"
            );
            notifier.reloading();
            let told = received(&systemd);
            assert!(told.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{told}");
            let micros = told.lines().nth(1).unwrap().split_once('=').unwrap().1;
            assert!(micros.parse::<u64>().unwrap() > 0);
            readiness.set_ready(true);
            stand();
            assert_eq!(received(&systemd), "READY=1\nSTATUS=ready");
            notifier.alive();
            assert_eq!(received(&systemd), "WATCHDOG=1");
            notifier.stopping();
            assert!(received(&systemd).starts_with("STOPPING=1\n"));
        }
    }

    #[test]
    fn signs_of_life_are_given_to_those_who_want_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _systemd = UnixDatagram::bind(&path).unwrap();
        let every = |interval: &str, process: Option<u32>| {
            let mut variables = vec![(WATCHDOG_INTERVAL, interval.to_owned())];
            variables.extend(process.map(|id| (WATCHDOG_PROCESS, id.to_string())));
            notifier(path.clone().into(), &variables).alive_every()
        };
        let second = Some(Duration::from_secs(1));
        assert_eq!(every("2000000", None), second);
        assert_eq!(every("2000000", Some(process::id())), second);
        assert_eq!(every("2000000", Some(process::id() + 1)), None);
        assert_eq!(every("0", None), None);
        assert_eq!(every("soon", None), None);
        let nobody = Notifier::new(None, |_| Some("2000000".to_owned()));
        assert_eq!(nobody.alive_every(), None);
        nobody.alive();
    }

    /// A systemd that is gone, or never was, is nobody's trouble.
    #[test]
    fn a_socket_that_is_not_there_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        notifier(folder.path().join("absent").into(), &[]).alive();
        let too_long = "x".repeat(200);
        notifier(too_long.into(), &[]).alive();
    }
}
