//! `--ech`: an encrypted ClientHello, and what became of it (RFC 9849).

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clasp::{ClientConfigBuilder, ConfigError, Session};

use crate::args::ConnectArgs;
use crate::failure::Failure;
use crate::output;

/// The lines around a list in PEM (RFC 9934).
const BEGIN: &str = "-----BEGIN ECHCONFIG-----";
const END: &str = "-----END ECHCONFIG-----";

/// Has the hello encrypted to what the option's value gives.
pub(crate) fn configure(builder: ClientConfigBuilder, given: &str) -> Result<ClientConfigBuilder, Failure> {
    let list = if Path::new(given).exists() {
        let bytes = std::fs::read(given)
            .map_err(|error| Failure::usage(format!("the ECH configurations in {given} cannot be read: {error}")))?;
        list_in(&bytes).ok_or_else(|| Failure::usage(format!("--ech {given}: {WHAT_IT_IS}")))?
    } else {
        base64(given).ok_or_else(|| {
            Failure::usage(format!("--ech {}: there is no such file, nor is it base64; {WHAT_IT_IS}", shortened(given)))
        })?
    };
    builder.ech_configs(&list).map_err(|error| match error {
        ConfigError::BadEchConfigs(_) => Failure::usage(format!("--ech {}: {error}; {WHAT_IT_IS}", shortened(given))),
        other => Failure::usage(format!("--ech {}: {other}", shortened(given))),
    })
}

const WHAT_IT_IS: &str = "expected an ECHConfigList, as it is, in base64 or as PEM (\"-----BEGIN ECHCONFIG-----\"); servers \
    publish theirs in the DNS, as \"ech\" in their HTTPS record: dig +short example.com HTTPS";

/// The list in a file.
fn list_in(bytes: &[u8]) -> Option<Vec<u8>> {
    // It begins with its length (RFC 9849 4).
    if let Some((length, rest)) = bytes.split_first_chunk()
        && usize::from(u16::from_be_bytes(*length)) == rest.len()
    {
        return Some(bytes.to_vec());
    }
    let text = std::str::from_utf8(bytes).ok()?;
    match text.split_once(BEGIN) {
        Some((_, rest)) => base64(rest.split_once(END)?.0),
        None => base64(text),
    }
}

/// What base64 stands for, over however many lines.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

/// For messages: names are short, and lists are long.
fn shortened(given: &str) -> String {
    match given.char_indices().nth(40) {
        Some((at, _)) => format!("{}...", given.get(..at).unwrap_or_default()),
        None => given.to_owned(),
    }
}

/// Says that the server has read the hello.
pub(crate) fn tell_accepted(args: &ConnectArgs, session: &Session) {
    if args.ech.is_some() && session.ech_accepted() {
        output::error_line("ECH accepted: nobody on the way saw the server name");
    }
}

/// Says that it has not, and what to do now.
pub(crate) fn rejected(args: &ConnectArgs, retry_configs: Option<&[u8]>) -> Result<String, Failure> {
    let Some(list) = retry_configs else {
        return Ok("ECH rejected: the server has shown that it is the one with the public name, and that it reads no \
                   encrypted hellos now; connect without --ech, and everybody on the way sees the server name"
            .to_owned());
    };
    let encoded = STANDARD.encode(list);
    Ok(match &args.ech_retry {
        None => format!(
            "ECH rejected: the server could not read the encrypted hello, and says what to use instead; connect again with \
             --ech {encoded}"
        ),
        Some(path) => {
            let lines: Vec<String> =
                encoded.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into()).collect();
            std::fs::write(path, format!("{BEGIN}\n{}\n{END}\n", lines.join("\n"))).map_err(|error| {
                Failure::connection(format!(
                    "ECH rejected, and what the server says to use instead cannot be written into {}: {error}; connect again \
                     with --ech {encoded}",
                    path.display()
                ))
            })?;
            format!(
                "ECH rejected: the server could not read the encrypted hello; what it says to use instead is in {0}: connect \
                 again with --ech {0}",
                path.display()
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[u8] = &[0, 5, 0xfe, 0x0d, 0, 1, 7];

    #[test]
    fn a_list_in_every_form() {
        let encoded = STANDARD.encode(LIST);
        let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n";
        let pem = format!("{BEGIN}\r\n{encoded}\r\n{END}\r\n");
        for form in [LIST.to_vec(), encoded.clone().into(), format!("{encoded}\n").into(), format!("{key}{pem}").into()]
        {
            assert_eq!(list_in(&form).as_deref(), Some(LIST));
        }
        for wrong in [&b""[..], b"\n", b"\xff\xfe", b"no base64!", &LIST[..6], format!("{BEGIN}\n{encoded}").as_bytes()]
        {
            assert_eq!(list_in(wrong), None, "{wrong:?}");
        }
        assert_eq!(base64(&encoded).as_deref(), Some(LIST));
    }

    #[test]
    fn messages_are_short() {
        assert_eq!(shortened("file.pem"), "file.pem");
        assert_eq!(shortened(&"\u{e4}".repeat(41)), format!("{}...", "\u{e4}".repeat(40)));
    }
}
