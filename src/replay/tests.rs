//! Every recording through the whole bridge.

use std::path::{Path, PathBuf};

use super::golden::{Outcome, check, difference};
use super::recording::{Exchange, Recording};
use super::run::replay;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

pub(super) fn recordings() -> Vec<Recording> {
    let mut paths: Vec<_> = std::fs::read_dir(folder("fixtures/transactions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .collect();
    paths.sort();
    paths.iter().map(|path| Recording::read(path).unwrap()).collect()
}

async fn outcome(recording: &Recording) -> String {
    replay(recording, &mut || {}).await.unwrap()
}

#[tokio::test]
async fn every_recording_gives_its_golden_outcome() {
    let mut outcomes = Vec::new();
    for recording in recordings() {
        let text = outcome(&recording).await;
        let name = recording.name;
        outcomes.push(Outcome { name, text });
    }
    let differences = check(&folder("golden"), &outcomes).unwrap().join("\n");
    assert!(
        differences.is_empty(),
        "{differences}\nIf this is what people should get: penpal replay tests/fixtures/transactions/*.jsonl --update tests/golden"
    );
}

/// Homeservers send a transaction again when they got no answer, and may number it anew after a restart.
#[tokio::test]
async fn what_comes_again_changes_nothing() {
    for mut recording in recordings() {
        let once = outcome(&recording).await;
        let exchanges = std::mem::take(&mut recording.exchanges);
        let is_transaction = |exchange: &&Exchange| matches!(exchange, Exchange::Transaction { .. });
        for (index, exchange) in exchanges.iter().enumerate() {
            recording.exchanges.push(exchange.clone());
            if is_transaction(&exchange) {
                recording
                    .exchanges
                    .extend([exchange.clone(), renumbered(exchange, index)]);
            }
        }
        let late = exchanges.iter().filter(is_transaction).map(without_ephemeral);
        recording.exchanges.extend(late);
        let difference = difference(&recording.name, &once, &outcome(&recording).await);
        assert!(difference.is_none(), "{}", difference.unwrap_or_default());
    }
}

/// The same transaction under another ID.
fn renumbered(exchange: &Exchange, index: usize) -> Exchange {
    match exchange {
        Exchange::Transaction { body, .. } => Exchange::Transaction {
            txn_id: format!("again-{index}"),
            at: None,
            body: body.clone(),
        },
        query @ Exchange::Query { .. } => query.clone(),
    }
}

/// A late retry: ephemeral data is never sent again.
fn without_ephemeral(exchange: &Exchange) -> Exchange {
    match exchange {
        Exchange::Transaction { body, txn_id, .. } => {
            let mut body: serde_json::Value = serde_json::from_str(body).unwrap();
            body.as_object_mut().unwrap().retain(|field, _| field == "events");
            Exchange::Transaction {
                txn_id: txn_id.clone(),
                at: None,
                body: body.to_string(),
            }
        }
        query @ Exchange::Query { .. } => query.clone(),
    }
}
