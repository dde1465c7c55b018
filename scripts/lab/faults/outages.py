"""Scenarios in which the homeserver or the relay is in trouble."""

import json
import time

from lab.faults.homeserver import Request, Trouble
from lab.faults.ledger import OUT, event_id, notices
from lab.faults.relay import CLOSE, TAKE_AND_CLOSE
from lab.faults.run import Run
from lab.faults.stand import Stand
from lab.faults.traffic import say

# Those who hand something over must not feel that the other side is in trouble: seconds for one answer.
PROMPT = 5


def _prompt(stand: Stand) -> None:
    stand.check(stand.pusher.slowest < PROMPT, f"a transaction took {stand.pusher.slowest:.1f} s")
    stand.check(stand.mail.slowest < PROMPT, f"taking a mail took {stand.mail.slowest:.1f} s")
    stand.check(not stand.mail.put_off, f"mails were put off: {stand.mail.put_off}")
    bad = {said: times for said, times in stand.pusher.answers.items() if said != "200"}
    stand.check(not bad, f"transactions were refused: {bad}")


def homeserver_down(run: Run) -> None:
    """The homeserver does not listen for a while: mail is taken all the same, and what is said goes out."""
    with run.chats(40) as stand:
        stand.homeserver.stop()
        share = run.share(80)
        stand.write(share, share)
        wanted = 40 * (share + 1)
        stand.expect(lambda: len(stand.relay.taken) >= wanted, "emails leave while the homeserver is down", 120)
        stand.expect(stand.written, "mail is taken while the homeserver is down", 120)
        time.sleep(10 if run.size.thorough else 3)
        stand.homeserver.start()
        stand.finish()
        _prompt(stand)


def homeserver_slow(run: Run) -> None:
    """The homeserver takes its time for every answer."""
    late = 10 if run.size.thorough else 1.5
    with run.chats(20) as stand:
        stand.homeserver.trouble = lambda _request: Trouble(late=late)
        stand.write(20, 2)
        stand.expect(lambda: len(stand.relay.taken) >= 20 * 21, "emails leave while the homeserver is slow", 60)
        stand.finish(patience=60 + 10 * late)
        _prompt(stand)


def homeserver_errors(run: Run) -> None:
    """Most requests fail: 429 with a wait, 500, 502 with a page, answers lost after the request was carried out."""
    refused = {"errcode": "M_LIMIT_EXCEEDED", "error": "slow down", "retry_after_ms": 300}
    unknown = {"errcode": "M_UNKNOWN", "error": "database"}
    kinds = [
        Trouble(429, json.dumps(refused).encode()),
        Trouble(429, b"{}", headers={"Retry-After": "1"}),
        Trouble(500, json.dumps(unknown).encode()),
        Trouble(502, b"<html><body>Bad Gateway</body></html>", "text/html"),
        Trouble(lost=True),
        Trouble(lost=True),
        Trouble(200, b'{"event_id": "$cut', headers={"Content-Length": "500"}),
    ]

    def trouble(_request: Request) -> Trouble | None:
        return run.random.choice(kinds) if run.random.random() < 0.5 else None

    with run.chats(40) as stand:
        stand.homeserver.trouble = trouble
        share = run.share(80)
        stand.write(share, share, mail_chats=10)
        stand.finish()
        _prompt(stand)


def relay_down(run: Run) -> None:
    """The relay does not listen for a while: transactions are taken all the same, and mail comes in."""
    with run.chats(40) as stand:
        stand.relay.stop()
        share = run.share(80)
        stand.write(share, share)
        stand.expect(stand.written, "all is taken while the relay is down", 120)
        stand.expect(lambda: stand.homeserver.said() >= 40 * share, "mail comes in while the relay is down", 120)
        time.sleep(10 if run.size.thorough else 3)
        stand.relay.start()
        stand.finish()
        _prompt(stand)


def relay_greylist(run: Run) -> None:
    """The relay puts off what it sees for the first time, at RCPT for some, after the message for others."""
    seen: dict[str, float] = {}

    def trouble(verb: str, recipient: str, raw: bytes) -> str | None:
        wanted = "DATA" if recipient[6:7] in "02468" else "RCPT"
        if verb != wanted:
            return None
        key = recipient if verb == "RCPT" else str(hash(raw))
        first = seen.setdefault(key, time.monotonic())
        return None if time.monotonic() - first > 0.5 else "451 4.7.1 greylisted, come back"

    with run.chats(20) as stand:
        stand.relay.trouble = trouble
        stand.write(run.share(200), run.share(80))
        stand.finish()
        _prompt(stand)


def relay_refuses_after_data(run: Run) -> None:
    """Some messages are refused for good after DATA: each is told about in its chat, and the next ones go out."""
    with run.chats(20, complaints=200) as stand:
        share = min(20, run.share(40))
        refused = {(chat.number, number) for chat in stand.chats for number in range(2, share + 1, 4)}
        marks = [OUT.format(chat=chat, number=number).encode() for chat, number in refused]
        stand.ledger.told |= refused
        stand.relay.trouble = lambda verb, _recipient, raw: (
            "554 5.7.1 not this one" if verb == "DATA" and any(mark in raw for mark in marks) else None
        )
        stand.write(share, share)
        stand.finish()
        _prompt(stand)


