"""What arrives at the other side of Postfix of each kind of email: well-formed, signed, and no spam."""

from datetime import UTC, datetime, timedelta
from email.utils import parseaddr, parsedate_to_datetime

import kinds
from behind import Behind
from lab import spamassassin
from lab.lab import MAIL_DOMAIN
from lab.relay import Caught
from lab.samples import picture
from lab.signatures import holding

CHATS = 6
ONCE = ("Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type", "Reply-To")


class Arrival(Behind):
    mails: dict[str, Caught] = {}
    author = ""

    def setUp(self) -> None:
        super().setUp()
        if not self.mails:
            type(self).author = self.address
            type(self).mails = self.send_all()

    def send_all(self) -> dict[str, Caught]:
        """One email of each kind. It takes a homeserver long to make a room, so each of a few chats has several kinds in turn."""
        rooms = [self.open_chat(name=f"Garden {number}").id for number in range(CHATS)]
        texts = [self.client.text(room, "Good morning Alice, how are the roses?") for room in rooms]
        mails = {f"first in chat {number}": self.nth(number, 1) for number, room in enumerate(rooms)}
        sky = picture()
        uri = self.client.upload(sky.data, sky.name, sky.type)
        waiting = list(kinds.ALL.items())
        for turn in range(2, 2 + -(-len(waiting) // CHATS)):
            sent, waiting = waiting[:CHATS], waiting[CHATS:]
            for number, (_, make) in enumerate(sent):
                make(kinds.Chat(self.client, rooms[number], texts[number], uri))
            mails |= {kind: self.nth(number, turn) for number, (kind, _) in enumerate(sent)}
        return mails

    def nth(self, chat: int, number: int) -> Caught:
        """The email with this number in a chat. There is no further one: each kind is one email."""

        def see() -> list[Caught]:
            mails = self.lab.relay.to(self.alice)
            return [mail for mail in mails if mail.header("Subject").removeprefix("Re: ") == f"Garden {chat}"]

        mails = self.lab.until(lambda: see()[number - 1 :] and see(), f"email {number} of chat {chat}", 60)
        self.assertEqual(len(mails), number)
        return mails[-1]

    def test_spamassassin_gives_less_than_one_point(self):
        verdicts = dict(zip(self.mails, spamassassin.judge([mail.raw for mail in self.mails.values()]), strict=True))
        print("\nSpamAssassin's points, and the rules that fired:")
        for name, verdict in verdicts.items():
            print(f"  {name:<30} {verdict}")
        for name, verdict in verdicts.items():
            with self.subTest(name):
                self.assertLess(verdict.points, 1.0, str(verdict))

    def test_spamassassin_is_awake(self):
        # The text that it must take for spam, whatever else there is (GTUBE).
        spam = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
        mail = self.mails["text"].raw.replace(b"Yes, Saturday is fine.", spam)
        self.assertGreater(spamassassin.judge([mail])[0].points, 100)

    def test_both_signatures_hold(self):
        dns = {name: text for name, text in self.lab.penpal.dns.items() if name.endswith(f".{MAIL_DOMAIN}")}
        self.assertEqual(len(dns), 2)
        for name, mail in self.mails.items():
            with self.subTest(name):
                self.assertEqual(sorted(holding(mail.raw, dns)), sorted(dns))
                self.assertEqual(holding(mail.raw.replace(b"Subject: ", b"Subject: Not "), dns), [])

    def test_every_program_can_read_them(self):
        for name, mail in self.mails.items():
            with self.subTest(name):
                self.assertTrue(mail.raw.isascii())
                self.assertNotRegex(mail.raw, rb"[^\r]\n|\r[^\n]")
                for line in mail.raw.split(b"\r\n"):
                    # Addresses of the web, as in List-Unsubscribe, can't be broken (RFC 5322, section 2.1.1: 78 should, 998 must be enough).
                    words = max((len(word) for word in line.split()), default=0)
                    self.assertLessEqual(len(line), 998 if words > 76 else 78, line)
                self.parts(mail)

    def parts(self, mail: Caught) -> None:
        """No part is empty, and of two forms of one text the plain one comes first (RFC 2046, section 5.1.4)."""
        for part in mail.message.walk():
            if not part.is_multipart():
                self.assertTrue(part.get_payload(decode=True).strip(), part.get_content_type())
                continue
            types = [inner.get_content_type() for inner in part.iter_parts()]
            self.assertGreater(len(types), 1, "a multipart of one part")
            if part.get_content_subtype() == "alternative":
                self.assertIn(types, (["text/plain", "text/html"], ["text/plain", "multipart/related"]))
        self.assertEqual(mail.message.get_body(("plain",)).get_content_type(), "text/plain")

    def test_the_header_says_what_is_so(self):
        for name, mail in self.mails.items():
            with self.subTest(name):
                for field in ONCE:
                    self.assertEqual(len(mail.message.get_all(field, [])), 1, field)
                for field in mail.message:
                    self.assertFalse(field.lower().startswith("resent-"), field)
                sent = parsedate_to_datetime(mail.header("Date"))
                age = datetime.now(UTC) - sent
                self.assertTrue(timedelta(0) <= age < timedelta(minutes=5), mail.header("Date"))
                self.assertEqual(parseaddr(mail.header("From"))[1], self.author)
                self.assertRegex(mail.header("Message-ID"), rf"^<[^<>@\s]+@{MAIL_DOMAIN}>$")
                # The envelope's sender is of the author's own domain, so that SPF speaks for it too.
                self.assertRegex(mail.sender, rf"@{MAIL_DOMAIN}$")
                # Only a notice may be the work of a program (client-server API, "m.notice").
                self.assertEqual(mail.header("Auto-Submitted"), "auto-generated" if name == "notice" else "")
                self.assertFalse(mail.message.get("Precedence"))
