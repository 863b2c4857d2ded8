//! The figures, as a table, as JSON and as a chart.

use std::fmt::Write;

use serde_json::{Map, Value, json};

/// One stack's figures in a case, one a round.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) stack: &'static str,
    pub(crate) figures: Vec<f64>,
}

impl Series {
    pub(crate) fn new(stack: &'static str) -> Self {
        Self { stack, figures: Vec::new() }
    }
}

/// One case and side.
#[derive(Debug)]
pub(crate) struct Row {
    case: String,
    side: &'static str,
    unit: &'static str,
    higher_is_better: bool,
    series: Vec<Series>,
}

/// Every stack's column, in order.
const COLUMNS: [&str; 5] = ["clasp", "clasp-aws-lc", "rustls-ring", "rustls-aws-lc-rs", "openssl"];

/// What is held against what: each provider of Clasp's against the peers, and on AWS-LC against the peer on the same.
const RATIOS: [(&str, &str); 5] = [
    ("clasp", "rustls-ring"),
    ("clasp", "rustls-aws-lc-rs"),
    ("clasp", "openssl"),
    ("clasp-aws-lc", "rustls-aws-lc-rs"),
    ("clasp-aws-lc", "openssl"),
];

impl Row {
    pub(crate) fn new(
        case: &str,
        side: &'static str,
        unit: &'static str,
        higher_is_better: bool,
        series: Vec<Series>,
    ) -> Self {
        Self { case: case.to_owned(), side, unit, higher_is_better, series }
    }

    fn figures(&self, stack: &str) -> Option<&[f64]> {
        self.series.iter().find(|series| series.stack == stack).map(|series| series.figures.as_slice())
    }

    fn median(&self, stack: &str) -> Option<f64> {
        self.figures(stack).map(|figures| quantile(figures, 0.5))
    }

    /// Our figure over the peer's, round by round: lower quartile, median, upper quartile.
    fn ratio(&self, ours: &str, peer: &str) -> Option<(f64, f64, f64)> {
        let ratios: Vec<f64> =
            self.figures(ours)?.iter().zip(self.figures(peer)?).map(|(ours, theirs)| ours / theirs).collect();
        Some((quantile(&ratios, 0.25), quantile(&ratios, 0.5), quantile(&ratios, 0.75)))
    }
}

fn quantile(figures: &[f64], at: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = at * (sorted.len().saturating_sub(1)) as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(low), sorted.get(high)) {
        (Some(a), Some(b)) => a + (b - a) * (place - place.floor()),
        _ => f64::NAN,
    }
}

/// A table for people. A ratio is one figure over the other: median, and quartiles over the rounds.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<34} {:<8} {:>6}", "case", "side", "unit");
    for column in COLUMNS {
        let _ = write!(text, " {column:>17}");
    }
    for (ours, peer) in RATIOS {
        let _ = write!(text, "  {:<31}", format!("{ours} / {peer}"));
    }
    text.push('\n');
    for row in rows {
        let _ = write!(text, "{:<34} {:<8} {:>6}", row.case, row.side, row.unit);
        for column in COLUMNS {
            let figure = row.median(column).map_or_else(|| "-".to_owned(), |figure| format!("{figure:.0}"));
            let _ = write!(text, " {figure:>17}");
        }
        for (ours, peer) in RATIOS {
            let ratio = row
                .ratio(ours, peer)
                .map_or_else(|| "-".to_owned(), |(low, middle, high)| format!("{middle:.3} [{low:.3}, {high:.3}]"));
            let _ = write!(text, "  {ratio:<31}");
        }
        text.push('\n');
    }
    text
}

/// The rows as a list of objects; a peer that cannot run a case is absent from its row.
pub(crate) fn json(rows: &[Row]) -> String {
    let list: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut object = Map::new();
            object.insert("case".to_owned(), json!(row.case));
            object.insert("side".to_owned(), json!(row.side));
            object.insert("unit".to_owned(), json!(row.unit));
            object.insert("better".to_owned(), json!(if row.higher_is_better { "higher" } else { "lower" }));
            for column in COLUMNS {
                if let Some(figure) = row.median(column) {
                    object.insert(column.to_owned(), json!((figure * 10.0).round() / 10.0));
                }
            }
            Value::Object(object)
        })
        .collect();
    serde_json::to_string_pretty(&Value::Array(list)).unwrap_or_default()
}

/// A bar chart: each row scaled to its own best figure.
pub(crate) fn svg(rows: &[Row]) -> String {
    const COLOURS: [&str; 5] = ["#b5452c", "#e08a5f", "#6c8ebf", "#9ab6d9", "#a9a9a9"];
    const BAR: usize = 14;
    const LABEL: usize = 300;
    const WIDTH: usize = 900;
    let mut body = String::new();
    let mut y = 46;
    for (at, (column, colour)) in COLUMNS.iter().zip(COLOURS).enumerate() {
        let x = LABEL + at * 118;
        let _ = writeln!(body, r#"<rect x="{x}" y="14" width="12" height="12" fill="{colour}"/>"#);
        let _ = writeln!(body, r#"<text x="{}" y="25">{column}</text>"#, x + 17);
    }
    for row in rows {
        let best = COLUMNS.iter().filter_map(|column| row.median(column)).fold(0.0, f64::max);
        let bars: Vec<_> =
            COLUMNS.iter().zip(COLOURS).filter_map(|(column, colour)| Some((row.median(column)?, colour))).collect();
        let middle = y + bars.len() * BAR / 2 + 4;
        let _ = writeln!(
            body,
            r#"<text x="{}" y="{middle}" text-anchor="end">{}, {}</text>"#,
            LABEL - 8,
            row.case,
            row.side
        );
        for (figure, colour) in bars {
            let width = figure / best * (WIDTH - LABEL - 130) as f64;
            let _ = writeln!(
                body,
                r#"<rect x="{LABEL}" y="{y}" width="{width:.1}" height="{}" fill="{colour}"/>"#,
                BAR - 2
            );
            let _ = writeln!(
                body,
                r#"<text x="{:.1}" y="{}" font-size="11">{figure:.0} {}</text>"#,
                LABEL as f64 + width + 5.0,
                y + BAR - 4,
                row.unit
            );
            y += BAR;
        }
        y += 12;
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
{body}</svg>
"#
    )
}
