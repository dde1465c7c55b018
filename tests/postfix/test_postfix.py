"""Penpal behind a real Postfix, both ways: `scripts/test --only postfix`."""

from behind import Behind
from lab.lab import MAIL_DOMAIN


class Both(Behind):
    def bounce(self, text):
        """Waits for a delivery status notification to Alice with this text in it."""

        def see():
            mails = self.lab.relay.to(self.alice)
            return [mail for mail in mails if mail.message.get_content_type() == "multipart/report" and text in str(mail.message)]

        return self.lab.until(see, f"a bounce for {self.alice} with {text!r}")[0]

    def test_a_conversation_passes_through_both_ways(self):
        room = self.open_chat()
        first = self.say(room, "Grüße aus Zürich 🚂")
        answer = self.program.answer(first, "Grüße zurück – bis Samstag")
        self.program.send(answer)
        self.heard(room, "Grüße zurück – bis Samstag")
        second = self.say(room, "Until then")
        self.assertEqual(second.header("In-Reply-To"), str(answer["Message-ID"]))
        self.assertEqual(second.references(), [first.header("Message-ID"), str(answer["Message-ID"])])

    def test_a_first_email_opens_a_chat(self):
        self.open_by_email()

    def test_mail_for_nobody_is_bounced_with_penpals_words(self):
        self.program.send(self.program.write(f"nobody-at-all@{MAIL_DOMAIN}", "Hello?", "Anybody?"))
        self.bounce("5.1.1")

    def test_a_bounce_becomes_a_notice_on_the_message(self):
        self.lab.relay.refusals[self.alice] = "550 5.1.1 There is nobody of that name"
        room = self.open_chat()
        event = self.client.text(room.id, "Are you there?")
        notice = self.heard(room, "There is nobody of that name")["content"]
        self.assertEqual(notice["msgtype"], "m.notice")
        self.assertIn(f"This message did not reach {self.alice}: there is no such mailbox.", notice["body"])
        self.assertEqual(notice["m.relates_to"]["m.in_reply_to"]["event_id"], event)

    def test_each_recipient_has_its_own_answer(self):
        room = self.open_chat()
        mail = self.say(room, "To one of two")
        answer = self.program.answer(mail, "One of you exists")
        nobody = f"nobody-at-all@{MAIL_DOMAIN}"
        answer["Cc"] = nobody
        self.program.send(answer, str(answer["To"]), nobody)
        self.heard(room, "One of you exists")
        self.bounce("nobody-at-all")

    def test_postfix_keeps_the_mail_while_penpal_is_down(self):
        room = self.open_chat()
        mail = self.say(room, "I will be away")
        self.lab.penpal.service.stop()
        self.program.send(self.program.answer(mail, "Then read this later"))
        self.lab.until(lambda: "refused" in self.postfix.waiting(), "the mail waiting in Postfix")
        self.lab.penpal.start()
        self.postfix.flush()
        self.heard(room, "Then read this later")
