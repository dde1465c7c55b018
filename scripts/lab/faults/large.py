"""Scenarios with files that are too large for memory."""

import itertools
import sqlite3
import threading
import time
from contextlib import closing

from lab.faults.homeserver import CUT
from lab.faults.ledger import mailed
from lab.faults.relay import CLOSE, TAKE_AND_CLOSE, digest_of
from lab.faults.run import Run
from lab.faults.stand import Stand
from lab.faults.traffic import Chat, media_id, say

# Beyond what Penpal needs without such files: in MiB, as promised for four of them at a time.
MOST = 32
USUAL = 60


class Films:
    """Files that go back and forth, and what became of them."""

    def __init__(self, run: Run, stand: Stand):
        self._run, self._stand = run, stand
        self.megabytes = 30 if run.size.thorough else 4
        self._next = 1
        self._out: dict[tuple[int, int], str] = {}
        self._into: list[str] = []
        self._threads: list[threading.Thread] = []

    def send(self, chat: Chat) -> int:
        """Bob shows one; gives the number of the message."""
        number, file = self._number(), self._run.random.randbytes(self.megabytes * 1_000_000)
        self._stand.homeserver.files[media_id(chat, number)] = file
        self._out[chat.number, number] = digest_of(file)
        say(self._stand.pusher, self._stand.ledger, chat, number, picture=True)
        return number

    def receive(self, chat: Chat) -> None:
        """Somebody mails one."""
        number, file, to = self._number(), self._run.random.randbytes(self.megabytes * 1_000_000), self._stand.reply_to(chat)
        letter = self._stand.mail.letter(chat, number, to, {}, file)
        self._into.append(digest_of(file))

        def hand_over() -> None:
            if not self._stand.mail.hand_over(chat, number, to, letter):
                self._stand.refused(f"in {chat.number} {number}")

        thread = threading.Thread(target=hand_over, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _number(self) -> int:
        self._next += 1
        return self._next

    def arrived(self) -> bool:
        """Whether everything has come to its end."""
        handed_over = not self._stand.pusher.waiting() and not any(thread.is_alive() for thread in self._threads)
        return handed_over and self._stand.done() >= self._stand.ledger.messages()

    def judge(self) -> None:
        """Holds the files that arrived against those that were sent."""
        stand = self._stand
        for chat, found in mailed(stand.relay).items():
            for number, taken in found:
                sent = self._out.get((chat, number))
                stand.check(sent is None or taken.files == (sent,), f"out {chat} {number}: not the file that was sent")
        rooms = stand.homeserver.rooms.values()
        uris = [sent.content["url"] for room in rooms for sent in room.sent if "url" in sent.content]
        shown = sorted(stand.homeserver.uploaded[uri] for uri in uris)
        stand.check(shown == sorted(self._into), f"{len(shown)} files in the rooms, {len(self._into)} were sent")


def _left(run: Run) -> tuple[int, int]:
    """Contents and pieces of contents in the store."""
    with closing(sqlite3.connect(run.directory / "penpal.db", timeout=30)) as database:
        count = "SELECT (SELECT count(*) FROM contents), (SELECT count(*) FROM pieces)"
        return database.execute(count).fetchone()


def _folders(run: Run) -> set[str]:
    """What lies around."""
    return {path.name for folder in (run.directory, run.directory / "penpal") for path in folder.iterdir()}


def large_killed(run: Run) -> None:
    """`kill -9` in the midst of large files: while they are downloaded, stored, handed over in chunks, taken and uploaded. What
    that leaves in the store goes after a day.
    """
    run.needs_sqlite("it waits a minute for the leases of each process that was killed")
    times = 5 if run.size.thorough else 1
    with run.chats(2, complaints=30 + 20 * times) as stand:
        films, before = Films(run, stand), _folders(run)
        for moment in [*MOMENTS] * times:
            moment(run, stand, films)
            stand.homeserver.midway = lambda _what, _share: None
            stand.relay.trouble = lambda *_about: None
            stand.begin()
            stand.expect(films.arrived, f"the file arrives after a kill ({moment.__name__})", 60)
        stand.finish()
        films.judge()
        stand.check(stand.memory < USUAL + MOST, f"{stand.memory:.0f} MiB")
        left = _left(run)
        stand.penpal.service.stop()
        with closing(sqlite3.connect(run.directory / "penpal.db", timeout=30)) as database, database:
            database.execute("UPDATE contents SET created_at = created_at - 86400000")
        stand.start()
        stand.expect(lambda: _left(run) == (0, 0), "what kills have left goes after a day", 20)
        more = _folders(run) - before
        stand.check(not more, f"files are left: {more}")
        run.note(f"{times * len(MOMENTS)} kills left {left[0]} contents in {left[1]} pieces for a day")


def _while_it_is_transferred(what: str, run: Run, stand: Stand) -> threading.Event:
    """Penpal dies when some of the next file was down- or uploaded."""
    killed, share = threading.Event(), run.random.random()

    def midway(now: str, come: float) -> int | None:
        if now == what and come >= share and not killed.is_set():
            stand.kill()
            killed.set()
        return CUT if killed.is_set() else None

    stand.homeserver.midway = midway
    return killed


def _in_download(run: Run, stand: Stand, films: Films) -> None:
    killed = _while_it_is_transferred("download", run, stand)
    films.send(run.random.choice(stand.chats))
    stand.wait_for(killed)


def _when_stored(run: Run, stand: Stand, films: Films) -> None:
    """While it is written, signed or frozen, or on its way already."""
    downloaded = threading.Event()
    stand.homeserver.midway = lambda _what, share: downloaded.set() if share >= 1 else None
    films.send(run.random.choice(stand.chats))
    stand.wait_for(downloaded)
    time.sleep(run.random.uniform(0, films.megabytes * 0.02))
    stand.kill()


def _between_chunks(run: Run, stand: Stand, films: Films) -> None:
    killed, wanted, come = threading.Event(), run.random.randrange(films.megabytes), itertools.count()

    def trouble(verb: str, _recipient: str, _raw: bytes) -> str | None:
        if verb == "BDAT" and next(come) == wanted:
            stand.kill()
            killed.set()
        return CLOSE if killed.is_set() else None

    stand.relay.trouble = trouble
    films.send(run.random.choice(stand.chats))
    stand.wait_for(killed)


def _before_the_answer(run: Run, stand: Stand, films: Films) -> None:
    killed = threading.Event()

    def trouble(verb: str, _recipient: str, _raw: bytes) -> str | None:
        if verb == "DATA":
            stand.kill()
            killed.set()
        return TAKE_AND_CLOSE if verb == "DATA" else None

    stand.relay.trouble = trouble
    films.send(run.random.choice(stand.chats))
    stand.wait_for(killed)


def _in_upload(run: Run, stand: Stand, films: Films) -> None:
    killed = _while_it_is_transferred("upload", run, stand)
    films.receive(run.random.choice(stand.chats))
    stand.wait_for(killed)


def _when_it_comes_in(run: Run, stand: Stand, films: Films) -> None:
    """While it comes over LMTP, is hashed, stored, or acknowledged."""
    films.receive(run.random.choice(stand.chats))
    time.sleep(run.random.uniform(0, films.megabytes * 0.04))
    stand.kill()


MOMENTS = (_in_download, _when_stored, _between_chunks, _before_the_answer, _in_upload, _when_it_comes_in)
