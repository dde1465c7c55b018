"""People who chat and mail: messages in both directions, handed over as homeservers and mail servers do."""

import smtplib
import threading
import time
from dataclasses import dataclass
from email.message import EmailMessage

from lab.faults.appservice import Pusher
from lab.faults.ledger import IN, OUT, Ledger, event_id
from lab.lab import SERVER_NAME, puppet_of

BOB = f"@bob:{SERVER_NAME}"


@dataclass(frozen=True)
class Chat:
    """One chat: a room of Bob's with one person."""

    number: int

    @property
    def address(self) -> str:
        """The person's address."""
        return f"person{self.number}@example.org"

    @property
    def puppet(self) -> str:
        """The person's puppet."""
        return puppet_of(self.address)

    @property
    def room(self) -> str:
        """The room, when Bob has opened it."""
        return f"!chat{self.number}:{SERVER_NAME}"


def media_id(chat: Chat, number: int) -> str:
    """By what the homeserver knows the picture of a message."""
    return f"{chat.number}x{number}"


def say(pusher: Pusher, ledger: Ledger, chat: Chat, number: int, picture: bool = False) -> None:
    """Bob says a message, or shows a picture with it; from here on it is promised."""
    ledger.out[chat.number].append(number)
    content = {"msgtype": "m.text", "body": OUT.format(chat=chat.number, number=number)}
    if picture:
        shown = f"mxc://{SERVER_NAME}/{media_id(chat, number)}"
        content |= {"msgtype": "m.image", "filename": "picture.png", "url": shown}
    pusher.push(
        {
            "type": "m.room.message",
            "room_id": chat.room,
            "sender": BOB,
            "event_id": event_id(chat.number, number),
            "origin_server_ts": int(time.time() * 1000),
            "content": content,
        }
    )


class MailServer:
    """The mail server in front: hands each email over by LMTP, again and again until Penpal answers for good."""

    def __init__(self, ports: list[int], ledger: Ledger):
        self._ports = ports
        self._ledger = ledger
        self._sessions: dict[int, smtplib.LMTP] = {}
        self._attempts = 0
        # Seconds that one command may take.
        self.patience = 60.0
        # Replies that were no 250: code to how often; and the longest that one took, in seconds.
        self.put_off: dict[int, int] = {}
        self.slowest = 0.0
        self.stopped = threading.Event()

    def deliver(self, chat: Chat, number: int, to: str, more: dict[str, str] | None = None) -> bool:
        """One email; true when it was taken. Waits between the attempts, as a mail server does, but not for hours."""
        return self.hand_over(chat, number, to, self.letter(chat, number, to, more or {}))

    @staticmethod
    def letter(chat: Chat, number: int, to: str, more: dict[str, str], file: bytes | None = None) -> bytes:
        """An email, perhaps with a file, as it goes over the network."""
        message = EmailMessage()
        message["From"] = f"Person {chat.number} <{chat.address}>"
        message["To"] = to
        message["Subject"] = f"About {chat.number}"
        message["Message-ID"] = f"<{chat.number}.{number}@mail.example.org>"
        message["Date"] = "Sat, 21 Nov 2026 12:00:00 +0000"
        for name, value in more.items():
            message[name] = value
        message.set_content(IN.format(chat=chat.number, number=number))
        if file is not None:
            message.add_attachment(file, "application", "octet-stream", filename="film.bin")
        return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def hand_over(self, chat: Chat, number: int, to: str, raw: bytes) -> bool:
        """Brings an email until it is taken, or refused for good."""
        wait = 0.02
        while not self.stopped.is_set():
            code = self._attempt(chat.address, to, raw)
            if code == 250:
                self._ledger.into[chat.number].append(number)
                return True
            self.put_off[code] = self.put_off.get(code, 0) + 1
            if code >= 500:
                return False
            self.stopped.wait(wait)
            wait = min(wait * 2, 0.5)
        return False

    def _attempt(self, sender: str, to: str, raw: bytes) -> int:
        """The reply code; 421 also when there was none."""
        begin, thread = time.monotonic(), threading.get_ident()
        try:
            session = self._sessions.get(thread)
            if session is None:
                self._attempts += 1
                session = smtplib.LMTP("127.0.0.1", self._ports[self._attempts % len(self._ports)], timeout=self.patience)
                self._sessions[thread] = session
            session.sendmail(sender, [to], raw)
            return 250
        except smtplib.SMTPRecipientsRefused as refused:
            return refused.recipients[to][0]
        except smtplib.SMTPResponseException as refused:
            self._hang_up(thread)
            return refused.smtp_code
        except (OSError, smtplib.SMTPException):
            self._hang_up(thread)
            return 421
        finally:
            self.slowest = max(self.slowest, time.monotonic() - begin)

    def _hang_up(self, thread: int) -> None:
        if session := self._sessions.pop(thread, None):
            session.close()
