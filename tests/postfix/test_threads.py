"""Two conversations at once between the same two people: two threads on both sides, whatever Alice's mail programs do."""

import os
import subprocess
import tempfile
from email.message import EmailMessage
from pathlib import Path

from behind import Behind

ROUNDS = 10


def only_the_last(answer: EmailMessage) -> None:
    """Names no more than the mail that is answered, as some telephones do."""
    answer.replace_header("References", answer["In-Reply-To"])


def cut(answer: EmailMessage) -> None:
    """Keeps the first and the last two of a long chain (the advice of RFC 1036, section 2.2.5, followed to this day)."""
    chain = answer["References"].split()
    answer.replace_header("References", " ".join(chain[:1] + chain[1:][-2:]))


def outlook(answer: EmailMessage) -> None:
    """Exchange has an order of its own beside the standard's."""
    answer["Thread-Topic"] = answer["Subject"].removeprefix("Re: ")
    answer["Thread-Index"] = "AQHZmlG1R0V0dWzW9kKq0xq1v2H7eg=="


def without_references(answer: EmailMessage) -> None:
    """Old Outlook: `In-Reply-To` alone."""
    del answer["References"]
    outlook(answer)


def without_in_reply_to(answer: EmailMessage) -> None:
    """Some web mail: `References` alone."""
    del answer["In-Reply-To"]


HABITS = [lambda _answer: None, without_references, cut, without_in_reply_to, outlook, only_the_last]


def notmuch(mails: list[bytes]) -> set[frozenset[str]]:
    """The threads that notmuch makes of a mailbox: of each, the Message-IDs."""
    with tempfile.TemporaryDirectory(prefix="penpal-notmuch-") as directory:
        box = Path(directory) / "mail" / "cur"
        box.mkdir(parents=True)
        for number, mail in enumerate(mails):
            (box / f"{number}.lab:2,").write_bytes(mail)
        config = Path(directory) / "config"
        config.write_text(f"[database]\npath={directory}/mail\n[user]\nname=Alice\nprimary_email=alice@example.org\n")

        def ask(*arguments: str) -> list[str]:
            environment = os.environ | {"NOTMUCH_CONFIG": str(config), "HOME": directory}
            command = ["notmuch", *arguments]
            return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout.split()

        ask("new", "--quiet")
        threads = ask("search", "--output=threads", "--", "*")
        return {frozenset(id.removeprefix("id:") for id in ask("search", "--output=messages", thread)) for thread in threads}


def thunderbird(mails: list[EmailMessage]) -> set[frozenset[str]]:
    """The threads that Thunderbird makes: of `References`, in their absence of `In-Reply-To`, never of subjects.

    That is what it documents for `mail.strict_threading`, which is on by default: mails that name the same message are together, whether
    it is in the folder or not.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    own = [str(mail["Message-ID"]) for mail in mails]
    for mail, name in zip(mails, own, strict=True):
        for named in str(mail["References"] or mail["In-Reply-To"] or "").split():
            parent[root(name)] = root(named)
    roots = {name: root(name) for name in own}
    return {frozenset(name.strip("<>") for name in own if roots[name] == one) for one in set(roots.values())}


class Threads(Behind):
    def test_two_conversations_at_once_are_two_threads(self):
        # The same name for both, and so the same subject: nothing but the standard's fields tells them apart.
        rooms = [self.open_chat(name="Holidays") for _ in range(2)]
        threads: list[list[EmailMessage]] = [[], []]
        for turn in range(ROUNDS):
            for number, room in enumerate(rooms):
                self.client.text(room.id, f"Question {turn} of conversation {number}?")
            for number, room in enumerate(rooms):
                mail = self.mail_with(f"Question {turn} of conversation {number}?")
                answer = self.program.answer(mail, f"Answer {turn} in conversation {number}.")
                HABITS[(turn + number) % len(HABITS)](answer)
                self.program.send(answer)
                threads[number] += [mail.message, answer]
            for number, room in enumerate(rooms):
                self.heard(room, f"Answer {turn} in conversation {number}.")
        for number, room in enumerate(rooms):
            heard = [event["content"]["body"] for event in room.messages(self.puppet)]
            self.assertEqual(heard, [f"Answer {turn} in conversation {number}." for turn in range(ROUNDS)])
        mails = [mail for thread in threads for mail in thread]
        self.assertEqual(len(mails), 4 * ROUNDS)
        wanted = {frozenset(str(mail["Message-ID"]).strip("<>") for mail in thread) for thread in threads}
        self.assertEqual(thunderbird(mails), wanted)
        self.assertEqual(notmuch([bytes(mail) for mail in mails]), wanted)
        # Newest first is how many programs get to know a folder.
        self.assertEqual(notmuch([bytes(mail) for mail in reversed(mails)]), wanted)
