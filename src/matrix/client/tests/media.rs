//! Downloads and uploads.

use ruma::mxc_uri;
use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{AS_TOKEN, authorization, client, homeserver, only_request, puppet};
use crate::matrix::{File, Homeserver, MatrixError, Media};

const DOWNLOAD: &str = "/_matrix/client/v1/media/download/remote.test/abc";
const LEGACY: &str = "/_matrix/media/v3/download/remote.test/abc";

fn picture() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(b"picture".as_slice(), "image/png")
}

fn media() -> Media {
    Media {
        content_type: Some("image/png".to_owned()),
        bytes: b"picture".to_vec(),
    }
}

async fn download(server: &MockServer, limit: u64) -> Result<Media, MatrixError> {
    let uri = mxc_uri!("mxc://remote.test/abc");
    let stream = client(&server.uri()).download(puppet(), uri, limit).await?;
    Ok(stream.whole().await.unwrap())
}

async fn mount(server: &MockServer, at: &str, answer: ResponseTemplate) {
    Mock::given(path(at)).respond_with(answer).mount(server).await;
}

#[tokio::test]
async fn media_is_downloaded_with_the_token() {
    let server = MockServer::start().await;
    mount(&server, DOWNLOAD, picture()).await;
    assert_eq!(download(&server, 7).await.unwrap(), media());
    let request = only_request(&server).await;
    assert_eq!(
        authorization(&request),
        Some(format!("Bearer {AS_TOKEN}").as_str())
    );
}

#[tokio::test]
async fn media_above_the_limit_is_not_kept() {
    let server = MockServer::start().await;
    mount(&server, DOWNLOAD, picture()).await;
    assert_eq!(
        download(&server, 6).await,
        Err(MatrixError::TooLarge { limit: 6 })
    );
}

#[tokio::test]
async fn no_more_of_media_is_downloaded_than_is_wanted() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _length = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let block = vec![0; 65_536];
        let mut written = 0_u64;
        // Ends when the client hangs up, which it must do once nobody listens.
        while stream.write_all(&block).await.is_ok() {
            written += 65_536;
            assert!(written < 1 << 30, "the client reads on and on");
        }
    });
    let uri = mxc_uri!("mxc://remote.test/abc");
    let mut stream = client(&url).download(puppet(), uri, 1_000_000).await.unwrap();
    assert!(stream.chunks.recv().await.unwrap().is_ok());
    drop(stream);
    server.await.unwrap();
}

#[tokio::test]
async fn an_old_homeserver_is_asked_the_old_way_without_the_token() {
    let server = MockServer::start().await;
    let unrecognized = json!({"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"});
    mount(
        &server,
        DOWNLOAD,
        ResponseTemplate::new(404).set_body_json(unrecognized),
    )
    .await;
    mount(&server, LEGACY, picture()).await;
    assert_eq!(download(&server, 7).await.unwrap(), media());
    let requests = server.received_requests().await.unwrap();
    assert_eq!((requests.len(), authorization(&requests[1])), (2, None));
    assert_eq!(requests[1].url.query(), None);
}

#[tokio::test]
async fn missing_media_is_not_looked_for_twice() {
    let server = MockServer::start().await;
    let not_found = json!({"errcode": "M_NOT_FOUND", "error": "Not found"});
    mount(
        &server,
        DOWNLOAD,
        ResponseTemplate::new(404).set_body_json(not_found),
    )
    .await;
    assert!(download(&server, 7).await.unwrap_err().is("M_NOT_FOUND"));
    only_request(&server).await;
}

#[tokio::test]
async fn a_redirect_to_where_media_is_kept_is_followed_without_the_token() {
    for status in [307, 308] {
        let (store, _) = homeserver(picture()).await;
        let server = MockServer::start().await;
        let redirect =
            ResponseTemplate::new(status).insert_header("Location", format!("{}/x?sig=1", store.uri()));
        mount(&server, DOWNLOAD, redirect).await;
        assert_eq!(download(&server, 7).await.unwrap(), media());
        let request = only_request(&store).await;
        assert_eq!(
            (authorization(&request), request.url.query()),
            (None, Some("sig=1"))
        );
    }
}

#[tokio::test]
async fn redirects_end() {
    let server = MockServer::start().await;
    let again = ResponseTemplate::new(307).insert_header("Location", DOWNLOAD);
    mount(&server, DOWNLOAD, again).await;
    assert!(matches!(
        download(&server, 7).await,
        Err(MatrixError::Transient { .. })
    ));
    assert_eq!(server.received_requests().await.unwrap().len(), 4);

    let server = MockServer::start().await;
    let to_a_file = ResponseTemplate::new(307).insert_header("Location", "file:///etc/passwd");
    mount(&server, DOWNLOAD, to_a_file).await;
    assert!(matches!(
        download(&server, 7).await,
        Err(MatrixError::Transient { .. })
    ));
}

