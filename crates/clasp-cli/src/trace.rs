//! The trace, on standard error.

use std::sync::Arc;

use clasp::cert::SctList;
use clasp::{EarlyData, Role, Session, Trace, TraceEvent};
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

/// What a session is, as name and value.
pub(crate) fn particulars(session: &Session) -> Vec<(&'static str, String)> {
    let yes = |is_so: bool| if is_so { "yes" } else { "no" }.to_owned();
    let early = match session.early_data() {
        EarlyData::Accepted => "accepted",
        EarlyData::Rejected => "rejected",
        EarlyData::NotOffered => "none",
    };
    vec![
        ("version", session.version().to_string()),
        ("cipher suite", session.cipher_suite().to_string()),
        ("group", session.group().map_or_else(|| "-".to_owned(), |group| group.to_string())),
        ("resumed", yes(session.resumed())),
        ("pre-shared key", yes(session.pre_shared_key())),
        ("early data", early.to_owned()),
        ("client authenticated", yes(session.client_authenticated())),
    ]
}

/// Where there is a trace, its last line: what was agreed; for a client, what became of Encrypted ClientHello, and what came
/// beside the certificate, too.
pub(crate) fn agreed(format: Option<TraceFormat>, role: Role, session: &Session, ech: Option<&str>) {
    let mut fields = particulars(session);
    fields.extend(ech.map(|ech| ("ECH", ech.to_owned())));
    if role == Role::Client {
        let count = session.sct_list().map_or(0, SctList::len);
        fields.push(("certificate timestamps", if count == 0 { "none".to_owned() } else { count.to_string() }));
    }
    match format {
        None => {}
        Some(TraceFormat::Text) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
            error_line(format_args!("   {}: agreed: {}", name(role), fields.join(", ")));
        }
        Some(TraceFormat::Json) => {
            let fields: Map<String, Value> =
                fields.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
            error_line(json!({ "role": name(role), "agreed": fields }));
        }
    }
}

fn name(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
    }
}

fn json_line(event: &TraceEvent) -> Value {
    let fields: Map<String, Value> =
        event.fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
    json!({
        "step": event.step.number(),
        "role": name(event.role),
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
