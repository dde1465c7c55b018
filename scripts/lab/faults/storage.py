"""Scenarios in which the database or the clock is in trouble."""

import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.faults.clock import ShiftedClock
from lab.faults.run import LeftOut, Run


@contextmanager
def _small_disk(run: Run, megabytes: int) -> Iterator[Path]:
    """A disk of its own for the database, gone afterwards."""
    if run.on_postgres:
        raise LeftOut("PostgreSQL's disk is its own matter")
    if os.geteuid() != 0:
        raise LeftOut("only root may mount a small disk")
    disk = run.directory / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", disk], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        raise LeftOut(f"a small disk can't be mounted: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        # Lazily: a file may still be open in a process that is just ending.
        subprocess.run(["umount", "-l", disk], check=False)


def _fill(disk: Path) -> Path:
    """Leaves no room on a disk; the file that does gives it back."""
    ballast = disk / "ballast"
    with open(ballast, "ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return ballast


def disk_full(run: Run) -> None:
    """The disk of the database fills up: nothing more is acknowledged, and all goes on when there is room again."""
    with _small_disk(run, 24) as disk, run.stand(f"sqlite:{disk}/penpal.db", complaints=80) as stand:
        stand.start()
        stand.open_chats(20)
        stand.permit(100)
        stand.write(40, 20)
        stand.expect(lambda: len(stand.relay.taken) > 40, "messages flow", 30)
        ballast = _fill(disk)
        stand.permit(float("inf"))
        refused_before = sum(stand.pusher.answers.values())
        refused = lambda: stand.pusher.answers["500"] and stand.mail.put_off.get(451)  # noqa: E731
        stand.expect(refused, "500 and 451 on a full disk", 30)
        time.sleep(20 if run.size.thorough else 6)
        stand.check(sum(stand.pusher.answers.values()) > refused_before, "transactions are not answered any more")
        # A homeserver that has waited up to nine minutes is told when there is room again.
        stand.pusher.longest = 600
        time.sleep(5)
        ballast.unlink()
        stand.finish(patience=45)
        stand.check(set(stand.mail.put_off) <= {451}, f"mails were put off with {stand.mail.put_off}")


def disk_full_at_start(run: Run) -> None:
    """It starts on a full disk, with a store and without: it says so and ends, or takes nothing until there is room."""
    with _small_disk(run, 16) as disk, run.stand(f"sqlite:{disk}/penpal.db") as stand:
        ballast = _fill(disk)
        stand.begin()
        code, said = stand.penpal.service.ended(10), stand.penpal.service.tail(3)
        clear = code == 1 and "full" in said and "database" in said
        stand.check(clear, f"without a store it ended with {code}: {said[-300:]}")
        stand.penpal.service.kill()
        ballast.unlink()
        stand.start()
        stand.open_chats(5)
        stand.kill()
        ballast = _fill(disk)
        stand.begin()
        again = stand.penpal.service.ended(3)
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
    with _small_disk(run, 16) as disk, run.stand(f"sqlite:{disk}/penpal.db") as stand:
        stand.start()
        stand.open_chats(5)
        stand.penpal.service.stop()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        stand.begin()
        code, said = stand.penpal.service.ended(5), stand.penpal.service.tail(3)
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
    if run.on_postgres:
        raise LeftOut("SQLite alone has one writer")
    with run.stand() as stand:
        stand.start()
        stand.open_chats(20)
        stand.write(20, 20)
        time.sleep(0.3)
        with sqlite3.connect(run.directory / "penpal.db", isolation_level=None, timeout=30) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(60 if run.size.thorough else 15)
            other.execute("ROLLBACK")
        other.close()
        stand.finish()


def postgres_restart(run: Run) -> None:
    """PostgreSQL crashes and comes back, again and again, under load."""
    if run.server is None:
        raise LeftOut("needs PostgreSQL")
    times = 10 if run.size.thorough else 3
    with run.stand(complaints=30 + 20 * times) as stand:
        stand.start()
        stand.open_chats(40)
        share = max(20, run.size.messages // 80)
        stand.permit(0)
        stand.write(share, share)
        for number in range(times):
            stand.permit(80 * share * (number + 1) // (times + 1))
            time.sleep(run.random.uniform(0.2, 1))
            run.server.crash()
            time.sleep(run.random.uniform(0.2, 2))
            run.server.start()
        stand.permit(float("inf"))
        stand.finish()


def clock_steps(run: Run) -> None:
    """The clock steps: days forward while mail waits, and a day back. Nothing is given up, nothing stands still."""
    with ShiftedClock(run.directory) as clock, run.stand() as stand:
        stand.penpal.service.environment |= clock.environment
        stand.start()
        stand.open_chats(10)
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
            if time.monotonic() - began > 15:
                stand.violations.append(f"after a step of {step} s it took {time.monotonic() - began:.0f} s")
            if stand.done() < stand.ledger.messages():
                break
