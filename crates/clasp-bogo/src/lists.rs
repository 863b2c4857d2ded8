//! Lists as the runner writes them in flags.

use clasp::wire::CipherSuite;
use clasp::{CIPHER_SUITES, PSK_CIPHER_SUITES};

use crate::Failure;

/// A list of suites by their registered names, and the few of OpenSSL's words that the runner uses; those of equal preference
/// together.
pub(crate) fn cipher_list(list: &str) -> Result<Vec<Vec<CipherSuite>>, Failure> {
    let all = || CIPHER_SUITES.iter().chain(PSK_CIPHER_SUITES).map(|suite| suite.id);
    let with = |part: &'static str| move |suite: &CipherSuite| suite.name().is_some_and(|name| name.contains(part));
    let named = |name: &str| {
        let suite = all().find(|suite| suite.name() == Some(name));
        suite.ok_or_else(|| Failure::Unimplemented(format!("-cipher {list}")))
    };
    let mut chosen: Vec<Vec<CipherSuite>> = Vec::new();
    for word in list.split(':') {
        match word {
            "ALL" | "DEFAULT" => chosen.extend(all().map(|suite| vec![suite])),
            "3DES" => chosen.extend(all().filter(with("_3DES_")).map(|suite| vec![suite])),
            "AES128" => chosen.extend(all().filter(with("_AES_128_")).map(|suite| vec![suite])),
            "!AES" => chosen.retain(|equal| !equal.iter().any(with("_AES_"))),
            names => {
                let names = names.strip_prefix('[').and_then(|names| names.strip_suffix(']')).unwrap_or(names);
                chosen.push(names.split('|').map(named).collect::<Result<_, _>>()?);
            }
        }
    }
    Ok(chosen)
}

/// Protocol names, each after a byte that tells its length.
pub(crate) fn protocol_list(list: &str) -> Result<Vec<Vec<u8>>, Failure> {
    let (mut names, mut rest) = (Vec::new(), list.as_bytes());
    while let Some((length, more)) = rest.split_first() {
        let (name, more) = more
            .split_at_checked(usize::from(*length))
            .ok_or_else(|| Failure::failed("-advertise-alpn runs past its end"))?;
        names.push(name.to_vec());
        rest = more;
    }
    Ok(names)
}

/// Byte strings in hexadecimal, between commas.
pub(crate) fn hex_list(list: &str) -> Option<Vec<Vec<u8>>> {
    list.split(',')
        .map(|text| {
            let digits: Option<Vec<u8>> =
                text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
            let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
            rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        assert_eq!(hex_list("00ff,ab").unwrap(), [vec![0, 255], vec![0xab]]);
        assert_eq!(hex_list("0"), None);
        assert_eq!(protocol_list("\u{3}foo\u{1}b").unwrap(), [b"foo".to_vec(), b"b".to_vec()]);
        assert!(protocol_list("\u{9}foo").is_err());
        assert!(cipher_list("TLS_RSA_WITH_AES_128_CBC_SHA:TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256").is_ok());
        assert!(cipher_list("ALL:!AES").unwrap().iter().flatten().all(|suite| !suite.name().unwrap().contains("AES")));
        let equal = cipher_list("[TLS_RSA_WITH_AES_128_CBC_SHA|TLS_RSA_WITH_AES_256_CBC_SHA]").unwrap();
        assert_eq!(equal.iter().map(Vec::len).collect::<Vec<_>>(), [2]);
        assert!(matches!(cipher_list("[A|B]"), Err(Failure::Unimplemented(_))));
    }
}
