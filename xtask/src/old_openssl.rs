//! Gets OpenSSL 0.9.8e of July 2008, a peer of the tests in `crates/clasp-cli/tests/old_peers`.
//!
//! No system installs it any more. A Python package of 2017 bundles it, as Red Hat kept it; pip gets that, whatever its own
//! version of Python, and nothing of it is run but the library. The tests look for it where it is put here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{self, Failure};

/// The package, with the hash of the one file that will do.
const PACKAGE: &str = "psycopg2==2.7 --hash=sha256:e0313fb08c883ebc772d11c9ecf0b4ecf8946a37ed6fb3d2b6ad96f833a1af2b\n";

/// What makes pip take a package for another Python than its own.
const FOR_OLD_PYTHON: [&str; 11] = [
    "--no-deps",
    "--only-binary",
    ":all:",
    "--python-version",
    "27",
    "--implementation",
    "cp",
    "--abi",
    "cp27mu",
    "--platform",
    "manylinux1_x86_64",
];

/// Where the package has its libraries.
const LIBRARIES: &str = "psycopg2/.libs";

/// Its own name resolver wants the C library of its day; the system's is put in its place.
const RESOLVERS: [&str; 3] =
    ["/lib/x86_64-linux-gnu/libresolv.so.2", "/lib64/libresolv.so.2", "/usr/lib/libresolv.so.2"];

fn folder() -> PathBuf {
    run::target_dir().join("peers/openssl-0.9.8e")
}

/// Whether it is there.
pub(crate) fn is_there() -> bool {
    file_beginning(&folder(), "libssl-").is_some()
}

/// Gets it, unless it is there.
pub(crate) fn get() -> Result<(), Failure> {
    if is_there() {
        return Ok(());
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("it is for Linux on x86-64 only".into());
    }
    let parts = run::target_dir().join("peers/parts");
    let _ = fs::remove_dir_all(&parts);
    let result = unpack(&parts);
    let _ = fs::remove_dir_all(&parts);
    result
}

fn unpack(parts: &Path) -> Result<(), Failure> {
    let told = |what: &Path, error: &std::io::Error| format!("{}: {error}", what.display());
    fs::create_dir_all(parts).map_err(|error| told(parts, &error))?;
    let wanted = parts.join("wanted.txt");
    fs::write(&wanted, PACKAGE).map_err(|error| told(&wanted, &error))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]);
    run::output(pip.args(FOR_OLD_PYTHON).arg("--requirement").arg(&wanted).arg("--dest").arg(parts))?;
    let wheel = file_beginning(parts, "psycopg2-").ok_or("pip brought no package")?;
    run::output(Command::new("python3").args(["-m", "zipfile", "--extract"]).arg(wheel).arg(parts))?;

    let libraries = parts.join(LIBRARIES);
    let resolver = file_beginning(&libraries, "libresolv-").ok_or("the package is not what it was")?;
    let systems = RESOLVERS.iter().find(|path| Path::new(path).exists()).ok_or("this system has no libresolv.so.2")?;
    fs::remove_file(&resolver).map_err(|error| told(&resolver, &error))?;
    link(systems, &resolver).map_err(|error| told(&resolver, &error))?;
    // In one step, so that it is there whole or not at all.
    fs::rename(&libraries, folder()).map_err(|error| told(&folder(), &error))
}

#[cfg(unix)]
fn link(to: &str, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn link(_: &str, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

fn file_beginning(folder: &Path, with: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(with)))
}
