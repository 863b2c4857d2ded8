//! One element of DER (X.690, section 8.1).

use x509_parser::asn1_rs::{Class, Tag};

/// One element: its type, its content, and the whole of it with the header.
pub(crate) struct Element<'a> {
    pub(crate) class: Class,
    pub(crate) tag: Tag,
    pub(crate) constructed: bool,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// Splits one element off, whose tag is below 31 as all in a certificate are, and whose length is written in the one way that
/// DER has for it (X.690, sections 8.1.2, 8.1.3 and 10.1). A handshake does this a hundred times, and a parser that knows all
/// of ASN.1 takes some ten times as long.
pub(crate) fn split<'a>(input: &mut &'a [u8]) -> Option<Element<'a>> {
    const CONSTRUCTED: u8 = 0x20;
    const HIGH_TAG: u8 = 0x1f;
    let before = *input;
    let (&[identifier, first], mut rest) = before.split_first_chunk()?;
    if identifier & HIGH_TAG == HIGH_TAG {
        return None;
    }
    let length = match first {
        ..=0x7f => usize::from(first),
        0x81..=0x84 => {
            let (octets, behind) = rest.split_at_checked(usize::from(first & 0x7f))?;
            rest = behind;
            let length = octets.iter().fold(0_u32, |length, octet| length << 8 | u32::from(*octet));
            let shortest = length > 0x7f && octets.first() != Some(&0);
            usize::try_from(length).ok().filter(|_| shortest)?
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let (whole, _) = before.split_at_checked(before.len() - rest.len())?;
    *input = rest;
    let class = match identifier >> 6 {
        0 => Class::Universal,
        1 => Class::Application,
        2 => Class::ContextSpecific,
        _ => Class::Private,
    };
    let constructed = identifier & CONSTRUCTED != 0;
    Some(Element { class, tag: Tag(u32::from(identifier & HIGH_TAG)), constructed, content, whole })
}

#[cfg(test)]
mod tests {
    use x509_parser::asn1_rs::{Any, FromDer as _};

    use super::*;

    /// Every identifier with every way to write some lengths, against asn1-rs, which knows all of ASN.1.
    #[test]
    fn elements_are_split_as_a_whole_parser_splits_them() {
        let content = vec![5; 0x1_0003];
        let mut lengths: Vec<Vec<u8>> = (0..=0xff).map(|first| vec![first]).collect();
        for value in [0_u32, 1, 0x7f, 0x80, 0xff, 0x100, 0x1_0000, 0x1_0004, 0x00ff_ffff, u32::MAX] {
            for octets in 1..=4 {
                lengths.push([&[0x80 | octets][..], &value.to_be_bytes()[4 - usize::from(octets)..]].concat());
            }
            lengths.push([&[0x85, 0][..], &value.to_be_bytes()].concat());
        }
        let mut good = 0;
        for identifier in (0..=0xff_u8).filter(|identifier| identifier & 0x1f != 0x1f) {
            for length in &lengths {
                let input = [&[identifier], length.as_slice(), &content].concat();
                let mut rest = input.as_slice();
                let (ours, theirs) = (split(&mut rest), Any::from_der(&input));
                let shortest = match &input[1..] {
                    [..=0x7f, ..] => true,
                    [0x81, only, ..] => *only > 0x7f,
                    [0x82..=0x84, first, ..] => *first != 0,
                    _ => false,
                };
                let theirs = theirs.ok().filter(|_| shortest);
                assert_eq!(ours.is_some(), theirs.is_some(), "{identifier:02x} {length:02x?}");
                let (Some(ours), Some((behind, theirs))) = (ours, theirs) else { continue };
                assert_eq!(
                    (ours.class, ours.tag, ours.constructed),
                    (theirs.class(), theirs.tag(), theirs.header.is_constructed())
                );
                assert_eq!((ours.content, rest), (theirs.data, behind));
                assert_eq!(ours.whole.len() + rest.len(), input.len());
                good += 1;
            }
        }
        assert!(good > 10_000);
        assert!(split(&mut &[0x1f, 0x1f, 0][..]).is_none() && split(&mut &[0x30][..]).is_none());
    }
}
