"""Several mail domains: each with its relay and its signatures, and all of them behind one Postfix."""

from behind import SECOND, Behind
from lab.lab import MAIL_DOMAIN
from lab.signatures import holding


class Domains(Behind):
    def test_each_domain_has_its_own_way_out_and_all_have_one_in(self):
        first = self.say(self.open_chat(), "From the first domain")
        self.assertTrue(first.sender.endswith(f"@{MAIL_DOMAIN}"), first.sender)
        self.assertIn("Postfix", first.header("Received"))
        name = self.client.user.replace("bob", "second")[1:].partition(":")[0]
        self.bob, _ = self.lab.person(name, "Dora")
        self.client = self.bob.client
        room = self.open_chat()
        mail = self.say(room, "From the second domain")
        for field in ("From", "Reply-To", "Message-ID"):
            self.assertIn(f"@{SECOND}>", mail.header(field))
        self.assertTrue(mail.sender.endswith(f"@{SECOND}"), mail.sender)
        self.assertEqual(mail.header("Received"), "")
        self.assertEqual({key.partition("._domainkey.")[2] for key in holding(mail.raw, self.lab.penpal.dns)}, {SECOND})
        self.answer(mail, "It has arrived")
        self.heard(room, "It has arrived")
