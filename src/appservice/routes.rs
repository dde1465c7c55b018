//! Which path leads where.

use std::future::ready;

use actix_web::{HttpResponse, Resource, Route, web};

use super::error::ApiError;
use super::{download, ping, probes, rooms, stop, third_party, transactions, users};

/// All routes.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    // What stands in a path may hold "/": a puppet's ID does when its address does, and Synapse leaves that
    // character as it is. Hence the `.+`.
    for base in ["/_matrix/app/v1", ""] {
        config.service(only(
            "PUT",
            "transactions",
            &format!("{base}/transactions/{{txn_id:.+}}"),
            web::put().to(transactions::put),
        ));
        config.service(only(
            "GET",
            "users",
            &format!("{base}/users/{{user_id:.+}}"),
            web::get().to(users::get),
        ));
        config.service(only(
            "GET",
            "rooms",
            &format!("{base}/rooms/{{alias:.+}}"),
            web::get().to(rooms::get),
        ));
    }
    for base in ["/_matrix/app/v1/thirdparty", "/_matrix/app/unstable/thirdparty"] {
        config.service(only(
            "GET",
            "thirdparty_protocol",
            &format!("{base}/protocol/{{protocol:.+}}"),
            web::get().to(third_party::protocol),
        ));
        config.service(only(
            "GET",
            "thirdparty_user",
            &format!("{base}/user/{{protocol:.+}}"),
            web::get().to(third_party::user),
        ));
        config.service(only(
            "GET",
            "thirdparty_user_by_id",
            &format!("{base}/user"),
            web::get().to(third_party::user_by_id),
        ));
        config.service(only(
            "GET",
            "thirdparty_location",
            &format!("{base}/location/{{protocol:.+}}"),
            web::get().to(third_party::location),
        ));
        config.service(only(
            "GET",
            "thirdparty_location_by_alias",
            &format!("{base}/location"),
            web::get().to(third_party::location_by_alias),
        ));
    }
    config.service(only(
        "POST",
        "ping",
        "/_matrix/app/v1/ping",
        web::post().to(ping::post),
    ));
    config.service(
        web::resource("/file/{link}")
            .name("file")
            .route(web::get().to(download::get))
            .route(web::head().to(download::get))
            .default_service(web::to(download::other_method)),
    );
    config.service(
        web::resource("/stop/{token}")
            .name("stop")
            .route(web::get().to(stop::get))
            .route(web::head().to(stop::get))
            .route(web::post().to(stop::post))
            .default_service(web::to(stop::other_method)),
    );
    config.service(only("GET", "health", "/health", web::get().to(probes::health)));
    config.service(only("GET", "ready", "/ready", web::get().to(probes::ready)));
    config.service(only("GET", "metrics", "/metrics", web::get().to(probes::metrics)));
    config
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

/// A resource that knows one method and answers all others as the specification demands. Its name is the
/// endpoint's name in metrics.
fn only(method: &'static str, name: &str, path: &str, route: Route) -> Resource {
    web::resource(path)
        .name(name)
        .route(route)
        .default_service(web::to(move || {
            ready(Err::<HttpResponse, _>(ApiError::method_not_allowed(method)))
        }))
}
