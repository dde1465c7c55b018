"""Penpal fetching its mail from a real Dovecot: `scripts/test --only dovecot`."""

import random
import subprocess
import time

from lab.dovecot import Dovecot
from lab.lab import MAIL_DOMAIN
from lab.mail_program import MailProgram
from lab.processes import stop_on_signals
from lab.relay import Attachment
from lab.scenario import Scenario, new_lab

# The catch-all of the mail domain, whose mail stays and is marked, and a mailbox elsewhere, whose mail is moved.
STAYS = f"catchall@{MAIL_DOMAIN}"
MOVED = "penpal@provider.test"


def setUpModule():
    """One lab for all tests; nothing but IMAP brings mail to Penpal."""
    stop_on_signals()
    dovecot = Fetched.dovecot = Dovecot()
    dovecot.start()
    lab = Fetched.shared = new_lab()
    lab.prepare()
    # Only IDLE can bring anything within the time of a test.
    mailboxes = [
        dovecot.mailbox(STAYS, poll="1h"),
        dovecot.mailbox(MOVED, tls="starttls", poll="1h", after="move", move_to="Erledigt/Gelöst", refused="Abgelehnt"),
    ]
    lab.penpal.configure({"mail": {"imap": mailboxes}})
    lab.start()


def tearDownModule():
    Fetched.shared.stop()
    Fetched.dovecot.stop()


class Fetched(Scenario):
    dovecot: Dovecot

    def make_lab(self):
        return self.shared

    def setUp(self):
        super().setUp()
        self.program = MailProgram("Alice Example", self.alice, self.dovecot.lmtp_port, lmtp=True)

    def bodies(self, room):
        """What the puppet has said."""
        return [event["content"].get("body", "") for event in room.messages(self.puppet)]

    def test_a_conversation_by_idle(self):
        room = self.open_chat()
        mail = self.say(room, "Grüße aus Zürich")
        begin = time.monotonic()
        self.answer(mail, "Grüße zurück")
        self.heard(room, "Grüße zurück")
        print(f"in the chat after {time.monotonic() - begin:.1f} s ", end="", flush=True)
        second = self.say(room, "Until then")
        self.assertEqual(second.header("In-Reply-To").count("@"), 1)
        self.lab.until(lambda: self.dovecot.messages(STAYS, "UNSEEN UNKEYWORD $PenpalRefused") == 0, "all marked as seen")

    def test_a_blind_copy_finds_its_thread_by_what_dovecot_writes_on_top(self):
        room = self.open_chat()
        mail = self.say(room, "Nobody else knows")
        answer = self.program.answer(mail, "Nobody at all")
        reply = str(answer["To"])
        for field in ("To", "In-Reply-To", "References"):
            del answer[field]
        answer["To"] = "undisclosed-recipients:;"
        self.program.send(answer, reply)
        self.heard(room, "Nobody at all")

    def test_a_large_message_comes_in_parts(self):
        room = self.open_chat()
        mail = self.say(room, "Send me the film")
        film = Attachment("bees.bin", "application/octet-stream", random.Random(1).randbytes(5_000_000))
        self.program.send(self.program.answer(mail, "Here it is", (film,)))
        self.heard(room, "bees.bin")
        urls = [event["content"]["url"] for event in room.messages(self.puppet) if "url" in event["content"]]
        self.assertEqual([self.client.download(url)[0] for url in urls], [film.data])

    def test_a_first_email_opens_a_chat(self):
        self.open_by_email()

    def test_what_was_taken_is_moved_and_what_is_refused_too(self):
        room = self.open_chat()
        mail = self.say(room, "To the other mailbox")
        before = self.dovecot.messages(MOVED, folder="Abgelehnt")
        # The header tells for whom it is, and the provider's Delivered-To names the mailbox itself.
        self.program.send(self.program.answer(mail, "By another way"), MOVED)
        self.heard(room, "By another way")
        stranger = self.program.write(f"nobody-at-all@{MAIL_DOMAIN}", "Hello?", "Anybody?")
        self.program.send(stranger, MOVED)
        self.lab.until(lambda: self.dovecot.messages(MOVED) == 0, "an empty inbox")
        self.assertEqual(self.dovecot.messages(MOVED, folder='"Erledigt/Gel&APY-st"'), 1)
        self.assertEqual(self.dovecot.messages(MOVED, folder="Abgelehnt"), before + 1)

    def test_what_is_refused_is_left_and_flagged(self):
        self.program.send(self.program.write(f"nobody-at-all@{MAIL_DOMAIN}", "Hello?", "Anybody?"))
        self.lab.until(lambda: self.dovecot.messages(STAYS, "FLAGGED KEYWORD $PenpalRefused UNSEEN") >= 1, "a flagged message")

    def test_each_mail_is_taken_once_however_often_penpal_is_killed(self):
        room = self.open_chat()
        mail = self.say(room, "Write to me, often")
        penpal = self.lab.penpal.service
        texts = [f"This is number {number}." for number in range(40)]
        for number, text in enumerate(texts):
            self.answer(mail, text)
            if number % 8 == 4:
                # At any point between fetching and marking.
                time.sleep(0.05 * (number % 5))
                penpal.kill()
                self.lab.penpal.start()
        for text in texts:
            self.heard(room, text)
        self.lab.until(lambda: self.dovecot.messages(STAYS, "UNSEEN UNKEYWORD $PenpalRefused") == 0, "all marked as seen")
        bodies = self.bodies(room)
        self.assertEqual([bodies.count(text) for text in texts], [1] * len(texts))

    def test_it_comes_back_when_dovecot_does(self):
        room = self.open_chat()
        mail = self.say(room, "I will be away")
        self.dovecot.service.kill()
        self.lab.until(lambda: "no mail can be fetched" in self.lab.penpal.service.tail(), "a line in the log")
        self.dovecot.start()
        self.answer(mail, "Welcome back")
        self.heard(room, "Welcome back", 60)

    def test_new_numbers_bring_nothing_twice(self):
        room = self.open_chat()
        mail = self.say(room, "Before")
        self.answer(mail, "Only once")
        self.heard(room, "Only once")
        # As after a restore from a backup: the folder is numbered anew, and nothing is marked.
        self.dovecot.service.stop()
        for index in (self.dovecot.directory / "mail" / MAIL_DOMAIN).glob("dovecot*"):
            index.unlink()
        with_flags = (self.dovecot.directory / "mail" / MAIL_DOMAIN / "cur").glob("*:2,*")
        for path in with_flags:
            path.rename(path.parent / f"{path.name.partition(':')[0]}:2,")
        self.dovecot.start()
        self.answer(mail, "And once more")
        self.heard(room, "And once more", 60)
        self.lab.until(lambda: self.dovecot.messages(STAYS, "UNSEEN UNKEYWORD $PenpalRefused UNFLAGGED") == 0, "all marked as seen", 60)
        self.assertEqual(self.bodies(room), ["Only once", "And once more"])

    def test_the_doctor_tries_the_mailboxes(self):
        command = [self.lab.penpal.binary, "doctor", "--config", self.lab.penpal.config]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
        self.assertIn("mail.imap[0] on localhost lets Penpal in, and has INBOX", shown)
        self.assertIn("mail.imap[1] on localhost lets Penpal in, and has INBOX", shown)
