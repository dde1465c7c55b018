//! Which path leads where.

use std::future::ready;

use actix_web::{HttpResponse, Resource, Route, web};

use super::error::ApiError;
use super::{ping, probes, rooms, third_party, transactions, users};

/// All routes.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    // What stands in a path may hold "/": a puppet's ID does when its address does, and Synapse leaves that
    // character as it is. Hence the `.*`.
    for base in ["/_matrix/app/v1", ""] {
        config
            .service(put(
                &format!("{base}/transactions/{{txn_id:.*}}"),
                web::put().to(transactions::put),
            ))
            .service(get(
                &format!("{base}/users/{{user_id:.*}}"),
                web::get().to(users::get),
            ))
            .service(get(
                &format!("{base}/rooms/{{alias:.*}}"),
                web::get().to(rooms::get),
            ));
    }
    for base in ["/_matrix/app/v1/thirdparty", "/_matrix/app/unstable/thirdparty"] {
        config
            .service(get(
                &format!("{base}/protocol/{{protocol:.*}}"),
                web::get().to(third_party::protocol),
            ))
            .service(get(
                &format!("{base}/user/{{protocol:.*}}"),
                web::get().to(third_party::user),
            ))
            .service(get(
                &format!("{base}/user"),
                web::get().to(third_party::user_by_id),
            ))
            .service(get(
                &format!("{base}/location/{{protocol:.*}}"),
                web::get().to(third_party::location),
            ))
            .service(get(
                &format!("{base}/location"),
                web::get().to(third_party::location_by_alias),
            ));
    }
    config
        .service(only("/_matrix/app/v1/ping", web::post().to(ping::post), "POST"))
        .service(get("/health", web::get().to(probes::health)))
        .service(get("/ready", web::get().to(probes::ready)))
        .service(get("/metrics", web::get().to(probes::metrics)))
        .default_service(web::to(async || Err::<HttpResponse, _>(ApiError::unrecognized())))
        .app_data(
            web::PathConfig::default()
                .error_handler(|_, _| ApiError::not_found("The path can't be read").into()),
        )
        .app_data(
            web::QueryConfig::default()
                .error_handler(|_, _| ApiError::bad_json("The query can't be read").into()),
        );
}

fn get(path: &str, route: Route) -> Resource {
    only(path, route, "GET")
}

fn put(path: &str, route: Route) -> Resource {
    only(path, route, "PUT")
}

/// A resource that knows one method and answers all others as the specification demands.
fn only(path: &str, route: Route, method: &'static str) -> Resource {
    web::resource(path).route(route).default_service(web::to(move || {
        ready(Err::<HttpResponse, _>(ApiError::method_not_allowed(method)))
    }))
}
