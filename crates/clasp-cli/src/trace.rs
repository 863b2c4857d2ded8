//! The trace, on standard error.

use std::sync::Arc;

use clasp::{Role, Trace, TraceEvent};
use serde_json::{Map, Value, json};

use crate::args::TraceFormat;
use crate::output::error_line;

#[derive(Debug)]
struct Stderr(TraceFormat);

/// Prints every event as it happens.
pub(crate) fn to_stderr(format: TraceFormat) -> Arc<dyn Trace> {
    Arc::new(Stderr(format))
}

impl Trace for Stderr {
    fn event(&self, event: &TraceEvent) {
        match self.0 {
            TraceFormat::Text => error_line(event),
            TraceFormat::Json => error_line(json_line(event)),
        }
    }
}

fn json_line(event: &TraceEvent) -> Value {
    let fields: Map<String, Value> =
        event.fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
    json!({
        "step": event.step.number(),
        "role": match event.role {
            Role::Client => "client",
            Role::Server => "server",
        },
        "what": event.what,
        "fields": fields,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clasp::Step;

    #[test]
    fn an_event_as_json() {
        let event = TraceEvent {
            step: Step::SessionKeys,
            role: Role::Server,
            what: "derived the session keys",
            fields: vec![("key bytes", "16".to_owned())],
        };
        let line = json_line(&event);
        assert_eq!((&line["step"], &line["role"]), (&json!(7), &json!("server")));
        assert_eq!(line["fields"]["key bytes"], "16");
    }
}
