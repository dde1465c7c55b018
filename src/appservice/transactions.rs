//! `PUT /transactions/{txnId}`: the homeserver pushes events ([pushing events]).
//!
//! [pushing events]: https://spec.matrix.org/latest/application-service-api/#pushing-events

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::auth::FromHomeserver;
use super::body;
use super::error::ApiError;
use super::server::State;
use crate::model::Items;

/// Answers 200 once the transaction is committed.
///
/// A homeserver that waited a minute in vain sends the same transaction again while the first is still in work,
/// so a few may be in work at once; more than that would only fill the memory.
pub(super) async fn put(
    _: FromHomeserver,
    state: Data<State>,
    request: HttpRequest,
    txn_id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let permit = Arc::clone(&state.transactions)
        .try_acquire_owned()
        .map_err(|_| ApiError::busy())?;
    let body = body::read(&request, payload, state.max_transaction_size).await?;
    let transaction = read_transaction(&body).inspect_err(|error| {
        tracing::warn!(%txn_id, %error, "a transaction that can't be read was refused, and will be sent again");
    })?;
    drop(body);
    let service = Arc::clone(&state.service);
    let txn_id = txn_id.into_inner();
    let committed = state
        .to_the_end(async move {
            let outcome = service.transaction(&txn_id, transaction).await;
            drop(permit);
            outcome
        })
        .await;
    committed.map(|()| HttpResponse::Ok().json(json!({})))
}

/// Reads the body of a transaction so that an item that can't be read stops nothing else: were the whole of it refused, the
/// homeserver would send it for ever, and nothing after it. What comes back is an object whose `events` is an array.
///
/// # Errors
///
/// `M_NOT_JSON` or `M_BAD_JSON` where it is no such object.
pub fn read_transaction(body: &[u8]) -> Result<Value, ApiError> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            ApiError::bad_json("A transaction is an object")
        } else {
            ApiError::not_json()
        }
    })?;
    if !fields.contains_key("events") {
        return Err(ApiError::bad_json("A transaction has events"));
    }
    let mut transaction = Map::new();
    for (name, raw) in fields {
        let value = if let Ok(items) = serde_json::from_str::<Items>(raw.get()) {
            report(&name, &items.unreadable);
            Value::Array(items.values)
        } else if name == "events" {
            return Err(ApiError::bad_json("The events of a transaction are an array"));
        } else if let Ok(value) = serde_json::from_str(raw.get()) {
            value
        } else {
            report(&name, &[None]);
            continue;
        };
        transaction.insert(name, value);
    }
    Ok(Value::Object(transaction))
}

/// Counts and logs what was left out, by ID.
fn report(field: &str, unreadable: &[Option<String>]) {
    for event_id in unreadable {
        tracing::warn!(
            field,
            event_id,
            "left out a part of a transaction that can't be read"
        );
        metrics::counter!("penpal_unreadable_events_total", "source" => "transaction").increment(1);
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;

    use super::*;

    #[test]
    fn a_transaction_is_an_object_with_an_array_of_events() {
        for (body, refused) in [
            ("", "M_NOT_JSON"),
            ("{", "M_NOT_JSON"),
            ("events=[]", "M_NOT_JSON"),
            ("{\"events\":[]}x", "M_NOT_JSON"),
            ("{\"events\":[}", "M_NOT_JSON"),
            ("[]", "M_BAD_JSON"),
            ("null", "M_BAD_JSON"),
            ("5", "M_BAD_JSON"),
            ("\"events\"", "M_BAD_JSON"),
            ("{}", "M_BAD_JSON"),
            ("{\"events\":null}", "M_BAD_JSON"),
            ("{\"events\":{}}", "M_BAD_JSON"),
        ] {
            let error = read_transaction(body.as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with(refused), "{body}: {error}");
            assert_eq!(error.status_code().as_u16(), 400);
        }
        assert!(read_transaction(b"{\"events\":\xff}").is_err());
    }

    #[test]
    fn everything_else_passes_through() {
        let body = json!({
            "events": [{"event_id": "$a"}, 5],
            "ephemeral": [{"type": "m.typing"}],
            "de.sorunome.msc2409.to_device": [],
            "org.matrix.msc3202.device_lists": {"changed": ["@bob:hs.test"], "left": []},
        });
        assert_eq!(read_transaction(body.to_string().as_bytes()).unwrap(), body);
    }

    #[test]
    fn what_can_not_be_read_is_left_out_alone() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        let body = format!(
            r#"{{"events":[{{"event_id":"$deep","content":{{"x":{deep}}}}},{{"event_id":"$half","content":{{"body":"\ud800"}}}},
            {{"event_id":"$a"}}],"ephemeral":[{deep}],"new":{{"x":{deep}}}}}"#
        );
        assert_eq!(
            read_transaction(body.as_bytes()).unwrap(),
            json!({"events": [{"event_id": "$a"}], "ephemeral": []})
        );
    }
}
