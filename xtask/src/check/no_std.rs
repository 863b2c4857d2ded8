//! The proof that a crate builds without the standard library, on a machine whose only target has it.
//!
//! A crate that defines a panic handler of its own cannot be compiled when anything below it links std, which has one
//! too. So such a crate is written, made to depend on the crate in question, and checked.

use std::fs;
use std::path::Path;

use crate::run::{self, Failure};

/// clasp-wire, with and without its codec.
pub(super) fn check() -> Result<(), Failure> {
    let path = run::root().join("crates/clasp-wire");
    for (name, features) in [("with-codec", r#"["codec"]"#), ("code-points-only", "[]")] {
        prove(&run::target_dir().join("no-std").join(name), "clasp-wire", &path, features)?;
    }
    Ok(())
}

fn prove(folder: &Path, name: &str, path: &Path, features: &str) -> Result<(), Failure> {
    let library = name.replace('-', "_");
    let path = path.display();
    let manifest = format!(
        "[package]\nname = \"proof\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         {name} = {{ path = \"{path}\", default-features = false, features = {features} }}\n"
    );
    let source = format!(
        "//! Compiles only where nothing links std.\n#![no_std]\nextern crate alloc;\nextern crate {library};\n\n\
         #[panic_handler]\nfn panic(_: &core::panic::PanicInfo<'_>) -> ! {{\n    loop {{}}\n}}\n"
    );
    let write = |file: &str, text: &str| {
        let file = folder.join(file);
        fs::create_dir_all(file.parent().unwrap_or(folder))
            .and_then(|()| fs::write(&file, text))
            .map_err(|error| format!("{}: {error}", file.display()))
    };
    write("Cargo.toml", &manifest)?;
    write("src/lib.rs", &source)?;
    // The same versions as everywhere; cargo drops what this crate does not need.
    let lock = fs::read_to_string(run::root().join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    write("Cargo.lock", &lock)?;
    let mut command = run::cargo(&["check", "--quiet", "--lib", "--target-dir"]);
    command.arg(run::target_dir().join("no-std/target")).current_dir(folder);
    run::output(&mut command).map(drop).map_err(|failure| format!("{name} {features} is not no_std: {failure}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(name: &str, source: &str) -> Result<(), Failure> {
        let folder = run::target_dir().join("no-std").join(name);
        fs::create_dir_all(folder.join("src")).unwrap();
        let manifest =
            format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n");
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::write(folder.join("src/lib.rs"), source).unwrap();
        prove(&run::target_dir().join("no-std").join(format!("proof-{name}")), name, &folder, "[]")
    }

    #[test]
    fn a_crate_that_uses_std_fails_the_proof() {
        assert_eq!(
            library(
                "without-std",
                "#![no_std]\nextern crate alloc;\npub fn f() -> alloc::string::String { alloc::string::String::new() }\n"
            ),
            Ok(())
        );
        let failure = library("with-std", "#![no_std]\nextern crate std;\n").unwrap_err();
        assert!(failure.contains("panic_impl"), "{failure}");
    }
}
