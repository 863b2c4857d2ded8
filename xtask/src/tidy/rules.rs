//! The rules, each with what it forbids and where.

use super::source::{Source, is_word};

/// A place, and what is wrong there.
type Broken = Vec<(usize, String)>;

/// One rule.
pub(super) struct Rule {
    pub(super) name: &'static str,
    /// Which files it is for.
    pub(super) applies: fn(&Source) -> bool,
    /// Lines that break it.
    pub(super) broken: fn(&Source) -> Broken,
}

/// All of them. `ARCHITECTURE.md` states them in prose.
pub(super) const RULES: &[Rule] = &[
    Rule { name: "first-line", applies: everywhere, broken: first_line },
    Rule { name: "file-length", applies: in_crates, broken: file_length },
    Rule { name: "ring-in-one-file", applies: may_not_name_ring, broken: names_ring },
    Rule { name: "pkcs1v15-encrypt", applies: everywhere, broken: pkcs1v15_encrypt },
    Rule { name: "version-compared", applies: may_not_compare_versions, broken: compares_versions },
    Rule { name: "async-only-in-flights", applies: may_not_be_async, broken: is_async },
    Rule { name: "no-panic", applies: wire_and_record, broken: may_panic },
    Rule { name: "no-index", applies: wire_and_record, broken: indexes },
    Rule { name: "no-cast", applies: wire_and_record, broken: casts },
    Rule { name: "no-global-state", applies: in_crates, broken: global_state },
    Rule { name: "nothing-unfinished", applies: everywhere, broken: unfinished },
];

fn everywhere(_: &Source) -> bool {
    true
}

fn in_crates(source: &Source) -> bool {
    source.path.starts_with("crates/")
}

fn wire_and_record(source: &Source) -> bool {
    ["crates/clasp-wire/src/", "crates/clasp-record/src/"].iter().any(|folder| source.path.starts_with(folder))
}

fn first_line(source: &Source) -> Broken {
    let first = source.text.lines().next().unwrap_or_default();
    match first.strip_prefix("//! ") {
        Some(words) if words.trim().len() >= 10 => Vec::new(),
        _ => vec![(1, "the first line must be `//! ` and say what the file is".into())],
    }
}

const LONGEST: usize = 700;

fn file_length(source: &Source) -> Broken {
    let table = source.path.contains("/codepoint");
    let lines = source.text.lines().count();
    if table || lines <= LONGEST {
        return Vec::new();
    }
    vec![(lines, format!("{lines} lines; past {LONGEST} a reader will find two jobs in one file"))]
}

/// Where the crate is named; where one of rustls' modules is, which is called the same.
const RING_IS_NAMED_IN: &[&str] =
    &["crates/clasp-crypto/src/ring_provider.rs", "crates/clasp-cli/tests/peers13/with_rustls.rs"];

fn may_not_name_ring(source: &Source) -> bool {
    in_crates(source) && !RING_IS_NAMED_IN.contains(&source.path.as_str())
}

fn names_ring(source: &Source) -> Broken {
    // The provider table may call our own module `ring`.
    let is_alias = source.code.contains("ring_provider as ring;");
    let found = source.words_anywhere("ring").filter(|at| {
        let (before, after) = (source.before(*at).trim_end(), source.after(at + "ring".len()));
        let imported = before.ends_with("use") || before.ends_with("crate") || before.ends_with("::");
        imported || (after.starts_with("::") && !is_alias)
    });
    found.map(|at| (source.line(at), "only clasp-crypto/src/ring_provider.rs names ring".into())).collect()
}

fn pkcs1v15_encrypt(source: &Source) -> Broken {
    let found = source.words_anywhere("Pkcs1v15Encrypt");
    let why = "Pkcs1v15Encrypt tells bad padding from good: use RsaDecrypter, which rejects implicitly";
    found.map(|at| (source.line(at), why.into())).collect()
}

