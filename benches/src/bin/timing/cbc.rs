//! CBC records with the MAC under the encryption: every padding, right and wrong, and four ways to open them.

use std::hint::black_box;

use clasp::crypto::{BlockCipherAlgorithm, CbcDecrypt, CbcEncrypt, HashAlgorithm, HmacKey, default_provider};
use clasp::record::{Form, IvPolicy, Keys, Padding, TLS_MAC};
use clasp::wire::{ContentType, ProtocolVersion, RecordHeader};
use clasp_benches::timing::{Class, Comparison, Random, Subject};
use clasp_record::for_timing::Judge;

/// AES.
const BLOCK: usize = 16;
/// The keys. Which ones they are makes no difference.
const MAC_KEY: [u8; 64] = [0x42; 64];
const KEY: [u8; 16] = [0x24; 16];

/// A kind of records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) cipher: BlockCipherAlgorithm,
    pub(crate) mac: HashAlgorithm,
    /// The length of what is encrypted, bytes.
    pub(crate) total: usize,
    pub(crate) padding: Padding,
}

impl Shape {
    /// Records of TLS, under AES.
    pub(crate) const fn new(mac: HashAlgorithm, total: usize) -> Self {
        Self { cipher: BlockCipherAlgorithm::Aes128, mac, total, padding: Padding::Checked }
    }

    /// The most content: no padding but the length byte.
    pub(crate) fn most(self) -> usize {
        self.total - self.mac.output_len() - 1
    }

    /// How many paddings are right, from none on.
    fn paddings(self) -> usize {
        1 + match self.padding {
            Padding::Arbitrary => self.most().min(self.cipher.block_len() - 1),
            _ => self.most().min(255),
        }
    }

    /// The header of a record.
    pub(crate) fn header(self) -> RecordHeader {
        RecordHeader {
            content_type: ContentType::APPLICATION_DATA,
            version: ProtocolVersion::TLS_1_2,
            length: (self.cipher.block_len() + self.total) as u16,
        }
    }

    fn form(self) -> Form {
        Form::new(ProtocolVersion::TLS_1_2, IvPolicy::Explicit, false).with_mac(&TLS_MAC, self.padding)
    }

    /// The library's way to open them, with these keys.
    pub(crate) fn judge(self, mac_key: &[u8], key: &[u8]) -> Judge {
        let keys = Keys { mac_key, key, iv: &[] };
        Judge::new(default_provider(), self.cipher, self.mac, keys, self.form()).expect("a suite of the provider's")
    }
}

/// What a class of records is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Padding of this length and MAC are right.
    Good(usize),
    /// Only the padding is.
    BadMac(usize),
    /// A byte of the padding is wrong.
    WrongPadding,
    /// The padding is wrong, and the MAC is right for a record without padding, which is what it is taken to be then.
    MacAsIfUnpadded,
    /// The padding is longer than may be.
    TooLong,
}

/// Makes records.
pub(crate) struct Maker {
    pub(crate) shape: Shape,
    kinds: Vec<Kind>,
    cipher: Box<dyn CbcEncrypt>,
    mac: Box<dyn HmacKey>,
}

impl Maker {
    pub(crate) fn new(shape: Shape, mac_key: &[u8], key: &[u8]) -> Self {
        let provider = default_provider();
        let paddings = shape.paddings();
        let mut kinds: Vec<Kind> = (0..paddings).map(Kind::Good).chain((0..paddings).map(Kind::BadMac)).collect();
        if matches!(shape.padding, Padding::Checked) {
            kinds.extend([Kind::WrongPadding, Kind::MacAsIfUnpadded]);
        }
        if paddings < 256 {
            kinds.push(Kind::TooLong);
        }
        let cipher = provider.block_cipher(shape.cipher).expect("a cipher of the provider's");
        let mac = provider.mac_hmac(shape.mac).expect("a hash of the provider's");
        Self { shape, kinds, cipher: cipher.encryptor(key).expect("a key"), mac: mac.with_key(mac_key) }
    }

