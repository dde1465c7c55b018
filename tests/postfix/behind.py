"""The frame of the tests in this folder: Penpal, signing what it sends, between Synapse and a real Postfix."""

import atexit

import yaml

from lab.lab import MAIL_DOMAIN, SERVER_NAME, Lab
from lab.mail_program import MailProgram
from lab.penpal import Penpal
from lab.postfix import Postfix
from lab.processes import stop_on_signals
from lab.scenario import Scenario, new_lab

# The mail domain of users whose names begin with `second`: its mail leaves past Postfix, with signatures of its own.
SECOND = "second.hs.test"

_running: list[tuple[Lab, Postfix]] = []


def _lab() -> tuple[Lab, Postfix]:
    """One lab for all tests, in which Penpal's relay is Postfix."""
    if not _running:
        stop_on_signals()
        postfix = Postfix()
        # Long enough for a busy machine to write several messages that are to be one email.
        lab = new_lab(relay_port=postfix.port, dkim=True, settle="3s")
        # Handlers run in reverse: Postfix ends first, so that it has nobody left to complain to.
        atexit.register(postfix.stop)
        lab.prepare()
        _add_second(lab)
        lab.start()
        postfix.start([MAIL_DOMAIN, SECOND], lab.penpal.lmtp_port, lab.relay.port)
        _running.append((lab, postfix))
    return _running[0]


def _add_second(lab: Lab) -> None:
    """`penpal init` makes the keys, and says what belongs into the DNS."""
    second = Penpal(lab.penpal.binary, lab.directory / "second")
    second.init(SERVER_NAME, lab.synapse.url, SECOND, lab.relay.port, dkim=True)
    keys = yaml.safe_load(second.config.read_text())["mail"]["dkim"]
    dkim = [key | {"key": str(second.directory / key["key"])} for key in keys]
    relay = {"host": "127.0.0.1", "port": lab.relay.port}
    domain = {"domain": SECOND, "users": [f"@second*:{SERVER_NAME}"], "relay": relay, "dkim": dkim}
    lab.penpal.configure({"mail": {"domains": [domain]}})
    lab.penpal.dns |= second.dns


class Behind(Scenario):
    """A test with a new Matrix user, Bob, and a new email user, Alice, whose mail all goes through Postfix."""

    postfix: Postfix

    def make_lab(self) -> Lab:
        lab, self.postfix = _lab()
        return lab

    def setUp(self) -> None:
        super().setUp()
        self.program = MailProgram("Alice Example", self.alice, self.postfix.port)
