//! What `/metrics` shows of the requests themselves.

use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};
use actix_web::{App, web};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio_util::sync::CancellationToken;

use super::{FakeBridge, HS_TOKEN, settings};
use crate::appservice::observe::observe;
use crate::appservice::routes;
use crate::appservice::server::State;

#[tokio::test]
async fn requests_are_counted_by_endpoint_and_never_by_user() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    let state = State::new(
        &settings(),
        Arc::new(FakeBridge::closed()),
        recorder.handle(),
        CancellationToken::new(),
    );
    let app = App::new()
        .app_data(web::Data::new(state))
        .configure(routes::configure)
        .wrap(from_fn(observe));
    let app = init_service(app).await;
    for path in [
        "/_matrix/app/v1/users/@bob:hs.test",
        "/users/@carol:hs.test",
        "/nothing/@dave:hs.test",
    ] {
        let request = TestRequest::get()
            .uri(path)
            .insert_header(("authorization", format!("Bearer {HS_TOKEN}")));
        call_service(&app, request.to_request()).await;
    }
    call_service(
        &app,
        TestRequest::get()
            .uri("/users/@eve:hs.test?access_token=guess")
            .to_request(),
    )
    .await;
    let page = call_and_read_body(&app, TestRequest::get().uri("/metrics").to_request()).await;
    let page = String::from_utf8(page.to_vec()).unwrap();
    for line in [
        "penpal_appservice_requests_total{endpoint=\"users\",status=\"404\"} 2",
        "penpal_appservice_requests_total{endpoint=\"users\",status=\"403\"} 1",
        "penpal_appservice_requests_total{endpoint=\"unknown\",status=\"404\"} 1",
    ] {
        assert!(page.lines().any(|shown| shown == line), "{page}");
    }
    assert!(!page.contains("hs.test") && !page.contains("guess"), "{page}");
}
