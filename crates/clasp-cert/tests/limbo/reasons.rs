//! Why cases of x509-limbo differ, read from the page that says so to people.

use std::collections::BTreeMap;

/// Differences by case, for one set of rules: the heading that explains them.
pub(crate) type Reasons = BTreeMap<&'static str, &'static str>;

const PAGE: &str = include_str!("README.md");

/// What the page explains under all rules, and under legacy rules besides.
pub(crate) struct Explained {
    under_all: Reasons,
    under_legacy: Reasons,
}

impl Explained {
    /// Why the case differs under the rules of this name, if it may.
    pub(crate) fn reason(&self, rules: &str, id: &str) -> Option<&'static str> {
        let legacy = (rules == "legacy").then(|| self.under_legacy.get(id)).flatten();
        self.under_all.get(id).or(legacy).copied()
    }
}

/// Reads the page. A case has one reason, and a reason is of some length and has a case.
pub(crate) fn read() -> Result<Explained, String> {
    let mut explained = Explained { under_all: Reasons::new(), under_legacy: Reasons::new() };
    let (_, page) = PAGE.split_once("\n## Under all rules\n").ok_or("no section «Under all rules»")?;
    let (all, legacy) = page.split_once("\n## Under legacy rules\n").ok_or("no section «Under legacy rules»")?;
    for (text, reasons) in [(all, &mut explained.under_all), (legacy, &mut explained.under_legacy)] {
        for part in text.split("\n### ").skip(1) {
            let (title, body) = part.split_once('\n').ok_or("a heading without a text")?;
            let (why, ids) = body.split_once("\n- ").ok_or_else(|| format!("«{title}» has no cases"))?;
            if why.len() < 100 {
                return Err(format!("«{title}» does not say much"));
            }
            for id in ids.trim_end().split("\n- ") {
                if reasons.insert(id, title).is_some() {
                    return Err(format!("{id} has two reasons"));
                }
            }
        }
    }
    let both = explained.under_all.keys().find(|id| explained.under_legacy.contains_key(*id));
    both.map_or(Ok(()), |id| Err(format!("{id} has two reasons")))?;
    Ok(explained)
}
