"""Scenarios in which three processes share one PostgreSQL: each takes transactions and mail, and one of them is in trouble."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab.faults.homeserver import Trouble
from lab.faults.orderly import stop_orderly
from lab.faults.run import LeftOut, Run
from lab.faults.stand import Stand

TEAM = 3

# Seconds for which a lane is a process's own.
LEASE = 60

# Chats that are open, and chats that a mail opens.
CHATS, BEGINNERS = 50, 10


def _share(run: Run) -> int:
    """Messages for each chat and direction."""
    return run.share(2 * CHATS, least=6)


@contextmanager
def _team(run: Run, **about: object) -> Iterator[Stand]:
    """Three processes. Of every ten transactions one is answered into the void, and goes to the next process while the first may
    still be at it.
    """
    if not run.on_postgres:
        raise LeftOut("needs PostgreSQL")
    with run.chats(CHATS, team=TEAM, **about) as stand:
        stand.pusher.loses = lambda: run.random.random() < 0.1
        # A load balancer does not wait for long either.
        stand.pusher.patience = stand.mail.patience = 5
        yield stand


def several_killed(run: Run) -> None:
    """Three processes on one PostgreSQL: `kill -9` for one of them, at random, again and again."""
    share = _share(run)
    with _team(run, complaints=30 + 3 * run.size.kills) as stand:
        for _ in stand.write_through(run.size.kills, share, share, mail_chats=BEGINNERS):
            time.sleep(run.random.uniform(0.02, 1.5) ** 2 / 1.5)
            who = run.random.choice(stand.team)
            stand.kill(who)
            stand.begin(who)
        stand.finish(patience=90)
        per_kill = stand.judge().doubled_mail / max(1, run.size.kills)
        run.note(f"{run.size.kills} kills, {per_kill:.2f} second copies of an email for each")


def several_frozen(run: Run) -> None:
    """Three processes on one PostgreSQL: one is frozen in the middle of work, until the others have done that, and
    woken while they are at work again. Its late writes count for nothing, and it sends nothing any more.
    """
    share = _share(run) // 2
    with _team(run, complaints=200) as stand:
        for who in stand.team if run.size.thorough else stand.team[:1]:
            busy = stand.door(who)
            # Frozen in each of three places: before the message, after it, and while the homeserver answers.
            stand.relay.late_at_rcpt = lambda port, recipient: 2 * (port == busy and recipient[-13] in "02468")  # noqa: B023
            stand.relay.late = lambda recipient: 2 * (recipient[-13] in "13579")
            stand.homeserver.trouble = lambda _request: Trouble(late=run.random.choice((0, 0.5)))
            stand.write(share, share, mail_chats=BEGINNERS)
            time.sleep(run.random.uniform(1, 2))
            with stand.frozen(who):
                stand.relay.late_at_rcpt = lambda _port, _recipient: 0
                stand.relay.late = lambda _recipient: 0
                stand.homeserver.trouble = lambda _request: None
                # What it was at goes on when its leases have run out.
                stand.finish(patience=90)
                stand.relay.late = lambda _recipient: 0.5
                stand.write(share, share)
                time.sleep(1)
            stand.relay.late = lambda _recipient: 0
            stand.finish(patience=90)
        run.note(f"{stand.judge().doubled_mail} second copies of an email whose answer the frozen process could not note")


def several_postgres_restart(run: Run) -> None:
    """Three processes on one PostgreSQL, which crashes and comes back, again and again, under load."""
    times = 10 if run.size.thorough else 3
    share = _share(run)
    with _team(run, complaints=30 + 60 * times) as stand:
        for _ in stand.write_through(times, share, share):
            time.sleep(run.random.uniform(0.2, 1))
            run.server.crash()
            time.sleep(run.random.uniform(0.2, 2))
            run.server.start()
        stand.finish(patience=90)


def several_postgres_gone(run: Run) -> None:
    """Three processes on one PostgreSQL, which is away for longer than a lease while the relay takes emails: who sent one notes it
    when the database is back, and nobody else sends it again meanwhile.
    """
    if not run.size.thorough:
        raise LeftOut("takes longer than a lease")
    share = _share(run) // 4
    with _team(run, complaints=1000) as stand:
        stand.relay.late = lambda _recipient: 3
        stand.write(share, share, mail_chats=BEGINNERS)
        for _ in range(2):
            before = len(stand.relay.taken)
            stand.expect(lambda: len(stand.relay.taken) > before + TEAM, "emails on their way")  # noqa: B023
            run.server.crash()
            time.sleep(LEASE * 1.2)
            run.server.start()
        stand.relay.late = lambda _recipient: 0
        stand.finish(patience=90)
        stand.check(not stand.judge().doubled_mail, "an email left twice, though nobody had crashed")


def several_rolling_restart(run: Run) -> None:
    """Three processes on one PostgreSQL: each is stopped by SIGTERM and started again, one after another, under load.
    Nothing is doubled, and nothing waits for a lease to run out.
    """
    rounds = 5 if run.size.thorough else 2
    share = _share(run)
    with _team(run) as stand:
        slowest = 0.0
        for step in stand.write_through(rounds * TEAM, share, share):
            time.sleep(run.random.uniform(0.2, 1))
            who = stand.team[step % TEAM]
            slowest = max(slowest, stop_orderly(stand, who))
            stand.start(who)
        stand.expect(stand.written, "all is taken", 300)
        began = time.monotonic()
        stand.finish(patience=90)
        waited = time.monotonic() - began
        stand.check(waited < 20, f"after the last restart it took {waited:.0f} s until all was delivered")
        stand.check(not stand.judge().doubled_mail, "an orderly stop doubled an email")
        run.note(f"each ended after at most {slowest:.1f} s; all was delivered {waited:.1f} s after the last message")
