"""The address schemes for mail servers that know no sub-addresses."""

import smtplib
from email.message import EmailMessage

from lab.lab import MAIL_DOMAIN, puppet_of
from lab.scenario import Scenario, running_lab

MAILBOX = "bridge@provider.test"


class CatchAll(Scenario):
    def make_lab(self):
        lab = running_lab(addresses={"scheme": "catch_all"})
        self.addCleanup(lab.stop)
        return lab

    def test_a_conversation_and_a_first_email(self):
        room = self.open_chat()
        mail = self.say(room, "Hello")
        self.assertNotIn("+", mail.header("Reply-To") + mail.sender)
        self.answer(mail, "Hello to you")
        self.heard(room, "Hello to you")
        self.program.send(self.program.write(mail.message["From"].addresses[0].addr_spec, "Chess", "Your move"))
        second = self.invitation()
        self.client.act(second.id, "join")
        self.heard(self.room(second.id), "Your move")


class Single(Scenario):
    def make_lab(self):
        lab = running_lab(addresses={"scheme": "single", "mailbox": MAILBOX})
        self.addCleanup(lab.stop)
        return lab

    def test_threads_are_told_apart_by_their_headers(self):
        first, second = self.open_chat(name="Garden"), self.open_chat(name="Cellar")
        about_first, about_second = self.say(first, "the roses"), self.say(second, "the wine")
        for mail in (about_first, about_second):
            addresses = {mail.message["From"].addresses[0].addr_spec, mail.message["Reply-To"].addresses[0].addr_spec}
            self.assertEqual(addresses | {mail.sender}, {MAILBOX})
        self.answer(about_first, "they bloom")
        self.answer(about_second, "it ripens")
        self.heard(first, "they bloom")
        self.heard(second, "it ripens")
        self.assertNotIn(MAIL_DOMAIN, about_first.header("From"))
        self.bounces(about_second)
        notice = self.heard(second, "no such user")
        self.assertEqual(notice["content"]["msgtype"], "m.notice")
        self.assertTrue(notice["content"]["m.relates_to"]["m.in_reply_to"]["event_id"])

    def bounces(self, mail):
        """The provider returns an email to its mailbox."""
        report = EmailMessage()
        report["From"] = "MAILER-DAEMON@provider.test"
        report["To"] = MAILBOX
        report["Subject"] = "failure notice"
        report.set_content(f"There is no such user, it could not be delivered.\n\n--- a copy:\n\n{mail.raw.decode()}")
        with smtplib.SMTP("127.0.0.1", self.lab.penpal.smtp_port, timeout=60) as server:
            server.send_message(report, "", [MAILBOX])


class OutsideAscii(Scenario):
    def make_lab(self):
        lab = running_lab()
        self.addCleanup(lab.stop)
        return lab

    def test_a_relay_that_does_not_take_an_address_outside_ascii_is_told_of(self):
        self.alice = f"ä{self.alice}"
        self.puppet = puppet_of(self.alice)
        self.lab.relay.offer_utf8(False)
        room = self.open_chat()
        event = self.client.text(room.id, "Grüezi")
        notice = self.heard(room, "letters outside ASCII")["content"]
        self.assertEqual(notice["m.relates_to"]["m.in_reply_to"]["event_id"], event)
        self.assertFalse(self.lab.relay.caught)
