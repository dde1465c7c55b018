//! A mail at which Penpal has a defect is shown as it came.

use std::time::Duration;

use penpal::store::JobState;

use crate::harness::{Letter, ReceivedMail, World, alice};
use crate::large_mails::{file, film, kept};
use crate::queue::{latest_event, reacts};
use crate::stories;

const AS_IT_CAME: &str = "This email could not be read here. It is attached as it came.";

/// Alice's answer with a file.
fn answer(first: &ReceivedMail, name: &str, file: &str) -> Letter {
    Letter::answering(first, "read this").attach(&[(name, "application/octet-stream", file)])
}

stories! {
    async fn a_mail_that_cannot_be_read_is_shown_as_it_came_and_in_its_place(world: World) {
        let (room, first) = world.bob_writes("hello").await;
        world.homeserver.break_uploads(&["evil.bin"]);
        let mail = answer(&first, "evil.bin", "evil").to_string();
        for mail in [mail, Letter::answering(&first, "behind it").id("second@example.org").to_string()] {
            let answers = world.receives("alice@example.org", &[&first.reply_to], &mail).await;
            assert_eq!(answers, [Ok(())]);
        }
        world.wait(Duration::from_mins(1)).await;
        assert_eq!(world.said(&room, &alice()), [AS_IT_CAME, "message.eml", "behind it"]);
        let shown = world.homeserver.messages(&room, &alice());
        assert_eq!((&shown[0]["msgtype"], &shown[1]["msgtype"]), (&"m.notice".into(), &"m.file".into()));
        assert_eq!(shown[1]["info"]["mimetype"], "message/rfc822");
        let original = file(&world, &shown[1]).await;
        assert_eq!(shown[1]["info"]["size"], original.len());
        assert!(original.contains("read this") && original.contains("evil.bin"), "{original}");
        assert!(world.jobs(JobState::Failed).await.is_empty() && world.jobs(JobState::Waiting).await.is_empty());
        assert_eq!(world.database.count("SELECT COUNT(*) FROM uploads").await, 0);
    }

    async fn a_large_mail_that_cannot_be_read_is_shown_as_it_came(world: World) {
        let (room, first) = world.bob_writes("hello").await;
        world.homeserver.break_uploads(&["film.bin"]);
        world.alice_mails(&first.reply_to, &answer(&first, "film.bin", &film())).await;
        assert_eq!(world.said(&room, &alice()), [AS_IT_CAME, "message.eml"]);
        let original = file(&world, &world.homeserver.messages(&room, &alice())[1]).await;
        assert!(original.contains("read this") && original.len() > film().len());
        assert_eq!(kept(&world.database).await, (0, 0));
    }

    async fn how_it_is_shown_stays_so_over_outages_and_restarts(world: World) {
        let mut world = world;
        let (room, first) = world.bob_writes("hello").await;
        world.homeserver.break_uploads(&["evil.bin"]);
        let mail = answer(&first, "evil.bin", "evil").to_string();
        assert_eq!(world.receives("alice@example.org", &[&first.reply_to], &mail).await, [Ok(())]);
        world.work().await;
        world.homeserver_is_away("upload", 2);
        world.wait(Duration::from_mins(1)).await;
        world.homeserver_is_away("send", 2);
        world.homeserver.break_uploads(&[]);
        world.restart().await;
        world.settle().await;
        assert_eq!(world.said(&room, &alice()), [AS_IT_CAME, "message.eml"]);
    }

    async fn a_defect_in_that_as_well_is_told_and_can_be_tried_again(world: World) {
        let (room, first) = world.bob_writes("hello").await;
        world.homeserver.break_uploads(&["evil.bin", "message.eml"]);
        world.alice_mails(&first.reply_to, &answer(&first, "evil.bin", "evil")).await;
        let failed = world.jobs(JobState::Failed).await;
        assert_eq!((failed.len(), failed[0].attempts), (1, 5));
        let said = world.said(&room, &alice());
        assert!(said.len() == 1 && said[0].contains(&format!("job {} ", failed[0].id)), "{said:?}");
        // The admin runs a better Penpal.
        world.homeserver.break_uploads(&[]);
        reacts(&world, &room, &latest_event(&world, &room).await, "\u{1f501}").await;
        assert_eq!(world.said(&room, &alice())[1..], ["read this", "evil.bin"]);
    }
}