#[tokio::test]
async fn a_uri_that_names_no_media_asks_nothing() {
    let (server, client) = homeserver(picture()).await;
    for uri in [
        "https://remote.test/abc",
        "mxc://remote.test",
        "mxc://remote.test/../x",
        "mxc://remote.test/..",
        "",
    ] {
        let error = client.download(puppet(), uri.into(), 7).await.unwrap_err();
        assert!(error.is("M_INVALID_PARAM"), "{uri}: {error}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_is_uploaded_with_its_name_and_type() {
    let (server, client) =
        homeserver(ResponseTemplate::new(200).set_body_json(json!({"content_uri": "mxc://hs.test/up"})))
            .await;
    let uri = client
        .upload(
            puppet(),
            None,
            "Übersicht & Plan.pdf",
            "application/pdf",
            b"%PDF".to_vec().into(),
        )
        .await
        .unwrap();
    assert_eq!(uri, "mxc://hs.test/up");
    let request = only_request(&server).await;
    assert_eq!(request.url.path(), "/_matrix/media/v3/upload");
    let query: Vec<_> = request.url.query_pairs().collect();
    assert_eq!(query[0], ("filename".into(), "Übersicht & Plan.pdf".into()));
    assert_eq!(request.headers["content-type"], "application/pdf");
    assert_eq!(request.body, b"%PDF");
}

#[tokio::test]
async fn a_file_is_uploaded_to_the_uri_that_was_made_for_it() {
    let (server, client) =
        homeserver(ResponseTemplate::new(200).set_body_json(json!({"content_uri": "mxc://hs.test/up"})))
            .await;
    let uri = client.reserve_media(puppet()).await.unwrap();
    let upload = async |server: &MockServer, answer: ResponseTemplate| {
        server.reset().await;
        mount(server, "/_matrix/media/v3/upload/hs.test/up", answer).await;
        client
            .upload(
                puppet(),
                Some(&uri),
                "a.pdf",
                "application/pdf",
                b"%PDF".to_vec().into(),
            )
            .await
    };
    let created = only_request(&server).await;
    assert_eq!(
        (created.method.as_str(), created.url.path()),
        ("POST", "/_matrix/media/v1/create")
    );
    assert_eq!(
        upload(&server, ResponseTemplate::new(200).set_body_json(json!({})))
            .await
            .unwrap(),
        uri
    );
    let request = only_request(&server).await;
    assert_eq!((request.method.as_str(), &*request.body), ("PUT", &b"%PDF"[..]));
    let refused = |status, code: &str| ResponseTemplate::new(status).set_body_json(json!({"errcode": code}));
    assert_eq!(
        upload(&server, refused(409, "M_CANNOT_OVERWRITE_MEDIA"))
            .await
            .unwrap(),
        uri
    );
    assert!(
        upload(&server, refused(404, "M_NOT_FOUND"))
            .await
            .unwrap_err()
            .is("M_NOT_FOUND")
    );
}

#[tokio::test]
async fn a_uri_that_names_nothing_is_not_taken() {
    let answer = ResponseTemplate::new(200).set_body_json(json!({"content_uri": "https://hs.test/up"}));
    let (_server, client) = homeserver(answer).await;
    assert!(
        client
            .reserve_media(puppet())
            .await
            .unwrap_err()
            .is("M_INVALID_PARAM")
    );
}

#[tokio::test]
async fn a_file_is_uploaded_while_it_is_read() {
    let (server, client) =
        homeserver(ResponseTemplate::new(200).set_body_json(json!({"content_uri": "mxc://hs.test/up"})))
            .await;
    let film: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
    for length in [film.len(), film.len() + 1] {
        let (mut writer, bytes) = tokio::io::duplex(1_000);
        let written = film.clone();
        tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut writer, &written).await });
        let stream = File::Stream {
            length: length as u64,
            bytes,
        };
        let uploaded = client.upload(puppet(), None, "film", "video/mp4", stream).await;
        // One that ends early must not be taken for the whole.
        assert_eq!(uploaded.is_ok(), length == film.len(), "{uploaded:?}");
    }
    let request = only_request(&server).await;
    assert_eq!(request.headers["content-length"], film.len().to_string().as_str());
    assert!(request.body == film);
}

#[tokio::test]
async fn a_type_that_no_header_can_hold_becomes_bytes() {
    let (server, client) =
        homeserver(ResponseTemplate::new(200).set_body_json(json!({"content_uri": "mxc://hs.test/up"})))
            .await;
    client
        .upload(puppet(), None, "x", "text/html\r\nX-Evil: 1", vec![1].into())
        .await
        .unwrap();
    let request = only_request(&server).await;
    assert_eq!(request.headers["content-type"], "application/octet-stream");
    assert!(request.headers.get("x-evil").is_none());
}

#[tokio::test]
async fn media_of_any_size_is_passed_on() {
    let server = MockServer::start().await;
    let elsewhere = format!("{}/elsewhere", server.uri());
    let redirect = ResponseTemplate::new(307).insert_header("location", elsewhere.as_str());
    mount(&server, DOWNLOAD, redirect).await;
    mount(&server, "/elsewhere", picture()).await;
    let client = client(&server.uri());
    let uri = mxc_uri!("mxc://remote.test/abc");
    let mut stream = client.open_media(puppet(), uri).await.unwrap();
    assert_eq!(stream.content_type.as_deref(), Some("image/png"));
    assert_eq!(stream.length, Some(7));
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.chunks.recv().await {
        bytes.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(bytes, b"picture");
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _length = stream.read(&mut request).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun";
        stream.write_all(answer).await.unwrap();
    });
    let uri = mxc_uri!("mxc://remote.test/abc");
    let mut stream = client(&url).open_media(puppet(), uri).await.unwrap();
    server.await.unwrap();
    let mut chunks = Vec::new();
    while let Some(chunk) = stream.chunks.recv().await {
        chunks.push(chunk);
    }
    assert!(
        chunks.pop().unwrap().is_err(),
        "half a file is not taken for a whole one"
    );
}
