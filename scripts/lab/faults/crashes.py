"""Scenarios in which Penpal itself is stopped, killed, or started twice."""

import re
import signal
import sqlite3
import time

from lab.faults.homeserver import Trouble
from lab.faults.orderly import stop_orderly
from lab.faults.run import Run


def kill(run: Run) -> None:
    """`kill -9` at random moments, also while it starts, while messages flow both ways."""
    chats, beginners = 50, 20
    share = run.share(2 * chats + beginners)
    # Interrupted again and again, nothing comes to rest: warnings are those of the starts.
    with run.chats(chats, complaints=30 + 3 * run.size.kills) as stand:
        for _ in stand.write_through(run.size.kills, share, share, mail_chats=beginners):
            time.sleep(run.random.uniform(0.02, 1.5) ** 2 / 1.5)
            stand.kill()
            stand.begin()
        stand.finish(patience=90)
        per_kill = stand.judge().doubled_mail / max(1, run.size.kills)
        run.note(f"{run.size.kills} kills, {per_kill:.2f} second copies of an email for each")


def stop(run: Run) -> None:
    """SIGTERM under load: finishes what is under way, takes nothing new, ends with 0, and goes on at the next start."""
    times = 10 if run.size.thorough else 3
    with run.chats(40) as stand:
        share = run.share(80, least=20)
        slowest = 0.0
        for number in stand.write_through(times, share, share):
            time.sleep(run.random.uniform(0.2, 1))
            # The last time with a message at the relay that takes longer than anybody waits.
            slow = number == times - 1
            stand.relay.late = (lambda _recipient: 3) if slow else (lambda _recipient: 0)
            time.sleep(0.5 if slow else 0)
            took = stop_orderly(stand, stand.penpal, busy=slow)
            slowest = max(slowest, took)
            stand.start()
            stand.relay.late = lambda _recipient: 0
        stand.finish()
        stand.check(not stand.judge().doubled_mail, "an orderly stop doubled an email")
        run.note(f"SIGTERM under load: ended after at most {slowest:.1f} s")


def stop_in_silence(run: Run) -> None:
    """SIGTERM while homeserver and relay take what they get and do not answer: it ends all the same, and the next start
    goes on at once.
    """
    with run.chats(10) as stand:
        stand.homeserver.trouble = lambda _request: Trouble(late=30)
        stand.relay.late = lambda _recipient: 30
        stand.write(3, 3)
        stand.expect(stand.written, "all is taken", 30)
        time.sleep(1)
        took = stop_orderly(stand, stand.penpal, busy=True)
        stand.homeserver.trouble = lambda _request: None
        stand.relay.late = lambda _recipient: 0
        began = time.monotonic()
        stand.start()
        stand.finish(patience=30)
        # Leases that were not given back would run for a minute.
        again = time.monotonic() - began
        stand.check(again < 20, f"after the next start it took {again:.0f} s")
        run.note(f"SIGTERM in silence: ended after {took:.1f} s; all was delivered {again:.1f} s after the next start")


def second_interrupt(run: Run) -> None:
    """A second Ctrl-C does not wait for a relay that takes its time."""
    with run.chats(3) as stand:
        stand.relay.late = lambda _recipient: 15
        stand.write(1, 0)
        time.sleep(1)
        service = stand.penpal.service
        service.signal(signal.SIGINT)
        stand.check(service.ended(1) is None, "the first Ctrl-C did not wait for what was under way")
        service.signal(signal.SIGINT)
        stand.check(service.ended(2) is not None, "the second Ctrl-C did not end it")
        service.kill()
        stand.relay.late = lambda _recipient: 0
        time.sleep(15)
        stand.start()
        stand.finish()


def two_processes_one_sqlite(run: Run) -> None:
    """A second process on the same SQLite file is refused, and the first one does not notice."""
    run.needs_sqlite("PostgreSQL is made for several processes")
    with run.chats(10) as stand:
        stand.write(20, 20)
        other = stand.another()
        other.service.start()
        code = other.service.ended(10)
        said = other.service.tail()
        stand.check(code == 1, f"the second process ended with {code}")
        clear = "another" in said and "database" in said
        stand.check(clear, f"the second process did not say what is wrong: {said[-300:]}")
        stand.finish()
        # When the first one is gone, however it went, the second may begin.
        stand.kill()
        other.service.start()
        stand.check(other.service.ended(2) is None, "it does not start when the other one is gone")


def other_server_name(run: Run) -> None:
    """A store that was made for another server name is refused."""
    with run.chats(2) as stand:
        stand.penpal.service.stop()
        config = stand.penpal.config
        kept = config.read_text()
        config.write_text(re.sub(r"server_name: .*", "server_name: other.test", kept))
        stand.begin()
        code, said = stand.ended(10)
        stand.check(code in (1, 2), f"it ended with {code}")
        stand.check("hs.test" in said and "other.test" in said, f"it did not say what is wrong: {said[-300:]}")
        config.write_text(kept)
        stand.start()
        stand.write(2, 2)
        stand.finish()


def ready_after_crash(run: Run) -> None:
    """After a crash it answers within two seconds, and its database passes SQLite's own check."""
    run.needs_sqlite("the check is SQLite's")
    with run.chats(20) as stand:
        stand.write(50, 50)
        time.sleep(1)
        stand.kill()
        begin = time.monotonic()
        stand.start()
        took = time.monotonic() - begin
        stand.check(took < 2, f"it answered {took:.1f} s after the crash")
        stand.finish()
        with sqlite3.connect(run.directory / "penpal.db") as database:
            found = database.execute("PRAGMA integrity_check").fetchone()[0]
        database.close()
        stand.check(found == "ok", f"integrity_check: {found}")
