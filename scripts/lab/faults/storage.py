"""Scenarios in which the database or the clock is in trouble."""

import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from lab.faults.clock import ShiftedClock
from lab.faults.disk import FailingDisk, fill, small_disk
from lab.faults.forgetful import ForgetfulDisk
from lab.faults.ledger import NOTING
from lab.faults.run import LeftOut, Run
from lab.faults.stand import Stand
from lab.processes import until

# Seconds for which messages gather in an email while the disk hangs: more than it takes to hand them over.
SETTLE = 3


def disk_full(run: Run) -> None:
    """The disk of the database fills up: nothing more is acknowledged, and all goes on when there is room again."""
    with small_disk(run, 48) as disk, run.chats(20, database=f"sqlite:{disk}/penpal.db", complaints=80) as stand:
        stand.permit(100)
        stand.write(40, 20)
        stand.expect(lambda: len(stand.relay.taken) > 40, "messages flow", 30)
        _empty_log(disk)
        ballast = fill(disk)
        stand.permit(float("inf"))
        refused_before = sum(stand.pusher.answers.values())
        refused = lambda: stand.pusher.answers["500"] and stand.mail.put_off.get(451)  # noqa: E731
        stand.expect(refused, "500 and 451 on a full disk", 30)
        time.sleep(20 if run.size.thorough else 6)
        stand.check(sum(stand.pusher.answers.values()) > refused_before, "transactions are not answered any more")
        stand.check(stand.ready() == 503, "it says that it is ready on a full disk")
        # A homeserver that has waited up to nine minutes is told when there is room again.
        stand.pusher.longest = 600
        time.sleep(5)
        ballast.unlink()
        stand.finish(patience=45)
        stand.check(set(stand.mail.put_off) <= {451}, f"mails were put off with {stand.mail.put_off}")
        stand.check(stand.ready() == 200, "it does not say that it is ready when there is room again")


def _empty_log(disk: Path) -> None:
    """Gives back the room of the write-ahead log, which Penpal would go on to use on a disk that is full."""
    with closing(sqlite3.connect(disk / "penpal.db", timeout=30)) as database:
        emptied = lambda: database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0  # noqa: E731
        until(emptied, "an empty write-ahead log")


def disk_fails(run: Run) -> None:
    """The disk does not take what was written: it says so and ends with 1 instead of working on; the next start goes on."""
    run.needs_sqlite("PostgreSQL's disk is its own matter")
    with FailingDisk(run.directory) as disk, run.chats(20, environment=disk.environment) as stand:
        stand.write(40, 40)
        stand.expect(lambda: len(stand.relay.taken) > 40, "messages flow", 30)
        disk.fail()
        code, said = stand.ended(10)
        stand.check(code == 1 and "disk has failed" in said, f"it ended with {code}: {said[-300:]}")
        disk.recover()
        stand.start()
        stand.finish()
        run.note(f"it said: {said.splitlines()[-1][:300]}")


def disk_hangs(run: Run) -> None:
    """The disk takes its time, and then the power fails: what it has not confirmed is not acknowledged, and reaches nobody."""
    run.needs_sqlite("PostgreSQL's disk is its own matter")
    with (
        ForgetfulDisk(run.directory) as disk,
        run.chats(10, environment=disk.environment, settle=f"{SETTLE}s") as stand,
    ):
        for go_on in (disk.release, lambda: _power_fails(stand, disk)):
            stand.write(3, 3, mail_chats=3)
            _rest(stand)
            before = _heard(stand)
            disk.hold()
            stand.write(3, 3, mail_chats=3)
            _hears_nothing(stand, before)
            go_on()
            stand.finish()
            # What the disk has confirmed becomes an email only now.
            stand.write(3, 0)
            stand.expect(stand.written, "all is taken", 30)
            before = {"emails at the relay": len(stand.relay.taken)}
            disk.hold()
            _hears_nothing(stand, before)
            go_on()
        # What was noted stays noted.
        _rest(stand)
        _power_fails(stand, disk)
        stand.write(3, 3)
        stand.finish()
        stand.check(not stand.judge().doubled_mail, "an email was doubled, though none was at the relay when the power failed")


def _rest(stand: Stand) -> None:
    """All is delivered, and noted."""
    stand.finish()
    time.sleep(NOTING)


def _heard(stand: Stand) -> dict[str, int]:
    """What others have heard from Penpal so far."""
    return {
        "transactions acknowledged": stand.pusher.answers["200"],
        "mails acknowledged": sum(map(len, stand.ledger.into.values())),
        "emails at the relay": len(stand.relay.taken),
        "requests at the homeserver": stand.homeserver.requests,
    }


def _hears_nothing(stand: Stand, before: dict[str, int]) -> None:
    """Gives it time for an email, in which nobody may hear more."""
    time.sleep(2 * SETTLE)
    now = _heard(stand)
    for what, count in before.items():
        stand.check(now[what] == count, f"{now[what] - count} {what} before the disk had confirmed what they came from")


def _power_fails(stand: Stand, disk: ForgetfulDisk) -> None:
    """Everything ends, what the disk has not confirmed is gone, and Penpal starts again."""
    stand.kill()
    disk.cut_power()
    stand.start()