    /// All there are, in the order of their classes.
    #[cfg(feature = "valgrind")]
    pub(crate) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// A record's body.
    pub(crate) fn record(&self, kind: Kind, random: &mut Random, body: &mut Vec<u8>) {
        let Shape { total, .. } = self.shape;
        let (most, mac_len) = (self.shape.most(), self.shape.mac.output_len());
        let iv_len = self.shape.cipher.block_len();
        body.resize(iv_len + total, 0);
        random.fill(body);
        let (iv, data) = body.split_at_mut(iv_len);
        let padding = match kind {
            Kind::Good(padding) | Kind::BadMac(padding) => padding,
            Kind::WrongPadding => 1 + random.below(self.shape.paddings() - 1),
            // So long that the MAC, which lies over it, is no right padding by chance.
            Kind::MacAsIfUnpadded => 8 + random.below(self.shape.paddings() - 8),
            Kind::TooLong => self.shape.paddings() + random.below(256 - self.shape.paddings()),
        };
        let last = total - 1;
        if matches!(self.shape.padding, Padding::Checked) {
            data[last.saturating_sub(padding)..].fill(padding as u8);
        }
        data[last] = padding as u8;
        if kind == Kind::WrongPadding {
            data[last - padding + random.below(padding)] ^= random.nonzero();
        }
        let content = match kind {
            Kind::Good(padding) | Kind::BadMac(padding) => most - padding,
            _ => most,
        };
        let (data_before, mac) = data.split_at_mut(content);
        let tag = self.mac.sign(&[&covered(self.shape.header(), content), data_before]);
        match kind {
            Kind::Good(_) | Kind::MacAsIfUnpadded => mac[..mac_len].copy_from_slice(tag.as_slice()),
            Kind::BadMac(_) => {
                mac[..mac_len].copy_from_slice(tag.as_slice());
                mac[0] ^= random.nonzero();
            }
            Kind::WrongPadding | Kind::TooLong => {}
        }
        self.cipher.encrypt(iv, data).expect("whole blocks");
    }
}

/// What the MAC covers before the content, of the first record (RFC 5246 6.2.3.1).
fn covered(header: RecordHeader, length: usize) -> [u8; 13] {
    let [major, minor] = header.version.0.to_be_bytes();
    let [high, low] = (length as u16).to_be_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, header.content_type.0, major, minor, high, low]
}

/// Opens a body: whether it is good, and how long its content is.
type Opener = Box<dyn FnMut(&mut [u8]) -> (bool, usize)>;

/// Opening records of one shape.
pub(crate) struct Opening {
    maker: Maker,
    judge: Opener,
    result: (bool, usize),
}

impl Opening {
    fn new(shape: Shape, judge: impl FnMut(&mut [u8]) -> (bool, usize) + 'static) -> Self {
        let mac_key = &MAC_KEY[..shape.mac.output_len()];
        Self { maker: Maker::new(shape, mac_key, &KEY), judge: Box::new(judge), result: (false, 0) }
    }

    /// The library's.
    pub(crate) fn ours(shape: Shape) -> Self {
        let mut judge = shape.judge(&MAC_KEY[..shape.mac.output_len()], &KEY);
        let header = shape.header();
        Self::new(shape, move |body| match judge.judge(0, &header, body) {
            Ok((good, length)) => (good == 1, length),
            Err(error) => panic!("{error}"),
        })
    }

    /// A control.
    pub(crate) fn leaky(shape: Shape, leak: Leak) -> Self {
        let opener = Leaky::new(shape, leak);
        Self::new(shape, move |body| opener.check(opener.decrypt(body)))
    }
}

/// The one thing by which a control leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leak {
    /// It returns at once when the padding is wrong (Vaudenay, 2002).
    PaddingBranch,
    /// It computes the MAC over as much as there is, and no more (Lucky Thirteen, 2013).
    Length,
    /// It compares the MAC up to the first difference.
    EarlyExit,
}

/// Opens records as one would who knows of no attack, or of a few.
pub(crate) struct Leaky {
    shape: Shape,
    leak: Leak,
    cipher: Box<dyn CbcDecrypt>,
    mac: Box<dyn HmacKey>,
}

impl Leaky {
    pub(crate) fn new(shape: Shape, leak: Leak) -> Self {
        let provider = default_provider();
        let cipher = provider.block_cipher(shape.cipher).and_then(|cipher| cipher.decryptor(&KEY).ok());
        let mac = provider.mac_hmac(shape.mac).map(|mac| mac.with_key(&MAC_KEY[..shape.mac.output_len()]));
        Self { shape, leak, cipher: cipher.expect("a cipher"), mac: mac.expect("a hash") }
    }

    /// Makes records for it.
    #[cfg(feature = "valgrind")]
    pub(crate) fn maker(&self) -> Maker {
        Maker::new(self.shape, &MAC_KEY[..self.shape.mac.output_len()], &KEY)
    }

