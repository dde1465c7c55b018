//! Files that are too large for an email are linked to, and come from the homeserver when somebody follows the link.

use std::time::Duration;

use penpal::appservice::{NoDownload, Service};
use penpal::bridge::DownloadSettings;
use penpal::matrix::{MatrixError, Media};
use ruma::OwnedMxcUri;
use serde_json::json;

use crate::harness::{ReceivedMail, World, alice, bob};
use crate::stories;

const BASE: &str = "https://files.lab.test/penpal";

/// Links to what is larger than ten bytes.
async fn with_links(world: World) -> World {
    let configured = world.reconfigured(|settings| {
        settings.max_attachment = 10;
        settings.downloads = Some(DownloadSettings {
            url: BASE.parse().unwrap(),
            expire: Duration::from_hours(48),
        });
    });
    let world = configured.await;
    for (id, bytes) in [("film", &b"moving pictures"[..]), ("note", b"short")] {
        let content_type = Some("text/html".to_owned());
        let bytes = bytes.to_vec();
        let uri = OwnedMxcUri::from(format!("mxc://lab.test/{id}"));
        world.homeserver.add_media(uri, Media { content_type, bytes });
    }
    world
}

/// What stands behind `/file/` in a mail.
fn link(mail: &ReceivedMail) -> String {
    let start = format!("{BASE}/file/");
    let line = mail.text.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("no link in {}", mail.text))
        .to_owned()
}

async fn follow(world: &World, link: &str) -> Result<(String, Vec<u8>), NoDownload> {
    let mut download = world.bridge.download(link).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = download.chunks.recv().await {
        bytes.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(download.length, Some(bytes.len() as u64));
    Ok((format!("{} ({})", download.name, download.content_type), bytes))
}

fn film() -> serde_json::Value {
    json!({
        "msgtype": "m.video", "body": "../My holiday.mp4", "url": "mxc://lab.test/film",
        "info": {"mimetype": "video/mp4", "size": 15}
    })
}

stories! {
    async fn what_is_too_large_can_be_downloaded(world: World) {
        let world = with_links(world).await;
        let room = world.bob_opens_chat().await;
        world.sends(&bob(), &room, film()).await;
        let note = json!({"msgtype": "m.file", "body": "note.txt", "url": "mxc://lab.test/note"});
        world.sends(&bob(), &room, note).await;
        world.settle().await;
        let mail = world.mail();
        assert!(mail.text.contains("[Video: My holiday.mp4, 15 bytes]"), "{}", mail.text);
        assert!(mail.text.contains("until 23 Nov 2026, 12:00 UTC"), "{}", mail.text);
        assert_eq!(mail.attachments.len(), 1, "what fits is enclosed all the same");
        let file = follow(&world, &link(&mail)).await.unwrap();
        assert_eq!(file, ("My holiday.mp4 (video/mp4)".to_owned(), b"moving pictures".to_vec()));
    }

    async fn links_outlive_a_restart_and_end(world: World) {
        let mut world = with_links(world).await;
        let room = world.bob_opens_chat().await;
        world.sends(&bob(), &room, film()).await;
        world.settle().await;
        let link = link(&world.mail());
        world.restart().await;
        assert!(follow(&world, &link).await.is_ok());
        world.wait(Duration::from_hours(49)).await;
        assert_eq!(follow(&world, &link).await, Err(NoDownload::Gone));
    }

    async fn a_redacted_file_is_gone(world: World) {
        let world = with_links(world).await;
        let room = world.bob_opens_chat().await;
        let event = world.sends(&bob(), &room, film()).await;
        world.settle().await;
        let link = link(&world.mail());
        world.homeserver.user_redacts(&room, &bob(), &event);
        world.settle().await;
        assert_eq!(follow(&world, &link).await, Err(NoDownload::Gone));
        let said = world.said(&room, &alice());
        assert!(said[0].contains("the link leads nowhere from now on"), "{said:?}");
    }

    async fn nobody_makes_links_up(world: World) {
        let world = with_links(world).await;
        let room = world.bob_opens_chat().await;
        world.sends(&bob(), &room, film()).await;
        world.settle().await;
        let link = link(&world.mail());
        let longer = link.replacen(".1", ".2", 1);
        for forged in ["", "x", "a.1.b", longer.as_str(), link.get(1..).unwrap()] {
            assert_eq!(follow(&world, forged).await, Err(NoDownload::Unknown), "{forged}");
        }
    }

    async fn a_homeserver_that_is_away_is_no_end(world: World) {
        let world = with_links(world).await;
        let room = world.bob_opens_chat().await;
        world.sends(&bob(), &room, film()).await;
        world.settle().await;
        let link = link(&world.mail());
        world.homeserver_is_away("open_media", 1);
        assert!(matches!(follow(&world, &link).await, Err(NoDownload::Unavailable(_))));
        let purged = MatrixError::Refused {
            status: 404, errcode: "M_NOT_FOUND".into(), message: "purged".into(),
        };
        world.homeserver.fail_next("open_media", purged);
        assert_eq!(follow(&world, &link).await, Err(NoDownload::Gone));
        assert!(follow(&world, &link).await.is_ok());
    }

    async fn without_a_way_for_people_there_are_no_links(world: World) {
        let world = with_links(world).await.reconfigured(|settings| settings.downloads = None).await;
        let room = world.bob_opens_chat().await;
        world.sends(&bob(), &room, film()).await;
        world.settle().await;
        let mail = world.mail();
        assert!(mail.text.contains("could not be attached: it does not fit"), "{}", mail.text);
        assert!(!mail.text.contains("/file/"), "{}", mail.text);
    }
}