/// The tables and the one place that picks; the registry that defines versions.
const VERSIONS_ARE_COMPARED_IN: &[&str] = &[
    "crates/clasp-handshake/src/negotiate/mod.rs",
    "crates/clasp-handshake/src/negotiate/client.rs",
    "crates/clasp-handshake/src/negotiate/server.rs",
    "crates/clasp-handshake/src/dialect.rs",
    "crates/clasp-handshake/src/suites.rs",
    "crates/clasp-handshake/src/policy.rs",
    "crates/clasp-handshake/src/widen.rs",
];

fn may_not_compare_versions(source: &Source) -> bool {
    in_crates(source)
        && !source.path.starts_with("crates/clasp-wire/src/codepoint")
        // The shim is told versions by number, and nothing else of it knows them.
        && !source.path.starts_with("crates/clasp-bogo/")
        && !VERSIONS_ARE_COMPARED_IN.contains(&source.path.as_str())
}

fn compares_versions(source: &Source) -> Broken {
    let why = "versions are compared in negotiate and the tables only: ask the dialect";
    let mut lines = Vec::new();
    for operator in ["==", "!=", "<=", ">=", "<", ">"] {
        for (at, _) in source.code.match_indices(operator) {
            let (before, after) = (source.before(at), source.after(at + operator.len()));
            // rustfmt sets spaces around binary operators and none around the brackets of generics.
            let binary = before.ends_with([' ', '\n']) && after.starts_with([' ', '\n']);
            if binary && !source.in_test(at) && (is_version(last_operand(before)) || is_version(first_operand(after))) {
                lines.push((source.line(at), why.to_owned()));
            }
        }
    }
    for at in source.words("ProtocolVersion") {
        let Some(rest) = source.after(at).strip_prefix("ProtocolVersion") else { continue };
        let (pattern, end) = match (rest.strip_prefix("::"), rest.strip_prefix('(')) {
            (Some(name), _) => (true, name.trim_start_matches(is_word)),
            (_, Some(fields)) => (true, fields.split_once(')').map_or("", |(_, end)| end)),
            _ => (false, rest),
        };
        let next = end.trim_start();
        let arm = next.starts_with("=>") || next.starts_with("| ") || next.starts_with("..=");
        let start = source.before(at).trim_end();
        let inside = start.ends_with(" |") || start.ends_with("let");
        let tested = matches_macro(start);
        if pattern && (arm || inside || tested) {
            lines.push((source.line(at), why.to_owned()));
        }
    }
    lines.dedup();
    lines
}

/// Whether the code ends inside `matches!(`, at its pattern.
fn matches_macro(before: &str) -> bool {
    let Some((_, inside)) = before.rsplit_once("matches!(") else { return false };
    !inside.contains(';') && inside.trim_end().ends_with([',', '('])
}

fn is_part_of_operand(c: char) -> bool {
    is_word(c) || matches!(c, '.' | ':' | '(' | ')' | '?' | '&' | '*')
}

fn last_operand(before: &str) -> &str {
    before.trim_end().rsplit(|c| !is_part_of_operand(c)).next().unwrap_or_default()
}

fn first_operand(after: &str) -> &str {
    after.trim_start().split(|c| !is_part_of_operand(c)).next().unwrap_or_default()
}

/// `x.version`, `version()`, `hello.client_version`, `newest_version.0`, `ProtocolVersion::TLS_1_2`.
fn is_version(operand: &str) -> bool {
    if operand.contains("ProtocolVersion::") || operand.contains("ProtocolVersion(") {
        return true;
    }
    let name = operand.trim_end_matches(".0").trim_end_matches([')', '(', '?']);
    let name = name.rsplit(|c| !is_word(c)).next().unwrap_or_default();
    name == "version" || name.ends_with("_version")
}