    /// Gives the body's plaintext.
    pub(crate) fn decrypt<'a>(&self, body: &'a mut [u8]) -> &'a mut [u8] {
        let (iv, data) = body.split_at_mut(BLOCK);
        self.cipher.decrypt(iv, data).expect("whole blocks");
        data
    }

    /// What follows decryption.
    #[inline(never)]
    pub(crate) fn check(&self, data: &[u8]) -> (bool, usize) {
        let most = self.shape.most();
        let (padded, padding) = judge_padding(data, most);
        if self.leak == Leak::PaddingBranch && padded == 0 {
            return (false, most);
        }
        let length = most - usize::from(padding);
        let header = covered(self.shape.header(), length);
        let expected = match self.leak {
            Leak::Length => self.mac.sign(&[&header, &data[..length]]),
            _ => self.mac.sign_secret_len(&header, &data[..most], length).expect("HMAC in constant time"),
        };
        let received = &data[length..length + expected.as_slice().len()];
        let same = match self.leak {
            Leak::EarlyExit => received.iter().zip(expected.as_slice()).all(|(a, b)| black_box(*a) == *b),
            _ => expected.ct_eq(received),
        };
        ((padded == 0xff) & same, length)
    }
}

/// All bits if the padding is right, and its length; no bits and none otherwise. By masks, as the library does it.
fn judge_padding(data: &[u8], most: usize) -> (u8, u8) {
    /// All bits where the number is negative.
    fn is_negative(number: i32) -> u8 {
        (number >> 31) as u8
    }
    let last = black_box(data[data.len() - 1]);
    let mut wrong = is_negative(most as i32 - i32::from(last));
    for (distance, byte) in (0..=255).zip(data.iter().rev()) {
        wrong |= is_negative(distance - i32::from(last) - 1) & (byte ^ last);
    }
    let right = is_negative(i32::from(black_box(wrong)) - 1);
    (right, last & right)
}

impl Subject for Opening {
    fn classes(&self) -> usize {
        self.maker.kinds.len()
    }

    /// As many good records as bad ones of each kind.
    fn draw(&self, random: &mut Random) -> Class {
        let paddings = self.maker.shape.paddings();
        let others = self.maker.kinds.len() - 2 * paddings;
        match random.below(2 + others) {
            0 => random.below(paddings),
            1 => paddings + random.below(paddings),
            other => 2 * paddings + other - 2,
        }
    }

    fn comparisons(&self) -> Vec<Comparison> {
        let paddings = self.maker.shape.paddings();
        let classes = |wanted: &dyn Fn(Kind) -> bool| -> Vec<Class> {
            self.maker.kinds.iter().enumerate().filter(|(_, kind)| wanted(**kind)).map(|(class, _)| class).collect()
        };
        let compare = |name: String, a: &dyn Fn(Kind) -> bool, b: &dyn Fn(Kind) -> bool| Comparison {
            name,
            a: classes(a),
            b: classes(b),
        };
        let good = |kind| matches!(kind, Kind::Good(_));
        let bad_mac = |kind| matches!(kind, Kind::BadMac(_));
        let padding = |kind| match kind {
            Kind::Good(padding) | Kind::BadMac(padding) => Some(padding),
            _ => None,
        };
        let mut all = vec![compare("good : bad MAC".into(), &good, &bad_mac)];
        for (name, other) in [
            ("wrong padding", Kind::WrongPadding),
            ("wrong padding, MAC right without it", Kind::MacAsIfUnpadded),
            ("padding too long", Kind::TooLong),
        ] {
            all.push(compare(format!("{name} : good"), &|kind| kind == other, &good));
            all.push(compare(format!("{name} : bad MAC"), &|kind| kind == other, &bad_mac));
        }
        let short = |kind| padding(kind).is_some_and(|padding| padding < paddings / 2);
        let long = |kind| padding(kind).is_some_and(|padding| padding >= paddings / 2);
        all.push(compare("short : long padding".into(), &short, &long));
        for length in 0..paddings {
            let one = |kind| padding(kind) == Some(length);
            let rest = |kind| padding(kind).is_some_and(|padding| padding != length);
            all.push(compare(format!("padding of {length} : the others"), &one, &rest));
        }
        all
    }

    fn prepare(&mut self, class: Class, random: &mut Random, input: &mut Vec<u8>) {
        self.maker.record(self.maker.kinds[class], random, input);
    }

    fn work(&mut self, input: &mut [u8]) {
        self.result = (self.judge)(input);
    }

    fn is_right(&self, class: Class, _input: &[u8]) -> bool {
        let (good, length) = self.result;
        match self.maker.kinds[class] {
            Kind::Good(padding) => good && length == self.maker.shape.most() - padding,
            _ => !good,
        }
    }
}
