"""Leaving, being put out, coming back, and moving to another room."""

from lab.scenario import Scenario


class Endings(Scenario):
    def test_after_bob_has_left_an_answer_opens_a_new_room_in_the_same_thread(self):
        room = self.open_chat()
        mail = self.say(room, "See you")
        self.client.act(room.id, "leave")
        self.await_direct([])
        answer = self.program.answer(mail, "One more thing")
        self.program.send(answer)
        again = self.invitation()
        self.assertTrue(again.content("m.room.member", self.client.user).get("is_direct"))
        self.client.act(again.id, "join")
        self.heard(again, "One more thing")
        self.await_direct([again.id])
        reply = self.say(again, "Which one?")
        self.assertEqual(reply.header("In-Reply-To"), str(answer["Message-ID"]))
        self.assertIn(mail.header("Message-ID"), reply.references())

    def test_a_kicked_puppet_stays_out(self):
        # Without trusted_private_chat the puppet has less power than Bob, so that he can put it out.
        room = self.open_chat(preset="private_chat")
        self.say(room, "Before")
        self.client.act(room.id, "kick", user_id=self.puppet, reason="enough")
        self.await_direct([])
        self.client.text(room.id, "Nobody is listening")
        self.say(self.open_chat(), "Another room")
        self.assertEqual(self.membership(room.id, self.puppet), "leave")
        self.assertFalse([mail for mail in self.lab.relay.to(self.alice) if "Nobody is" in mail.body("plain")])

    def test_a_puppet_that_is_invited_again_comes_back(self):
        room = self.open_chat(preset="private_chat")
        self.say(room, "Before")
        self.client.act(room.id, "kick", user_id=self.puppet)
        self.await_direct([])
        self.client.act(room.id, "invite", user_id=self.puppet)
        self.await_membership(room.id, self.puppet, "join")
        self.await_direct([room.id])
        mail = self.say(room, "Welcome back")
        self.answer(mail, "Thank you")
        self.heard(room, "Thank you")
        self.sole("Before")

    def test_an_upgraded_room_goes_on_in_the_new_one(self):
        room = self.open_chat(room_version="11")
        mail = self.say(room, "In the old room")
        new = self.client.act(room.id, "upgrade", new_version="12")["replacement_room"]
        self.client.act(new, "invite", user_id=self.puppet)
        self.await_membership(new, self.puppet, "join")
        moved = self.room(new)
        following = self.say(moved, "In the new room")
        self.assertEqual(following.header("In-Reply-To"), mail.header("Message-ID"), "the thread goes on")
        self.answer(following, "I see")
        self.heard(moved, "I see")
        self.await_direct([new])

    def test_a_declined_invitation_of_the_puppet_leaves_nothing_behind(self):
        room = self.open_chat()
        self.say(room, "Hello")
        first = self.program.write(self.address, "Fishing", "Want to come?")
        self.program.send(first)
        offered = self.invitation()
        self.await_direct([room.id, offered.id])
        self.client.act(offered.id, "leave")
        self.await_direct([room.id])

    def test_a_machine_does_not_bring_bob_back(self):
        room = self.open_chat()
        mail = self.say(room, "See you")
        self.client.act(room.id, "leave")
        self.await_direct([])
        away = self.program.answer(mail, "I am on holiday")
        away["Auto-Submitted"] = "auto-replied"
        self.program.send(away)
        # What a person writes comes after it in the same thread, and is the first thing that Bob sees.
        self.program.send(self.program.answer(mail, "I am here after all"))
        again = self.invitation()
        self.client.act(again.id, "join")
        self.heard(again, "I am here after all")
        self.assertFalse([event for event in again.messages(self.puppet) if "holiday" in event["content"]["body"]])
