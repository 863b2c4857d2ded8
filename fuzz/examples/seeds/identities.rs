//! The certificates of `test-data`, made with the openssl command: an authority, two servers, two clients, an OCSP response
//! and a revocation list, good for a hundred years.

use std::fs;
use std::path::Path;

use clasp_fuzz::setup::NAME;

use crate::Failure;
use crate::peers::{Temporary, run};

const DAYS: &str = "36500";

/// Makes them if they are not there. To renew them, delete `test-data/root.pem`.
pub(crate) fn ensure(folder: &Path, temporary: &Temporary) -> Result<(), Failure> {
    if folder.join("root.pem").exists() {
        return Ok(());
    }
    println!("making the certificates in {}", folder.display());
    let workshop = Workshop { folder: temporary.path() };
    workshop.make()?;
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let finished = [
        ("server-rsa.pem", &["server-rsa.crt", "middle.pem", "server-rsa.key"][..]),
        ("server-ecdsa.pem", &["server-ecdsa.crt", "server-ecdsa.key"]),
        ("client-rsa.pem", &["client-rsa.crt", "client-rsa.key"]),
        ("client-ecdsa.pem", &["client-ecdsa.crt", "client-ecdsa.key"]),
        ("server-rsa.ocsp.der", &["server-rsa.ocsp.der"]),
        ("root.crl.der", &["root.crl.der"]),
        // Last, as it tells that all is there.
        ("root.pem", &["root.pem"]),
    ];
    for (name, parts) in finished {
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend(fs::read(temporary.path().join(part)).map_err(|error| format!("{part}: {error}"))?);
        }
        fs::write(folder.join(name), bytes).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

struct Workshop<'a> {
    folder: &'a Path,
}

impl Workshop<'_> {
    fn openssl(&self, command: &str, more: &[&str]) -> Result<(), Failure> {
        let args: Vec<&str> = command.split(' ').chain(more.iter().copied()).collect();
        run("openssl", self.folder, &args)
    }

    fn make(&self) -> Result<(), Failure> {
        let write = |name: &str, text: &str| fs::write(self.folder.join(name), text).map_err(|error| error.to_string());
        write("config", &config())?;
        // Status (valid, revoked), expiry, revocation, serial number, file, name: OpenSSL's index.txt.
        write("middle.index", "V\t21000101000000Z\t\t02\tunknown\t/CN=server\n")?;
        write("root.index", "R\t21000101000000Z\t260101000000Z,keyCompromise\t63\tunknown\t/CN=revoked\n")?;

        let root =
            format!("req -x509 -config config -extensions root -nodes -days {DAYS} -keyout root.key -out root.pem");
        self.openssl(&root, &["-newkey", "ec", "-pkeyopt", EC, "-subj", "/CN=Clasp Fuzz Root"])?;
        self.issue("middle", "root", "1", &["-newkey", "ec", "-pkeyopt", EC])?;
        fs::rename(self.folder.join("middle.crt"), self.folder.join("middle.pem"))
            .map_err(|error| error.to_string())?;
        self.issue("server-rsa", "middle", "2", &["-newkey", "rsa:2048"])?;
        self.issue("server-ecdsa", "root", "3", &["-newkey", "ec", "-pkeyopt", EC])?;
        self.issue("client-rsa", "root", "4", &["-newkey", "rsa:2048"])?;
        self.issue("client-ecdsa", "root", "5", &["-newkey", "ec", "-pkeyopt", EC])?;

        self.openssl("ocsp -issuer middle.pem -cert server-rsa.crt -no_nonce -reqout request.der", &[])?;
        let respond = "ocsp -index middle.index -CA middle.pem -rsigner middle.pem -rkey middle.key -reqin request.der";
        self.openssl(respond, &["-respout", "server-rsa.ocsp.der", "-ndays", DAYS])?;
        let list =
            "ca -config config -name revoking -gencrl -keyfile root.key -cert root.pem -md sha256 -out root.crl.pem";
        self.openssl(list, &["-crldays", DAYS])?;
        self.openssl("crl -in root.crl.pem -outform DER -out root.crl.der", &[])
    }

    /// A certificate under `issuer`, with the extensions that the configuration has for its kind: the name up to the hyphen.
    fn issue(&self, name: &str, issuer: &str, serial: &str, key: &[&str]) -> Result<(), Failure> {
        let kind = name.split('-').next().unwrap_or(name);
        let request = format!("req -new -config config -nodes -keyout {name}.key -out {name}.csr");
        let subject = format!("/CN=Clasp Fuzz {name}");
        self.openssl(&request, &[key, &["-subj", &subject]].concat())?;
        let sign = format!(
            "x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -set_serial {serial} -days {DAYS} \
             -extfile config -extensions {kind} -out {name}.crt"
        );
        self.openssl(&sign, &[])
    }
}

const EC: &str = "ec_paramgen_curve:P-256";

fn config() -> String {
    format!(
        "[req]\n\
         distinguished_name = name\n\
         prompt = no\n\
         [name]\n\
         CN = unused\n\
         [root]\n\
         basicConstraints = critical, CA:TRUE\n\
         keyUsage = critical, keyCertSign, cRLSign\n\
         subjectKeyIdentifier = hash\n\
         [middle]\n\
         basicConstraints = critical, CA:TRUE, pathlen:0\n\
         keyUsage = critical, keyCertSign, cRLSign, digitalSignature\n\
         subjectKeyIdentifier = hash\n\
         authorityKeyIdentifier = keyid\n\
         [server]\n\
         subjectAltName = DNS:{NAME}, IP:127.0.0.1\n\
         keyUsage = critical, digitalSignature, keyEncipherment\n\
         extendedKeyUsage = serverAuth\n\
         authorityKeyIdentifier = keyid\n\
         [client]\n\
         subjectAltName = email:client@client.example\n\
         keyUsage = critical, digitalSignature\n\
         extendedKeyUsage = clientAuth\n\
         authorityKeyIdentifier = keyid\n\
         [revoking]\n\
         database = root.index\n"
    )
}
