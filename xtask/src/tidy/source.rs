//! A Rust source file as the rules see it: comments and literals blanked out, test code marked.

use std::collections::BTreeSet;

/// One file.
#[derive(Debug)]
pub(super) struct Source {
    /// From the repository's root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// The text, as long and with the same lines, but comments and the insides of literals are spaces.
    pub(super) code: String,
    /// The whole file is test code.
    pub(super) is_test: bool,
    /// Byte ranges of `#[cfg(test)]` and `#[test]` items in `code`.
    tests: Vec<(usize, usize)>,
}

impl Source {
    /// Takes a file apart.
    pub(super) fn new(path: &str, text: &str) -> Self {
        let code = blank(text);
        let tests = test_items(&code);
        let under = |folder: &str| path.split('/').any(|part| part == folder);
        let is_test = under("tests") || under("examples") || under("benches");
        Self { path: path.into(), text: text.into(), code, is_test, tests }
    }

    /// Whether the byte lies in test code.
    pub(super) fn in_test(&self, at: usize) -> bool {
        self.is_test || self.tests.iter().any(|(from, to)| (*from..*to).contains(&at))
    }

    /// The line a byte is on, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.code.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    /// Where this word stands in the code as a whole word, outside tests.
    pub(super) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.words_anywhere(word).filter(|at| !self.in_test(*at))
    }

    /// Where this word stands in the code as a whole word.
    pub(super) fn words_anywhere<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.code
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(move |at| !self.before(*at).ends_with(is_word) && !self.after(at + word.len()).starts_with(is_word))
    }

    /// The code before a byte.
    pub(super) fn before(&self, at: usize) -> &str {
        self.code.get(..at).unwrap_or_default()
    }

    /// The code from a byte on.
    pub(super) fn after(&self, at: usize) -> &str {
        self.code.get(at..).unwrap_or_default()
    }
}

/// Part of an identifier.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Marks the files that `#[cfg(test)] mod name;` declares, and everything below them, as test code.
pub(super) fn mark_test_modules(sources: &mut [Source]) {
    let mut stems = BTreeSet::new();
    for source in sources.iter() {
        let Some((folder, file)) = source.path.rsplit_once('/') else { continue };
        let stem = file.trim_end_matches(".rs");
        let folder = match stem {
            "lib" | "main" | "mod" => folder.to_owned(),
            stem => format!("{folder}/{stem}"),
        };
        for (from, to) in &source.tests {
            let item = source.code.get(*from..*to).unwrap_or_default();
            if let Some(name) = item.trim_end().strip_suffix(';').and_then(|item| item.rsplit_once("mod ")) {
                stems.insert(format!("{folder}/{}", name.1.trim()));
            }
        }
    }
    for source in sources {
        let stem = source.path.trim_end_matches(".rs");
        source.is_test |= stems.iter().any(|test| stem == test || stem.starts_with(&format!("{test}/")));
    }
}

/// Spaces for comments and for the insides of string and character literals.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = match at(i) {
            '/' if at(i + 1) == '/' => (i..chars.len()).find(|i| at(*i) == '\n').unwrap_or(chars.len()),
            '/' if at(i + 1) == '*' => block_comment(&chars, i),
            '"' => string(&chars, i),
            'r' if (i == 0 || !is_word(at(i - 1)) || (at(i - 1) == 'b' && (i == 1 || !is_word(at(i - 2))))) => {
                raw_string(&chars, i).unwrap_or(i)
            }
            '\'' => character(&chars, i).unwrap_or(i),
            _ => i,
        };
        if end == i {
            out.push(at(i));
            i += 1;
            continue;
        }
        // Every blanked byte gives one byte, so that places in code and text agree.
        for c in chars.get(i..end).unwrap_or_default() {
            let keeps = *c == '\n' || *c == '"';
            (0..c.len_utf8()).for_each(|_| out.push(if keeps { *c } else { ' ' }));
        }
        i = end;
    }
    out
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut i = start;
    while i < chars.len() {
        match (chars.get(i), chars.get(i + 1)) {
            (Some('/'), Some('*')) => {
                depth += 1;
                i += 2;
            }
            (Some('*'), Some('/')) => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    i
}

fn string(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while let Some(c) = chars.get(i) {
        match c {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

fn raw_string(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars.iter().skip(start + 1).take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |i: usize| {
        chars.get(i) == Some(&'"') && chars.iter().skip(i + 1).take(hashes).filter(|c| **c == '#').count() == hashes
    };
    (open + 1..chars.len()).find(|i| closes(*i)).map(|i| i + 1 + hashes).or(Some(chars.len()))
}

/// A character literal; `None` for a lifetime.
fn character(chars: &[char], start: usize) -> Option<usize> {
    if chars.get(start + 1) == Some(&'\\') {
        return (start + 3..chars.len()).find(|i| chars.get(*i) == Some(&'\'')).map(|i| i + 1);
    }
    (chars.get(start + 2) == Some(&'\'')).then_some(start + 3)
}

/// The items behind `#[cfg(test)]` and `#[test]`.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    let marks = ["#[cfg(test)]", "#[test]", "#[tokio::test"];
    let mut items: Vec<(usize, usize)> = Vec::new();
    for (start, _) in code.match_indices("#[") {
        let rest = code.get(start..).unwrap_or_default();
        if !marks.iter().any(|mark| rest.starts_with(mark)) || items.iter().any(|(_, end)| start < *end) {
            continue;
        }
        items.push((start, start + item_length(rest)));
    }
    items
}

/// Up to the `;` or the closing brace that ends the item this text begins with.
fn item_length(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && c == '}' {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_in_place() {
        let text = "let a = \"x // as u8\"; // as u8\nlet b = r#\"\"as u8\"#; /* as /* u8 */ */ let c = 'a'; let d: &'a str = \"\\\"as\";\nlet é = b\"as\";";
        let code = blank(text);
        assert_eq!(code.len(), text.len());
        assert_eq!(code.lines().count(), text.lines().count());
        assert!(!code.contains("as"), "{code}");
        assert!(code.contains("let c =") && code.contains("&'a str") && code.contains("let é"), "{code}");
    }

    #[test]
    fn test_items_are_known() {
        let source = Source::new(
            "crates/x/src/a.rs",
            "fn one() {}\n#[cfg(test)]\nmod tests {\n    fn two() {}\n}\nfn three() {}\n#[cfg(test)]\nuse four;\n",
        );
        let is_test = |word: &str| source.in_test(source.code.find(word).unwrap());
        assert!(!is_test("one") && is_test("two") && !is_test("three") && is_test("four"));
        assert_eq!(source.line(source.code.find("three").unwrap()), 6);
    }

    #[test]
    fn a_file_declared_for_tests_is_test_code() {
        let mut sources = vec![
            Source::new("crates/x/src/lib.rs", "#[cfg(test)]\nmod misorder;\nmod plain;\n"),
            Source::new("crates/x/src/misorder.rs", ""),
            Source::new("crates/x/src/misorder/deep.rs", ""),
            Source::new("crates/x/src/plain.rs", "#[cfg(test)]\nmod checks;\n"),
            Source::new("crates/x/src/plain/checks.rs", ""),
        ];
        mark_test_modules(&mut sources);
        let marked: Vec<bool> = sources.iter().map(|source| source.is_test).collect();
        assert_eq!(marked, [false, true, true, false, true]);
    }

    #[test]
    fn words_are_whole() {
        let source = Source::new("a.rs", "ring::x; string::ring_like; ring");
        assert_eq!(source.words("ring").collect::<Vec<_>>(), [0, 28]);
    }
}
