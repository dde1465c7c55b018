"""Scenarios with files that are too large for memory."""

import itertools
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from lab.faults.disk import small_disk
from lab.faults.homeserver import CUT
from lab.faults.ledger import mailed
from lab.faults.orderly import stop_orderly
from lab.faults.relay import CLOSE, TAKE_AND_CLOSE, digest_of
from lab.faults.run import Run
from lab.faults.stand import Stand
from lab.faults.traffic import Chat, media_id, say

# Beyond what Penpal needs without such files: in MiB, as promised for four of them at a time.
MOST = 32
USUAL = 60


class Films:
    """Files that go back and forth, and what became of them."""

    def __init__(self, run: Run, stand: Stand, megabytes: int | None = None):
        self._run, self._stand = run, stand
        self.megabytes = megabytes or (30 if run.size.thorough else 4)
        self._next = 1000
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
        made = len(stand.homeserver.uploaded)
        stand.check(made == len(self._into), f"{made} files made on the homeserver, {len(self._into)} were sent")


def _left(directory: Path) -> tuple[int, int]:
    """Contents and pieces of contents in the store."""
    with closing(sqlite3.connect(directory / "penpal.db", timeout=30)) as database:
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
    with run.chats(2, complaints=30 + 20 * times, memory=USUAL + MOST) as stand:
        films, before = Films(run, stand), _folders(run)
        for moment in [*MOMENTS] * times:
            moment(run, stand, films)
            stand.homeserver.midway = lambda _what, _share: None
            stand.relay.trouble = lambda *_about: None
            stand.begin()
            stand.expect(films.arrived, f"the file arrives after a kill ({moment.__name__})", 60)
        stand.finish()
        films.judge()
        left = _left(run.directory)
        stand.penpal.service.stop()
        with closing(sqlite3.connect(run.directory / "penpal.db", timeout=30)) as database, database:
            database.execute("UPDATE contents SET created_at = created_at - 86400000")
        stand.start()
        stand.expect(lambda: _left(run.directory) == (0, 0), "what kills have left goes after a day", 20)
        more = _folders(run) - before
        stand.check(not more, f"files are left: {more}")
        run.note(f"{times * len(MOMENTS)} kills left {left[0]} contents in {left[1]} pieces for a day")


def large_broken_off(run: Run) -> None:
    """Large files whose transfers break off or are refused on their way: by the homeserver, either way, and by the relay between
    chunks. Each arrives in the end, or its sender is told, and nothing is left of the attempts.
    """
    with run.chats(3, complaints=60, memory=USUAL + MOST) as stand:
        films = Films(run, stand)
        here, there, anywhere = stand.chats
        for _ in range(5 if run.size.thorough else 1):
            stand.homeserver.midway = _troubles(run, "download", [CUT, CUT])
            films.send(here)
            stand.expect(films.arrived, "the file arrives after its download broke off", 60)
            stand.homeserver.midway = _troubles(run, "upload", [CUT, 502, CUT])
            films.receive(there)
            stand.expect(films.arrived, "the file arrives after its upload broke off", 60)
            at_chunk = _troubles(run, "BDAT", [CLOSE, "452 4.3.1 no room", CLOSE])
            come = itertools.count(1)
            stand.relay.trouble = lambda verb, *_: at_chunk(verb, next(come) % films.megabytes / films.megabytes)
            films.send(anywhere)
            stand.expect(films.arrived, "the file arrives after the relay hung up between chunks", 60)
        stand.relay.trouble = lambda verb, *_: "552 5.3.4 too much" if verb == "BDAT" else None
        stand.ledger.told.add((anywhere.number, films.send(anywhere)))
        stand.expect(films.arrived, "the sender of what was refused is told", 30)
        stand.finish()
        films.judge()
        if not run.on_postgres:
            stand.expect(lambda: _left(run.directory) == (0, 0), "nothing is left of the attempts", 10)


def _troubles(run: Run, what: str, outcomes: list) -> Callable[[str, float], object]:
    """One outcome after another, each when some of a transfer has come."""
    share = run.random.random()

    def trouble(now: str, come: float) -> object:
        nonlocal share
        if now != what or come < share or not outcomes:
            return None
        share = run.random.random()
        return outcomes.pop(0)

    return trouble


def large_on_full_disk(run: Run) -> None:
    """A disk without room for a large mail, or file: these wait, the others go on, and nothing is left of the attempts."""
    with small_disk(run, 100) as disk, run.chats(3, database=f"sqlite:{disk}/penpal.db", complaints=60) as stand:
        films = Films(run, stand, megabytes=30)
        films.receive(stand.chats[0])
        stand.expect(lambda: stand.mail.put_off.get(451), "a mail for which there is no room is put off", 30)
        # What is fetched for an email is not kept in a file before: it fills what is left but the reserve.
        films.send(stand.chats[1])
        time.sleep(3)
        before = stand.done()
        stand.write(2, 2)
        stand.expect(lambda: stand.done() >= before + 10, "the others go on", 30)
        subprocess.run(["mount", "-o", "remount,size=300m", disk], check=True)
        stand.finish()
        films.judge()
        stand.expect(lambda: _left(disk) == (0, 0), "nothing is left of the attempts", 15)


def large_stopped(run: Run) -> None:
    """SIGTERM while large files are on their way: it ends in time, and they go on at the next start."""
    with run.chats(4) as stand:
        films = Films(run, stand)
        slow = lambda _what, _share: time.sleep(0.5)  # noqa: E731
        for number in range(3):
            stand.homeserver.midway = slow if number != 2 else (lambda *_: None)
            stand.relay.trouble = (lambda verb, *_: time.sleep(2) if verb == "BDAT" else None) if number == 2 else (lambda *_: None)
            films.send(stand.chats[number])
            if number < 2:
                films.receive(stand.chats[3])
            time.sleep(run.random.uniform(1, 2))
            stop_orderly(stand, stand.penpal)
            stand.homeserver.midway = stand.relay.trouble = lambda *_: None
            stand.start()
            stand.expect(films.arrived, "the files arrive after a stop", 60)
        stand.finish()
        films.judge()
        stand.check(not stand.judge().doubled_mail, "an orderly stop doubled an email")
        run.note(f"three stops left {_left(run.directory)[1]} pieces for a day")


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
