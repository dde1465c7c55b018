"""What is written in a burst leaves as one email, and what is corrected before that leaves corrected."""

from lab.scenario import Scenario, running_lab


class Settling(Scenario):
    @classmethod
    def setUpClass(cls):
        # Long enough to write, edit and redact meanwhile, also on a slow machine.
        cls.patient = running_lab(settle="6s")

    @classmethod
    def tearDownClass(cls):
        cls.patient.stop()

    def make_lab(self):
        return self.patient

    def edit(self, room, event, text):
        relation = {"rel_type": "m.replace", "event_id": event}
        new = {"msgtype": "m.text", "body": text}
        self.client.text(room.id, f"* {text}", **{"m.new_content": new, "m.relates_to": relation})

    def redact(self, room, event):
        self.client.request("PUT", f"/rooms/{room.id}/redact/{event}/{event[1:9]}", {})

    def test_a_burst_is_one_email_with_the_last_wording(self):
        room = self.open_chat()
        self.client.text(room.id, "First line")
        typo = self.client.text(room.id, "Secnod line")
        slip = self.client.text(room.id, "This was meant for somebody else")
        self.edit(room, typo, "Second line")
        self.redact(room, slip)
        self.client.text(room.id, "Third line")
        text = self.mail_with("Third line").body("plain")
        places = [text.find(line) for line in ("First line", "Second line", "Third line")]
        self.assertEqual(places, sorted(places))
        self.assertNotIn(-1, places)
        self.assertNotIn("Secnod", text)
        self.assertNotIn("somebody else", text)
        self.assertEqual(len(self.lab.relay.to(self.alice)), 1)

    def test_a_message_that_is_all_redacted_sends_nothing(self):
        room = self.open_chat()
        self.redact(room, self.client.text(room.id, "Forget this"))
        self.say(self.open_chat(), "Something else")
        self.assertEqual(len(self.lab.relay.to(self.alice)), 1)

    def test_after_the_email_has_left_an_edit_is_a_correction_and_a_redaction_is_too_late(self):
        room = self.open_chat()
        event = self.client.text(room.id, "See you at sevn")
        mail = self.mail_with("See you at sevn")
        self.edit(room, event, "See you at seven")
        correction = self.mail_with("See you at seven")
        self.assertEqual(correction.header("In-Reply-To"), mail.header("Message-ID"))
        self.assertEqual(correction.header("Subject"), f"Re: {mail.header('Subject')}")
        self.redact(room, event)
        notice = self.heard(room, "already left")
        self.assertEqual(notice["content"]["m.relates_to"]["m.in_reply_to"]["event_id"], event)

    def test_typing_holds_the_email_back(self):
        room, clock = self.open_chat(), self.open_chat()
        typing = f"/rooms/{room.id}/typing/{self.client.user}"
        self.client.text(room.id, "One moment")
        self.client.request("PUT", typing, {"typing": True, "timeout": 60_000})
        # What is written later in another chat has left before: the homeserver says only once that Bob types.
        self.say(clock, "Tick")
        self.say(clock, "Tock")
        self.assertFalse([mail for mail in self.lab.relay.to(self.alice) if "One moment" in mail.body("plain")])
        self.client.request("PUT", typing, {"typing": False})
        self.mail_with("One moment")
