"""Files that are too large for memory, through a real Postfix: `scripts/test --only postfix`."""

import random

from behind import Behind
from lab.lab import MAIL_DOMAIN
from lab.relay import Caught
from lab.signatures import holding


class Large(Behind):
    def film(self, room, name: str, megabytes: int) -> bytes:
        """Bob shows a film; gives its bytes."""
        data = random.Random(name).randbytes(megabytes * 1_000_000)
        uri = self.client.upload(data, name, "video/mp4")
        self.client.send(room.id, {"msgtype": "m.video", "body": name, "url": uri, "info": {"mimetype": "video/mp4"}})
        return data

    def mail_with_film(self) -> Caught:
        """Waits for the email that encloses it."""
        see = lambda: [mail for mail in self.lab.relay.to(self.alice) if len(mail.raw) > 1_000_000]  # noqa: E731
        return self.lab.until(see, f"a large email to {self.alice}", 60)[0]

    def test_it_leaves_in_chunks_and_arrives_signed_byte_for_byte(self):
        film = self.film(self.open_chat(), "bees.mp4", 6)
        mail = self.mail_with_film()
        self.assertEqual([(file.name, file.data) for file in mail.attachments()], [("bees.mp4", film)])
        dns = {name: text for name, text in self.lab.penpal.dns.items() if name.endswith(f".{MAIL_DOMAIN}")}
        self.assertEqual(sorted(holding(mail.raw, dns)), sorted(dns))
        # What Postfix says of a session at its end counts its commands.
        self.lab.penpal.service.stop()
        self.lab.until(lambda: " bdat=" in self.postfix.service.log.read_text(), "chunks in Postfix's log")
        self.lab.penpal.start()

    def test_what_postfix_does_not_take_its_sender_is_told(self):
        room = self.open_chat()
        self.film(room, "wasps.mp4", 9)
        self.heard(room, "The email has 13 MB, and the mail relay takes 10 MB at the most")
        self.assertFalse(self.lab.relay.to(self.alice))
