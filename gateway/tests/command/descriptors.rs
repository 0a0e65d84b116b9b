//! A gateway that runs out of descriptors goes on.

use std::{
    io::{Error, ErrorKind},
    net::TcpStream,
    process::Command,
};

use sotto_wire::path;

use crate::{machine::Machine, support::http::get};

/// Open files beyond those that the gateway has at rest, too few for [`IDLERS`].
const FEW: usize = 24;
const IDLERS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_the_idle_give_way_and_who_asks_is_served() {
    let machine = Machine::new();
    machine.run(&["keys", "init"]);
    machine.reconfigure("[keys]", "[admin]\naddress = \"127.0.0.1:0\"\n[keys]");
    let (mut serving, address, admin) = machine.serve_with_admin();
    let id = serving.child.id();
    let open = std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count();
    let limited = Command::new("prlimit")
        .args(["--pid", &id.to_string()])
        .arg(format!("--nofile={}", open + FEW))
        .status()
        .expect("prlimit is there, of Debian's util-linux");
    assert!(limited.success());

    let idlers: Vec<_> = (0..IDLERS)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    serving.says("cannot accept connections");
    for _ in 0..5 {
        assert_eq!(get(address, path::GATEWAY).await.status, 200);
    }
    let metrics = get(admin, "/metrics").await.text();
    let count = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{metrics}"))
            .trim()
            .parse::<u64>()
            .unwrap()
    };
    assert!(count("sotto_accept_failures_total ") > 0);
    assert!(count("sotto_connections_displaced_total ") >= (IDLERS - FEW) as u64);
    serving.says("connections are accepted again");
    // The oldest are gone, the youngest stay.
    let closed = |stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let waits = |error: &Error| error.kind() == ErrorKind::WouldBlock;
        !stream.peek(&mut [0]).is_err_and(|error| waits(&error))
    };
    assert!(closed(&idlers[0]) && !closed(&idlers[IDLERS - 1]));
}