fn may_not_be_async(source: &Source) -> bool {
    let flights_and_peer = [
        "crates/clasp-handshake/src/client/",
        "crates/clasp-handshake/src/server/",
        "crates/clasp-handshake/src/peer.rs",
        // The half of a flight that the roles share.
        "crates/clasp-handshake/src/key_exchange.rs",
        "crates/clasp-handshake/src/tls13.rs",
        // Waits for a store, which the caller supplied.
        "crates/clasp-handshake/src/resumption/store.rs",
        // Waits for the verifier it wraps, which the caller supplied.
        "crates/clasp-cert/src/pins.rs",
        "crates/clasp-tokio/",
        "crates/clasp-cli/",
        "crates/clasp-soak/",
    ];
    in_crates(source) && !flights_and_peer.iter().any(|place| source.path.starts_with(place))
}

fn is_async(source: &Source) -> Broken {
    let why = "async belongs to the flights, Peer and what callers supply";
    source.words("async").map(|at| (source.line(at), why.into())).collect()
}

fn may_panic(source: &Source) -> Broken {
    let mut lines = Vec::new();
    for method in ["unwrap", "expect", "unwrap_err", "expect_err", "split_at", "split_at_mut"] {
        let found = source
            .words(method)
            .filter(|at| source.before(*at).ends_with('.') && source.after(at + method.len()).starts_with('('));
        lines.extend(found.map(|at| (source.line(at), format!(".{method}() can panic"))));
    }
    for name in ["panic", "unreachable", "assert", "assert_eq", "assert_ne", "todo", "unimplemented"] {
        let found = source.words(name).filter(|at| {
            let in_const = source.before(*at).trim_end().ends_with("const _: () =");
            !in_const && source.after(at + name.len()).starts_with('!')
        });
        lines.extend(found.map(|at| (source.line(at), format!("{name}! panics"))));
    }
    lines
}

fn indexes(source: &Source) -> Broken {
    let brackets = source.code.match_indices('[').map(|(at, _)| at).filter(|at| {
        let before = source.before(*at);
        // An identifier, a call or another index just before: this one indexes it. A macro's `!` or `#` does not.
        let indexes = before.ends_with(|c: char| is_word(c) || c == ')' || c == ']' || c == '?');
        indexes && !source.after(*at).starts_with("[..]") && !source.in_test(*at)
    });
    brackets.map(|at| (source.line(at), "indexing can panic: use get, split_at_checked, first_chunk".into())).collect()
}

fn casts(source: &Source) -> Broken {
    let numbers = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64", "char",
        "_", "*const", "*mut",
    ];
    let found = source.words("as").filter(|at| {
        let target = source.after(at + 2).trim_start();
        numbers.iter().any(|name| target.strip_prefix(name).is_some_and(|rest| !rest.starts_with(is_word)))
            && !source.before(*at).lines().next_back().unwrap_or_default().trim_start().starts_with("use ")
    });
    found.map(|at| (source.line(at), "`as` can lose bits: use From, TryFrom or to_be_bytes".into())).collect()
}

fn global_state(source: &Source) -> Broken {
    let cells = ["OnceLock", "OnceCell", "LazyLock", "LazyCell", "Mutex", "RwLock", "Atomic", "RefCell", " mut "];
    let statics = source.words("static").filter(|at| {
        // `&'static` and a `static` item differ by the quote before.
        let item = source.after(*at).split([';', '{']).next().unwrap_or_default();
        let declared = item.split_once('=').map_or(item, |(declared, _)| declared);
        !source.before(*at).ends_with('\'') && cells.iter().any(|cell| declared.contains(cell))
    });
    let locals = source.words("thread_local");
    statics
        .chain(locals)
        .map(|at| (source.line(at), "no state of the whole process: a config holds it".into()))
        .collect()
}

