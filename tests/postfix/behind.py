"""The frame of the tests in this folder: Penpal, signing what it sends, between Synapse and a real Postfix."""

import atexit

from lab.lab import MAIL_DOMAIN, Lab
from lab.mail_program import MailProgram
from lab.postfix import Postfix
from lab.processes import stop_on_signals
from lab.scenario import Scenario, new_lab

_running: list[tuple[Lab, Postfix]] = []


def _lab() -> tuple[Lab, Postfix]:
    """One lab for all tests, in which Penpal's relay is Postfix."""
    if not _running:
        stop_on_signals()
        postfix = Postfix()
        lab = new_lab(relay_port=postfix.port, dkim=True)
        # Handlers run in reverse: Postfix ends first, so that it has nobody left to complain to.
        atexit.register(postfix.stop)
        lab.prepare()
        lab.start()
        postfix.start(MAIL_DOMAIN, lab.penpal.lmtp_port, lab.relay.port)
        _running.append((lab, postfix))
    return _running[0]


class Behind(Scenario):
    """A test with a new Matrix user, Bob, and a new email user, Alice, whose mail all goes through Postfix."""

    postfix: Postfix

    def make_lab(self) -> Lab:
        lab, self.postfix = _lab()
        return lab

    def setUp(self) -> None:
        super().setUp()
        self.program = MailProgram("Alice Example", self.alice, self.postfix.port)
        self.address = f"{self.client.user[1:].partition(':')[0]}@{MAIL_DOMAIN}"
