"""What the Matrix user hears when mail cannot be delivered, and what a stranger hears."""

import smtplib

from lab.scenario import Scenario


class Refusals(Scenario):
    def test_a_final_refusal_is_told_on_the_very_message(self):
        room = self.open_chat()
        words = "the mailbox of Alice is closed"
        self.lab.relay.refusals[self.alice] = f"550 5.2.1 {words}"
        event = self.client.text(room.id, "Will you read this?")
        notice = self.heard(room, words)
        self.assertEqual(notice["content"]["msgtype"], "m.notice")
        self.assertEqual(notice["content"]["m.relates_to"]["m.in_reply_to"]["event_id"], event)

    def test_a_refusal_for_now_is_tried_again(self):
        room = self.open_chat()
        self.lab.relay.refusals[self.alice] = "451 4.7.1 greylisted, try again"
        self.client.text(room.id, "Patience")
        seen = lambda: self.alice in self.lab.relay.refused  # noqa: E731
        self.lab.until(seen, "a first attempt at the relay")
        del self.lab.relay.refusals[self.alice]
        self.mail_with("Patience", 60)
        self.sole("Patience")

    def test_mail_for_nobody_is_refused_at_once(self):
        letter = self.program.write("nobody-at-all@mail.hs.test", "Hello?", "Is anybody there?")
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as refused:
            self.program.send(letter)
        (code, text), = refused.exception.recipients.values()
        self.assertEqual((code, text.split()[0]), (550, b"5.1.1"))