fn unfinished(source: &Source) -> Broken {
    let mut lines = Vec::new();
    for name in ["todo", "unimplemented", "dbg"] {
        let found = source.words_anywhere(name).filter(|at| source.after(at + name.len()).starts_with("!("));
        lines.extend(found.map(|at| (source.line(at), format!("{name}! is left"))));
    }
    let ignored = source.code.match_indices("#[ignore").map(|(at, _)| at);
    lines.extend(ignored.map(|at| (source.line(at), "a test that never runs".into())));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules that this text breaks, were it in this file.
    fn broken(path: &str, text: &str) -> Vec<&'static str> {
        let source = Source::new(path, &format!("//! A file made up for a test.\n{text}"));
        let mut names = Vec::new();
        for rule in RULES.iter().filter(|rule| (rule.applies)(&source)) {
            names.extend((rule.broken)(&source).iter().map(|_| rule.name));
        }
        names
    }

    const WIRE: &str = "crates/clasp-wire/src/x.rs";
    const HANDSHAKE: &str = "crates/clasp-handshake/src/x.rs";

    #[test]
    fn a_file_says_what_it_is() {
        for text in ["", "fn main() {}", "// A comment.\n", "//! Too", "\n//! A line too late for that."] {
            assert_eq!(first_line(&Source::new("xtask/src/x.rs", text)).len(), 1, "{text:?}");
        }
        assert!(broken("xtask/src/x.rs", "").is_empty());
    }

    #[test]
    fn a_long_file_is_seen_unless_it_is_a_table() {
        let long = "fn f() {}\n".repeat(LONGEST);
        assert_eq!(broken(HANDSHAKE, &long), ["file-length"]);
        assert!(broken("crates/clasp-wire/src/codepoint/suites.rs", &long).is_empty());
    }

    #[test]
    fn ring_outside_its_file_is_seen() {
        for text in ["use ring::digest;", "fn f() { ring::rand::SystemRandom::new(); }", "#[cfg(test)]\nuse ring as r;"]
        {
            assert_eq!(broken("crates/clasp-crypto/src/x.rs", text), ["ring-in-one-file"], "{text}");
        }
        assert!(broken("crates/clasp-crypto/src/ring_provider.rs", "use ring::digest;").is_empty());
        assert!(
            broken("crates/clasp-crypto/src/x.rs", "// ring has none\nlet s = \"ring\"; mod ring_provider;").is_empty()
        );
    }

    #[test]
    fn the_oracle_is_seen_anywhere() {
        let text = "#[cfg(test)]\nmod tests { use rsa::Pkcs1v15Encrypt; }";
        assert_eq!(broken("benches/src/x.rs", text), ["pkcs1v15-encrypt"]);
        assert!(broken("benches/src/x.rs", "// not Pkcs1v15Encrypt").is_empty());
    }

    #[test]
    fn a_version_compared_or_matched_is_seen() {
        for text in [
            "fn f() { if version == ProtocolVersion::TLS_1_2 {} }",
            "fn f() { if ProtocolVersion::TLS_1_2 <= v {} }",
            "fn f() { if hello.client_version < newest {} }",
            "fn f() { if dialect.version() != x {} }",
            "fn f() { if header.version.0 >= 0x0303 {} }",
            "fn f() { match v { ProtocolVersion::TLS_1_2 => 1, _ => 2 } }",
            "fn f() { match v { ProtocolVersion(0x0303) => 1, _ => 2 } }",
            "fn f() { matches!(v, ProtocolVersion::TLS_1_2) }",
            "fn f() { if let ProtocolVersion::SSL_3_0 = v {} }",
        ] {
            assert_eq!(broken(HANDSHAKE, text), ["version-compared"], "{text}");
        }
        let two = "fn f() { match v { ProtocolVersion::TLS_1_2 | ProtocolVersion::TLS_1_1 => 1, _ => 2 } }";
        assert!(!broken(HANDSHAKE, two).is_empty());
    }

    #[test]
    fn a_version_that_is_only_used_passes() {
        for text in [
            "fn f() -> Option<ProtocolVersion> { Some(ProtocolVersion::TLS_1_2) }",
            "fn f() { peer.order(Order::RecordVersion(ProtocolVersion::TLS_1_0)); }",
            "fn f(version: ProtocolVersion) { g(version, a == b) }",
            "fn f() { x.map(|pair| ProtocolVersion(u16::from_be_bytes(pair))) }",
            "#[cfg(test)]\nmod tests { fn f() { assert!(version == ProtocolVersion::TLS_1_2) } }",
        ] {
            assert!(broken(HANDSHAKE, text).is_empty(), "{text}");
        }
        let compared = "fn f() { v == ProtocolVersion::TLS_1_2 }";
        assert!(broken("crates/clasp-handshake/src/negotiate/mod.rs", compared).is_empty());
    }

    #[test]
    fn async_outside_the_flights_is_seen() {
        assert_eq!(broken(HANDSHAKE, "async fn f() {}"), ["async-only-in-flights"]);
        assert_eq!(broken("crates/clasp-record/src/x.rs", "fn f() { async move {} }"), ["async-only-in-flights"]);
        assert!(broken("crates/clasp-handshake/src/client/classic.rs", "async fn f() {}").is_empty());
        assert!(broken("crates/clasp-handshake/src/peer.rs", "async fn f() {}").is_empty());
        assert!(broken(HANDSHAKE, "/// An async fn.\nfn f() {}").is_empty());
    }

    #[test]
    fn panics_are_seen_in_wire_and_record() {
        for text in [
            "fn f() { x.unwrap(); }",
            "fn f() { x\n    .expect(\"why\"); }",
            "fn f() { panic!(\"no\") }",
            "fn f() { unreachable!() }",
            "fn f() { assert!(a) }",
            "fn f() { a.split_at(b) }",
        ] {
            assert_eq!(broken(WIRE, text), ["no-panic"], "{text}");
            assert!(broken(HANDSHAKE, text).is_empty(), "{text}");
        }
        let fine = "const _: () = assert!(A == 1);\nfn f() { x.unwrap_or(1); debug_assert!(a) }\n#[cfg(test)]\nmod tests { fn f() { x.unwrap(); } }";
        assert!(broken(WIRE, fine).is_empty());
    }

    #[test]
    fn indexing_is_seen_in_wire_and_record() {
        for text in ["fn f() { x[0]; }", "fn f() { &x.y[..n]; }", "fn f() { g()[1]; }", "fn f() { (a)?[1]; }"] {
            assert_eq!(broken("crates/clasp-record/src/x.rs", text), ["no-index"], "{text}");
        }
        let fine = "#[derive(Debug)]\nstruct A<'a>(&'a [u8], [u8; 2]);\nfn f(x: &mut [u8]) -> [u8; 1] { vec![1]; let [a] = x[..]; [0] }";
        assert!(broken(WIRE, fine).is_empty());
    }

    #[test]
    fn casts_are_seen_in_wire_and_record() {
        for text in ["fn f() { x as u8; }", "fn f() { x.len() as usize }", "fn f() { x as _ }"] {
            assert_eq!(broken(WIRE, text), ["no-cast"], "{text}");
        }
        assert!(broken(WIRE, "use a as b;\nfn f() { <A as B>::c(); }\nuse x::{u8 as u8};").is_empty());
    }

    #[test]
    fn global_state_is_seen() {
        for text in [
            "static A: OnceLock<u8> = OnceLock::new();",
            "pub(crate) static A: AtomicU64 = AtomicU64::new(0);",
            "static mut A: u8 = 0;",
            "thread_local! { static A: u8 = 0; }",
        ] {
            assert_eq!(broken(HANDSHAKE, text), ["no-global-state"], "{text}");
        }
        assert!(broken(HANDSHAKE, "pub static TLS12: Tls12 = Tls12;\nfn f() -> &'static Mutex<u8> { x }").is_empty());
    }

    #[test]
    fn unfinished_work_is_seen() {
        assert_eq!(broken(HANDSHAKE, "fn f() { todo!() }"), ["nothing-unfinished"]);
        assert_eq!(broken(HANDSHAKE, "#[cfg(test)]\nmod t { #[test]\n#[ignore]\nfn f() {} }"), ["nothing-unfinished"]);
    }
}
