"""What was promised, and what came of it: lost, doubled, out of order, told."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from lab.faults.homeserver import Homeserver
from lab.faults.relay import FailingRelay, Source, Taken

# Seconds within which a process that lives has noted the relay's answer, also on a busy machine.
NOTING = 5

# Emails that a process has on their way at once (`LANES_AT_ONCE` in `worker/mod.rs`): more can't be sent again because it died.
AT_ONCE = 32

# A message says which chat it is for and which one it is there.
OUT = "out {chat} {number} end"
IN = "in {chat} {number} end"
_OUT = re.compile(rb"out (\d+) (\d+) end")
_IN = re.compile(r"in (\d+) (\d+) end")


def event_id(chat: int, number: int) -> str:
    """The ID of the event by which somebody on Matrix says a message."""
    return f"$out-{chat}-{number}"


@dataclass
class Ledger:
    """Fills up while messages are handed over and acknowledged."""

    # For each chat, the numbers that Penpal is answerable for, in the order in which they were handed over.
    out: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    into: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    # What shall not arrive, but be told about in the chat.
    told: set[tuple[int, int]] = field(default_factory=set)
    told_in: set[tuple[int, int]] = field(default_factory=set)
    # Processes that ended or stood still, each from when until when: what the relay answered them then, they may not have noted.
    lapses: dict[Source, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def lapse_of(self, taken: Taken) -> tuple[float, float] | None:
        """The lapse in which the process that sent this email may have had no time to note the relay's answer."""
        return next(((begin, end) for begin, end in self.lapses.get(taken.source, []) if begin < taken.at < end), None)

    def lapse(self, source: Source, begin: float, end: float) -> None:
        """A process ended, or stood still. What was on its way then, the relay may have seen a moment later."""
        self.lapses[source].append((begin - NOTING, end + 1))

    def messages(self) -> int:
        """How many there are, both ways."""
        return sum(map(len, self.out.values())) + sum(map(len, self.into.values()))


@dataclass
class Outcome:
    """What came of it."""

    lost: int = 0
    doubled_matrix: int = 0
    doubled_mail: int = 0
    out_of_order: int = 0
    # Whatever breaks a promise, in words; the first few of each kind.
    violations: list[str] = field(default_factory=list)


def mailed(relay: FailingRelay) -> dict[int, list[tuple[int, Taken]]]:
    """The messages that the relay has taken, for each chat in their order."""
    found = defaultdict(list)
    for taken in list(relay.taken):
        for chat, number in _OUT.findall(taken.raw):
            found[int(chat)].append((int(number), taken))
    return found


def shown(homeserver: Homeserver) -> dict[int, list[int]]:
    """The messages that the puppets have said, for each chat in their order."""
    found = defaultdict(list)
    for room in list(homeserver.rooms.values()):
        for sent in list(room.sent):
            for chat, number in _IN.findall(str(sent.content.get("body", ""))):
                found[int(chat)].append(int(number))
    return found


def notices(homeserver: Homeserver) -> dict[str, int]:
    """How often each event was answered by a notice."""
    found: dict[str, int] = defaultdict(int)
    for room in list(homeserver.rooms.values()):
        for sent in list(room.sent):
            about = sent.content.get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id")
            if sent.content.get("msgtype") == "m.notice" and about:
                found[about] += 1
    return found


def delivered(ledger: Ledger, homeserver: Homeserver, relay: FailingRelay) -> int:
    """How many messages have come to their end: arrived, or told about."""
    out, into, told = mailed(relay), shown(homeserver), notices(homeserver)
    done = sum(len({number for number, _ in found}) for found in out.values())
    done += sum(len(set(numbers)) for numbers in into.values())
    done += sum(1 for chat, number in ledger.told if told.get(event_id(chat, number)))
    return done + len(ledger.told_in)


def judge(ledger: Ledger, homeserver: Homeserver, relay: FailingRelay) -> Outcome:
    """Holds what came against what was promised."""
    outcome = Outcome()
    out, into, told = mailed(relay), shown(homeserver), notices(homeserver)
    lost = []
    for chat, numbers in ledger.out.items():
        come = [number for number, _ in out.get(chat, [])]
        expected = [number for number in numbers if (chat, number) not in ledger.told]
        lost += [f"out {chat} {number}" for number in sorted(set(expected) - set(come))]
        outcome.out_of_order += _disorder(come, numbers)
    for chat, numbers in ledger.into.items():
        come = into.get(chat, [])
        expected = [number for number in numbers if (chat, number) not in ledger.told_in]
        lost += [f"in {chat} {number}" for number in sorted(set(expected) - set(come))]
        outcome.out_of_order += _disorder(come, numbers)
        outcome.doubled_matrix += len(come) - len(set(come))
    outcome.lost = len(lost)
    if lost:
        outcome.violations.append(f"lost: {', '.join(lost[:5])}{' …' if len(lost) > 5 else ''}")
    if outcome.doubled_matrix:
        outcome.violations.append(f"{outcome.doubled_matrix} messages doubled in the rooms")
    if outcome.out_of_order:
        outcome.violations.append(f"{outcome.out_of_order} messages out of order")
    for chat, number in sorted(ledger.told):
        if told.get(event_id(chat, number)) != 1:
            outcome.violations.append(f"out {chat} {number}: told {told.get(event_id(chat, number), 0)} times")
    excused: dict[tuple[Source, tuple[float, float]], set[str]] = defaultdict(set)
    for chat, found in out.items():
        outcome.doubled_mail += _mail_doubles(chat, found, ledger, outcome.violations, excused)
    for (source, _), emails in excused.items():
        if len(emails) > AT_ONCE:
            outcome.violations.append(f"{len(emails)} emails of {source} came again: it had {AT_ONCE} on their way at most")
    return outcome


def _mail_doubles(
    chat: int,
    found: list[tuple[int, Taken]],
    ledger: Ledger,
    violations: list[str],
    excused: dict[tuple[Source, tuple[float, float]], set[str]],
) -> int:
    """Counts second copies. One is allowed when the first was not answered, or the process that sent it did not live to
    note the answer, which is then noted as its excuse; and it must be the same email, byte for byte.
    """
    last: dict[int, Taken] = {}
    # For each process its latest email here: one that goes on in a lane has noted what became of the email before.
    latest: dict[Source, Taken] = {}
    doubles = 0
    for number, taken in found:
        earlier = last.get(number)
        last[number] = taken
        went_on = earlier and latest[earlier.source].message_id != earlier.message_id
        latest[taken.source] = taken
        if earlier is None or earlier is taken:
            continue
        doubles += 1
        lapse = ledger.lapse_of(earlier)
        if (taken.message_id, taken.digest) != (earlier.message_id, earlier.digest):
            violations.append(f"out {chat} {number}: came twice, and not as the same email")
        elif not earlier.answered:
            continue
        elif taken.source == earlier.source or went_on or lapse is None:
            violations.append(
                f"out {chat} {number}: came again {taken.at - earlier.at:.1f} s later from {taken.source}, though"
                f" {earlier.source} had heard the 250{' and gone on' if went_on else ''}"
            )
        else:
            excused[earlier.source, lapse].add(taken.message_id)
    return doubles


def _disorder(come: list[int], promised: list[int]) -> int:
    """How many messages came after one that was handed over later; a second copy is not one of them."""
    place = {number: position for position, number in enumerate(promised)}
    highest, wrong, seen = -1, 0, set()
    for number in come:
        if number in seen or number not in place:
            continue
        seen.add(number)
        if place[number] < highest:
            wrong += 1
        highest = max(highest, place[number])
    return wrong