def power_cut(run: Run) -> None:
    """The power fails at random moments, while messages flow both ways: what the disk had not confirmed is gone."""
    run.needs_sqlite("PostgreSQL's disk is its own matter")
    times, chats, beginners = max(8, run.size.kills // 4), 40, 10
    share = run.share(2 * chats + beginners)
    with (
        ForgetfulDisk(run.directory) as disk,
        run.chats(chats, environment=disk.environment, complaints=30 + 3 * times) as stand,
    ):
        for _ in stand.write_through(times, share, share, mail_chats=beginners):
            time.sleep(run.random.uniform(0.02, 1))
            # A slow disk leaves more to lose.
            disk.hold()
            time.sleep(run.random.uniform(0, 0.5))
            _power_fails(stand, disk)
        stand.finish(patience=90)
        run.note(f"{times} power cuts, {stand.judge().doubled_mail / times:.2f} second copies of an email for each")


def disk_full_at_start(run: Run) -> None:
    """It starts on a full disk, with a store and without: it says so and ends, or takes nothing until there is room."""
    with small_disk(run, 48) as disk, run.stand(f"sqlite:{disk}/penpal.db") as stand:
        ballast = fill(disk)
        stand.begin()
        code, said = stand.ended(10)
        clear = code == 1 and "full" in said and "database" in said
        stand.check(clear, f"without a store it ended with {code}: {said[-300:]}")
        stand.penpal.service.kill()
        ballast.unlink()
        stand.start()
        stand.open_chats(5)
        stand.kill()
        ballast = fill(disk)
        stand.begin()
        again, _ = stand.ended(3)
        stand.check(again in (None, 1), f"with a store it ended with {again}")
        stand.write(50, 50)
        time.sleep(5)
        ballast.unlink()
        if again is not None:
            stand.start()
        stand.finish()
        run.note(f"without a store it said: {said.splitlines()[-1][:300]}")


def read_only(run: Run) -> None:
    """It starts on a read-only disk: it says so and ends."""
    with small_disk(run, 16) as disk, run.chats(5, database=f"sqlite:{disk}/penpal.db") as stand:
        stand.penpal.service.stop()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        stand.begin()
        code, said = stand.ended(5)
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        if code is None:
            stand.kill()
        stand.check(
            code == 1 and "read" in said.lower() and "database" in said, f"ended with {code}: {said[-300:]}"
        )
        stand.start()
        stand.write(5, 5)
        stand.finish()
        run.note(f"it said: {said.splitlines()[-1][:300]}")


def locked(run: Run) -> None:
    """Another program holds the write lock of the database, longer than anybody waits for it."""
    run.needs_sqlite("SQLite alone has one writer")
    with run.chats(20) as stand:
        stand.write(20, 20)
        time.sleep(0.3)
        with closing(sqlite3.connect(run.directory / "penpal.db", isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(60 if run.size.thorough else 15)
            other.execute("ROLLBACK")
        stand.finish()


def postgres_restart(run: Run) -> None:
    """PostgreSQL crashes and comes back, again and again, under load."""
    if run.server is None:
        raise LeftOut("needs PostgreSQL")
    times = 10 if run.size.thorough else 3
    with run.chats(40, complaints=30 + 20 * times) as stand:
        share = run.share(80, least=20)
        for _ in stand.write_through(times, share, share):
            time.sleep(run.random.uniform(0.2, 1))
            run.server.crash()
            time.sleep(run.random.uniform(0.2, 2))
            run.server.start()
        stand.finish()


def postgres_read_only(run: Run) -> None:
    """The database may only be read for a while, as when its primary changes: nothing is acknowledged, nothing leaves, and all goes
    on when it may be written again.
    """
    if run.server is None:
        raise LeftOut("needs PostgreSQL")
    url = run.server.create()
    with run.chats(20, database=url, complaints=200) as stand:
        stand.permit(100)
        stand.write(40, 20)
        stand.expect(lambda: len(stand.relay.taken) > 40, "messages flow", 30)
        run.server.only_reads(url, True)
        time.sleep(2)
        stand.permit(float("inf"))
        refused = lambda: stand.pusher.answers["500"] and stand.mail.put_off.get(451)  # noqa: E731
        stand.expect(refused, "500 and 451 while nothing can be written", 30)
        before = _heard(stand)
        time.sleep(20 if run.size.thorough else 6)
        for what, count in _heard(stand).items():
            stand.check(count == before[what], f"{count - before[what]} {what} while nothing could be written")
        stand.check(stand.ready() == 503, "it says that it is ready while nothing can be written")
        # A homeserver that has waited up to nine minutes is told when it may be written again.
        stand.pusher.longest = 600
        time.sleep(5)
        run.server.only_reads(url, False)
        stand.finish(patience=45)
        stand.check(not stand.judge().doubled_mail, "an email left twice, though nobody had crashed")
        stand.check(set(stand.mail.put_off) <= {451}, f"mails were put off with {stand.mail.put_off}")
        stand.check(stand.ready() == 200, "it does not say that it is ready when it may be written again")


def clock_steps(run: Run) -> None:
    """The clock steps: days forward while mail waits, and a day back. Nothing is given up, nothing stands still."""
    with ShiftedClock(run.directory) as clock, run.chats(10, environment=clock.environment) as stand:
        for step in (3 * 86_400, -86_400, -3600, 7 * 86_400):
            stand.relay.trouble = lambda verb, *_: "451 4.3.0 later" if verb == "RCPT" else None
            stand.homeserver.stop()
            stand.write(3, 3)
            stand.expect(stand.written, "all is taken", 30)
            time.sleep(1)
            clock.step(step)
            time.sleep(1)
            stand.relay.trouble = lambda *_about: None
            stand.homeserver.start()
            began = time.monotonic()
            stand.finish(patience=20)
            ahead = stand.clock() - clock.now()
            stand.check(abs(ahead) < 600, f"after a step of {step} s Penpal's clock is {ahead:.0f} s ahead of the one that was set")
            if time.monotonic() - began > 15:
                stand.violations.append(f"after a step of {step} s it took {time.monotonic() - began:.0f} s")
            if stand.done() < stand.ledger.messages():
                break
