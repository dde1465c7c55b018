"""Rooms that are, or become, encrypted: said once, and nothing disappears silently."""

from lab.scenario import Scenario, new_lab

CIPHER = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAEnACgAk", "sender_key": "x", "device_id": "D", "session_id": "s"}


class Encryption(Scenario):
    def notices(self, room):
        return [event for event in room.messages(self.puppet) if event["content"]["msgtype"] == "m.notice"]

    def test_the_puppet_says_once_that_it_cannot_read(self):
        encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": CIPHER["algorithm"]}}
        room = self.open_chat(initial_state=[encryption])
        for _ in range(3):
            self.client.send(room.id, CIPHER, "m.room.encrypted")
        notice = self.lab.until(lambda: self.notices(room), "a notice of the puppet")[0]
        self.assertIn("encrypt", notice["content"]["body"].lower())
        # What comes later in the same room shows that no second notice stands before it.
        self.client.text(room.id, "This is not encrypted")
        self.mail_with("This is not encrypted")
        self.assertEqual(len(self.notices(room)), 1)

    def test_a_room_that_becomes_encrypted_is_noticed(self):
        room = self.open_chat(preset="private_chat")
        self.say(room, "Still in the open")
        self.client.set_state(room.id, "m.room.encryption", {"algorithm": CIPHER["algorithm"]})
        self.lab.until(lambda: self.notices(room), "a notice of the puppet")

    def test_a_room_made_by_a_puppet_does_not_become_encrypted_by_accident(self):
        room = self.open_by_email()
        levels = self.client.request("GET", f"/rooms/{room.id}/state/m.room.power_levels")
        needed = levels["events"].get("m.room.encryption", levels.get("state_default", 50))
        held = levels.get("users", {}).get(self.client.user, levels.get("users_default", 0))
        version = self.client.request("GET", f"/rooms/{room.id}/state/m.room.create").get("room_version")
        # From version 12 on, `trusted_private_chat` makes the invited user a creator, above all levels.
        if version != "12":
            self.assertGreater(needed, held)


class EncryptedByDefault(Scenario):
    """A homeserver whose admin wants every room encrypted."""

    version = "11"

    def make_lab(self):
        lab = new_lab()
        self.addCleanup(lab.stop)
        lab.prepare()
        lab.synapse.write(
            lab.penpal.registrations(),
            encryption_enabled_by_default_for_room_type="all",
            default_room_version=self.version,
        )
        lab.start()
        return lab

    def test_a_first_email_arrives_and_what_does_not_is_said_once(self):
        room = self.open_by_email()
        for _ in range(3):
            self.client.send(room.id, CIPHER, "m.room.encrypted")
        self.heard(self.room(room.id), "This chat is encrypted")
        self.client.text(room.id, "This is not encrypted")
        self.mail_with("This is not encrypted")
        notices = [event for event in self.room(room.id).messages(self.puppet) if event["content"]["msgtype"] == "m.notice"]
        self.assertEqual(len(notices), 1)


class EncryptedByDefaultInVersion12(EncryptedByDefault):
    version = "12"
