"""Which invites make a direct chat, and what the others hear."""

from lab.lab import puppet_of
from lab.scenario import Scenario


class Invites(Scenario):
    def test_a_direct_invite_opens_a_chat_and_is_recorded(self):
        room = self.open_chat()
        self.await_direct([room.id])
        mail = self.say(room, "Good morning")
        self.answer(mail, "Good evening")
        self.heard(room, "Good evening")

    def test_a_plain_invite_to_a_room_of_two_opens_a_chat_too(self):
        room_id = self.client.create_room(preset="private_chat", name="Holiday plans")
        self.client.act(room_id, "invite", user_id=self.puppet)
        self.await_membership(room_id, self.puppet, "join")
        self.await_direct([room_id])
        mail = self.say(self.room(room_id), "Where shall we go?")
        self.assertIn("Holiday plans", mail.header("Subject"))

    def test_an_invite_to_a_group_is_declined_with_a_reason(self):
        carol, _ = self.lab.person(f"carol-{self.id().rsplit('_', 1)[-1]}", "Carol")
        room_id = self.client.create_room(preset="private_chat", name="Our club", invite=[carol.client.user])
        carol.client.act(room_id, "join")
        self.client.act(room_id, "invite", user_id=self.puppet)
        left = self.await_membership(room_id, self.puppet, "leave")
        self.assertEqual(left["sender"], self.puppet, "the puppet itself declines")
        self.assertGreater(len(left.get("reason", "").split()), 3, f"a sentence that Bob can read: {left}")

    def test_a_second_puppet_is_declined_and_the_first_goes_on(self):
        room = self.open_chat()
        second = puppet_of(f"second.{self.alice}")
        self.client.act(room.id, "invite", user_id=second)
        left = self.await_membership(room.id, second, "leave")
        self.assertGreater(len(left.get("reason", "").split()), 3, f"a sentence that Bob can read: {left}")
        self.say(room, "Still with you")

    def test_a_user_id_that_is_no_address_does_not_stop_others(self):
        nonsense = puppet_of("no-address-at-all")
        self.client.create_room(is_direct=True, invite=[nonsense])
        self.say(self.open_chat(), "This works as before")

    def test_messages_from_before_the_join_arrive_once_and_in_order(self):
        room_id = self.client.create_room(preset="trusted_private_chat", is_direct=True, invite=[self.puppet])
        for number in range(5):
            self.client.text(room_id, f"line {number} of five")
        self.await_membership(room_id, self.puppet, "join")
        self.client.text(room_id, "and one after")
        self.mail_with("and one after")
        text = "\n".join(mail.body("plain") for mail in self.lab.relay.to(self.alice))
        places = [text.find(f"line {number} of five") for number in range(5)] + [text.find("and one after")]
        self.assertEqual(places, sorted(places))
        self.assertNotIn(-1, places)
        for number in range(5):
            self.sole(f"line {number} of five")

    def test_the_same_chat_in_the_room_versions_of_today(self):
        for version in ("10", "11", "12"):
            with self.subTest(version=version):
                room = self.open_chat(room_version=version)
                mail = self.say(room, f"Hello from version {version}")
                self.answer(mail, f"Hello to version {version}")
                self.heard(room, f"Hello to version {version}")

    def test_two_chats_with_the_same_person_are_two_threads(self):
        first, second = self.open_chat(name="Garden"), self.open_chat(name="Cellar")
        about_first, about_second = self.say(first, "the roses"), self.say(second, "the wine")
        self.assertEqual(about_second.references(), [])
        self.answer(about_first, "they bloom")
        self.answer(about_second, "it ripens")
        self.heard(first, "they bloom")
        self.heard(second, "it ripens")
        self.await_direct([first.id, second.id])
