//! Clasp beside its peers, in one process, in memory, on one thread: `cargo xtask bench peers`.
//!
//! Every case runs in rounds, and in each round every stack has its turn, so that a drift of the machine's speed meets all
//! alike. A figure is the median over the rounds; a ratio is taken round by round.

mod cases;
mod report;

use std::time::Duration;

use clap::Parser;
use clasp_benches::alloc::Counting;
use regex::Regex;

use crate::cases::Case;
use crate::report::Row;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Measures Clasp beside rustls and OpenSSL.
#[derive(Debug, Parser)]
struct Args {
    /// Only cases in whose name this regular expression is found.
    #[arg(long, value_name = "RE")]
    filter: Option<Regex>,
    /// Seconds for each stack in each case, over all rounds.
    #[arg(long, value_name = "N", default_value_t = 3.0)]
    seconds: f64,
    /// Rounds.
    #[arg(long, value_name = "N", default_value_t = 15)]
    rounds: u32,
}

impl Args {
    fn wants(&self, case: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.is_match(case))
    }
}

fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let slice = Duration::from_secs_f64(args.seconds / f64::from(args.rounds.max(1)));
    let mut rows = Vec::<Row>::new();
    for case in Case::all() {
        if args.wants(&case.name) {
            eprintln!("measuring {} ...", case.name);
            rows.extend(case.run(args.rounds.max(1), slice));
        }
    }
    print!("{}", report::table(&rows));
    std::fs::create_dir_all("target/bench")?;
    std::fs::write("target/bench/peers.json", report::json(&rows))?;
    std::fs::write("target/bench/peers.svg", report::svg(&rows))?;
    println!("\nwritten: target/bench/peers.json, target/bench/peers.svg");
    Ok(())
}
