//! A short soak: what `cargo xtask soak` does for minutes with thousands (RFC 8446 and 5246), for seconds with some.

use std::process::Command;

#[test]
fn the_server_stands_good_and_bad_clients_for_some_seconds() {
    if !std::path::Path::new("/proc/self/status").exists() {
        println!("skipped: the soak: there is no /proc to watch the server by");
        return;
    }
    let mut soak = Command::new(env!("CARGO_BIN_EXE_clasp-soak"));
    let output = soak.args(["--seconds", "10", "--connections", "100"]).output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}\n{complaint}");
    assert!(report.ends_with("all is as it should be\n"), "{report}");
    assert!(report.contains("SIGTERM: 20 of 20 transfers in flight finished"), "{report}");
}