def relay_closes(run: Run) -> None:
    """The relay hangs up at any moment, also when it has taken the message."""

    def trouble(verb: str, _recipient: str, _raw: bytes) -> str | None:
        if run.random.random() > 0.2:
            return None
        return run.random.choice((CLOSE, TAKE_AND_CLOSE)) if verb == "DATA" else CLOSE

    with run.chats(40) as stand:
        stand.relay.trouble = trouble
        share = run.share(80)
        stand.write(share, share)
        stand.finish()
        _prompt(stand)


def relay_slow(run: Run) -> None:
    """The relay takes its time for every message: nobody else waits for it."""
    late = 10 if run.size.thorough else 1.5
    with run.chats(20) as stand:
        stand.relay.late = lambda _recipient: late
        stand.write(2, 20)
        stand.expect(lambda: stand.homeserver.said() >= 20 * 20, "mail comes in while the relay is slow", 60)
        stand.finish(patience=60 + 10 * late)
        _prompt(stand)


def poison(run: Run) -> None:
    """A message that fails each time, either way: it steps aside after the configured time, with a notice; the next
    ones of its chat wait for it, and nobody else does.
    """
    patience = 12
    with run.chats(10, queue={"give_up_after": f"{patience}s"}) as stand:
        bad = b"out 0 1 end"
        stand.relay.trouble = lambda verb, _recipient, raw: "451 4.3.0 no" if verb == "DATA" and bad in raw else None
        stand.homeserver.trouble = lambda request: (
            Trouble(500, b'{"errcode": "M_UNKNOWN", "error": "no"}') if "in 1 1 end" in str(request.body) else None
        )
        stand.ledger.told.add((0, 1))
        stand.ledger.told_in.add((1, 1))
        began = time.monotonic()
        stand.write(10, 10)
        others = [chat for chat in stand.chats if chat.number > 1]

        def all_others() -> bool:
            found = {(taken.recipient, taken.message_id) for taken in list(stand.relay.taken)}
            return sum(recipient in {chat.address for chat in others} for recipient, _ in found) >= 11 * len(others)

        stand.expect(all_others, "the other chats go on", 30)
        stand.check(time.monotonic() - began < patience, "the other chats waited for the poisoned message")
        stand.finish()
        said = [sent.content.get("body", "") for sent in stand.homeserver.rooms[stand.chats[1].room].sent]
        told = sum("could not be shown" in body for body in said)
        stand.check(told == 1, f"the mail that could not be shown was told about {told} times")
        _prompt(stand)


def slow_media(run: Run) -> None:
    """Many people send pictures which the homeserver hardly gives out: what others write does not wait for them."""
    late = 10 if run.size.thorough else 5
    with run.chats(30) as stand:
        picture = Trouble(200, b"picture", "image/png", late=late)
        stand.homeserver.trouble = lambda request: picture if "/media/download/" in request.path else None
        for chat in stand.chats[:20]:
            say(stand.pusher, stand.ledger, chat, 1, picture=True)
        stand.expect(lambda: not stand.pusher.waiting(), "the pictures are taken", 10)
        time.sleep(0.5)
        began, before = time.monotonic(), len(stand.relay.taken)
        for number in range(1, 4):
            for chat in stand.chats[20:]:
                say(stand.pusher, stand.ledger, chat, number)
        stand.expect(lambda: len(stand.relay.taken) >= before + 30, "what others write leaves", late * 10)
        took = time.monotonic() - began
        stand.check(took < late, f"what others write waited {took:.1f} s for slow downloads")
        stand.finish(patience=60 + 10 * late)
        _prompt(stand)


def busy_portals(run: Run) -> None:
    """Very many chats busy at once, and the relay away in the middle of it."""
    count = 10_000 if run.size.thorough else 500
    with run.chats(count, memory=200) as stand:
        stand.relay.stop()
        stand.write(1, 1)
        stand.expect(stand.written, "all is taken while the relay is down", 600)
        stand.relay.start()
        stand.finish(patience=120)


def told_once(run: Run) -> None:
    """A refusal whose notice is sent while the homeserver loses answers: the user reads it once."""
    with run.chats(5) as stand:
        stand.homeserver.trouble = lambda request: (
            Trouble(lost=True) if "/send/" in request.path and run.random.random() < 0.7 else None
        )
        stand.relay.trouble = lambda verb, *_: "550 5.1.1 nobody" if verb == "RCPT" else None
        stand.ledger.told |= {(chat.number, 1) for chat in stand.chats}
        for chat in stand.chats:
            say(stand.pusher, stand.ledger, chat, 1)
        wanted = {event_id(chat.number, 1) for chat in stand.chats}
        stand.expect(lambda: wanted <= set(notices(stand.homeserver)), "every refusal is told about", 60)
        stand.finish()

