"""Penpal behind a real Postfix that pipes mail into `penpal deliver`: `scripts/test --only postfix`."""

import shutil

import test_postfix
from lab.lab import MAIL_DOMAIN
from lab.postfix import Postfix
from lab.processes import stop_on_signals
from lab.scenario import new_lab

# Postfix runs no command as root.
USER = "nobody"


def setUpModule():
    """One lab for all tests, in which Postfix is Penpal's relay, and hands mail over by a pipe."""
    stop_on_signals()
    postfix = Piped.postfix = Postfix()
    lab = Piped.shared = new_lab(relay_port=postfix.port)
    lab.prepare()
    # What root makes in this folder belongs to its owner: the database does.
    lab.directory.chmod(0o711)
    for path in (lab.penpal.directory, lab.penpal.config):
        shutil.chown(path, USER)
    lab.start()
    postfix.start_with_pipe(MAIL_DOMAIN, lab.penpal, USER, lab.relay.port)


def tearDownModule():
    Piped.postfix.stop()
    Piped.shared.stop()


class Piped(test_postfix.Both):
    """All that holds for LMTP, and what differs."""

    def make_lab(self):
        return self.shared

    def test_postfix_keeps_the_mail_while_penpal_is_down(self):
        room = self.open_chat()
        mail = self.say(room, "I will be away")
        self.lab.penpal.service.stop()
        self.program.send(self.program.answer(mail, "Then read this later"))
        self.lab.until(lambda: "empty" in self.postfix.waiting(), "the mail leaving Postfix, for the database")
        self.lab.penpal.start()
        self.heard(room, "Then read this later")

    def test_postfix_keeps_the_mail_while_the_configuration_is_wrong(self):
        room = self.open_chat()
        mail = self.say(room, "I change the configuration")
        config = self.lab.penpal.config
        well = config.read_text()
        config.write_text(f"{well}\nnonsense: 1\n")
        self.program.send(self.program.answer(mail, "This waits for the right one"))
        self.lab.until(lambda: "nonsense" in self.postfix.waiting(), "the mail waiting in Postfix, and why")
        config.write_text(well)
        self.postfix.flush()
        self.heard(room, "This waits for the right one")


