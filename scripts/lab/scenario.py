"""The frame of the Python suites: one lab for all tests, new people for each.

`scripts/test` names the program to test in `PENPAL_BINARY`.
"""

import atexit
import itertools
import os
import shutil
import tempfile
import unittest
from pathlib import Path

from lab.lab import MAIL_DOMAIN, Lab, puppet_of
from lab.matrix import Room
from lab.processes import stop_on_signals
from lab.relay import Caught

_shared: list[Lab] = []
_people = itertools.count(1)


def new_lab(**options) -> Lab:
    """A lab in a directory of its own, stopped at exit; kept with its logs when a test failed."""
    directory = Path(tempfile.mkdtemp(prefix="penpal-lab-"))
    lab = Lab(directory, Path(os.environ["PENPAL_BINARY"]), **options)
    atexit.register(lambda: shutil.rmtree(directory, ignore_errors=True) if not Scenario.broken else None)
    atexit.register(lab.stop)
    return lab


def running_lab(**options) -> Lab:
    """A new lab in which everything runs."""
    stop_on_signals()
    lab = new_lab(**options)
    lab.prepare()
    lab.start()
    return lab


def shared_lab() -> Lab:
    """The lab that all tests use which do not need one of their own."""
    if not _shared:
        _shared.append(running_lab())
    return _shared[0]


class Scenario(unittest.TestCase):
    """A test with a new Matrix user, Bob, and a new email user, Alice."""

    broken = False

    def setUp(self) -> None:
        number = next(_people)
        self.lab = self.make_lab()
        self.addCleanup(self._tell_logs)
        self.alice = f"alice{number}@example.org"
        self.puppet = puppet_of(self.alice)
        self.bob, _ = self.lab.person(f"bob{number}", "Bob")
        self.client = self.bob.client
        self.address = f"{self.client.user[1:].partition(':')[0]}@{MAIL_DOMAIN}"
        self.program = self.lab.mail_program("Alice Example", self.alice)

    def make_lab(self) -> Lab:
        """The lab of this test."""
        return shared_lab()

    def _tell_logs(self) -> None:
        outcome = self._outcome.result
        if any(test is self for test, _ in outcome.failures + outcome.errors):
            Scenario.broken = True
            print(f"\nfiles are kept in {self.lab.directory}\n{self.lab.logs()}", flush=True)

    def room(self, room_id: str) -> Room:
        """Waits until Bob's client shows the room."""
        return self.lab.until(lambda: self.bob.rooms.get(room_id), f"{room_id} in Bob's sync")

    def membership(self, room_id: str, user: str) -> str:
        """A user's membership by the homeserver's state."""
        return self.client.member(room_id, user).get("membership", "")

    def await_membership(self, room_id: str, user: str, wanted: str) -> dict:
        """Waits for a membership; gives its content."""
        see = lambda: self.membership(room_id, user) == wanted  # noqa: E731
        self.lab.until(see, f"{user} becoming `{wanted}` in {room_id}")
        return self.client.member(room_id, user)

    def open_chat(self, **more: object) -> Room:
        """Bob starts a direct chat with Alice; gives it when the puppet has joined."""
        content = {"preset": "trusted_private_chat", "is_direct": True, "invite": [self.puppet]} | more
        room_id = self.client.create_room(**content)
        self.await_membership(room_id, self.puppet, "join")
        return self.room(room_id)

    def open_by_email(self, subject: str = "Chess", text: str = "Shall we play?") -> Room:
        """Bob has written to Alice, and she begins another conversation; gives the chat in which he reads it."""
        self.say(self.open_chat(), "Write to me")
        self.program.send(self.program.write(self.address, subject, text))
        room = self.invitation()
        self.client.act(room.id, "join")
        chat = self.room(room.id)
        self.heard(chat, text)
        return chat

    def say(self, room: Room, text: str) -> Caught:
        """Bob writes; gives the email that has the text in it."""
        self.client.text(room.id, text)
        return self.mail_with(text)

    def mail_with(self, text: str, seconds: float = 30) -> Caught:
        """Waits for an email to Alice with this text in its body."""

        def see() -> list[Caught]:
            return [mail for mail in self.lab.relay.to(self.alice) if text in mail.body("plain")]

        return self.lab.until(see, f"an email to {self.alice} with {text!r}", seconds)[0]

    def heard(self, room: Room, text: str, seconds: float = 30) -> dict:
        """Waits for a message of Alice's puppet with this text in its body."""

        def see() -> list[dict]:
            return [event for event in room.messages(self.puppet) if text in event["content"].get("body", "")]

        return self.lab.until(see, f"a message of {self.puppet} with {text!r}", seconds)[0]

    def answer(self, mail: Caught, text: str) -> None:
        """Alice answers an email."""
        self.program.send(self.program.answer(mail, text))

    def invitation(self) -> Room:
        """Waits for an open invitation to Bob."""
        return self.lab.until(self.bob.invites, "an invitation for Bob")[0]

    def await_direct(self, wanted: list[str]) -> None:
        """Waits until the puppet's `m.direct` holds exactly these chats with Bob."""
        puppet = self.lab.puppet(self.alice)
        see = lambda: sorted(puppet.account_data("m.direct").get(self.client.user, [])) == sorted(wanted)  # noqa: E731
        self.lab.until(see, f"{wanted} as the puppet's direct chats with Bob")

    def sole(self, text: str) -> None:
        """Holds when the text went out in one email, once."""
        bodies = [mail.body("plain") for mail in self.lab.relay.to(self.alice)]
        self.assertEqual(sum(body.count(text) for body in bodies), 1, f"{text!r} in {bodies}")


