//! A whole limbo.json: how each group fares, and every difference with its reason.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::case::{Case, Verdict};
use crate::reasons;

/// How the cases of one group fared.
#[derive(Default)]
struct Group {
    agree: usize,
    explained: usize,
    unexplained: usize,
    not_asked: usize,
}

/// Runs every case of the file and prints what comes of it; whether all is as the page of reasons says.
pub(crate) fn run(path: &Path) -> Result<bool, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let file: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let cases = file["testcases"].as_array().filter(|cases| !cases.is_empty()).ok_or("no testcases in this file")?;
    let explained = reasons::read()?;
    let mut good = true;
    for (name, rules) in crate::all_rules() {
        println!("\n{name} rules\n");
        let (mut groups, mut by_reason) = (BTreeMap::<String, Group>::new(), BTreeMap::<&str, usize>::new());
        for value in cases {
            let id = value["id"].as_str().ok_or("a case without an id")?;
            let group = groups.entry(id.rsplit_once("::").map_or(id, |(group, _)| group).to_owned()).or_default();
            let case = match Case::read(value) {
                Ok(case) => case,
                Err(reason) => {
                    println!("not asked    {id}: {reason}");
                    group.not_asked += 1;
                    continue;
                }
            };
            let verdict = case.verdict(rules);
            let agrees = verdict.is_accepted() == case.valid;
            let said = match &verdict {
                Verdict::Accepted => "accepted",
                Verdict::Refused(reason) => reason,
            };
            match (agrees, explained.reason(name, id)) {
                (true, None) => group.agree += 1,
                (true, Some(reason)) => {
                    println!("STALE        {id}: agrees, and should differ: {reason}");
                    group.unexplained += 1;
                }
                (false, Some(reason)) => {
                    println!("explained    {id}: {said} [{reason}]");
                    *by_reason.entry(reason).or_default() += 1;
                    group.explained += 1;
                }
                (false, None) => {
                    println!("UNEXPLAINED  {id}: {said}");
                    group.unexplained += 1;
                }
            }
        }
        good &= groups.values().all(|group| group.unexplained == 0);
        print_figures(name, &groups, &by_reason);
    }
    Ok(good)
}

fn print_figures(rules: &str, groups: &BTreeMap<String, Group>, by_reason: &BTreeMap<&str, usize>) {
    println!("\n| group, {rules} rules | cases | agree | differ, explained | differ, unexplained | not asked |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let line = |name: &str, [agree, explained, unexplained, not_asked]: [usize; 4]| {
        let all = agree + explained + unexplained + not_asked;
        println!("| {name} | {all} | {agree} | {explained} | {unexplained} | {not_asked} |");
    };
    let mut total = [0; 4];
    for (name, group) in groups {
        let figures = [group.agree, group.explained, group.unexplained, group.not_asked];
        line(name, figures);
        total.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
    }
    line("all", total);
    println!("\n| differ because | cases |\n| --- | ---: |");
    for (reason, count) in by_reason {
        println!("| {reason} | {count} |");
    }
}
