"""Both sides on one terminal: the chat as Bob's client shows it, the mail as Alice's program shows it."""

import os
import shutil
import sys
import textwrap
import threading
import time

from lab.matrix import Room
from lab.relay import Caught

COLOURS = {"matrix": "36", "email": "33", "check": "32", "wrong": "31", "penpal": "2"}
GUTTER = 17


class Screen:
    """Prints lines, each with the side it belongs to; safe to use from several threads."""

    def __init__(self):
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._width = max(shutil.get_terminal_size((120, 0)).columns - GUTTER, 40)
        self._lock = threading.Lock()
        self._begin = time.monotonic()
        self._members: dict[tuple[str, str], dict] = {}

    def block(self, side: str, lines: list[str]) -> None:
        """One piece of one side."""
        gutter = f"{time.monotonic() - self._begin:6.1f}  {side:<7}"
        if self._colour:
            gutter = f"\033[{COLOURS[side]}m{gutter}\033[0m"
        with self._lock:
            for line in "\n".join(lines).split("\n"):
                for wrapped in textwrap.wrap(line, self._width, replace_whitespace=False, break_long_words=False) or [""]:
                    print(f"{gutter}| {wrapped}", flush=True)

    def say(self, text: str) -> None:
        """What is being done now."""
        self.block("penpal", text.split("\n"))

    def seen(self, text: str) -> None:
        """A requirement that was just met before our eyes."""
        self.block("check", [f"ok: {text}"])

    def wrong(self, text: str) -> None:
        """A requirement that was not."""
        self.block("wrong", text.split("\n"))

    def plain(self, text: str) -> None:
        """Text of others, such as a log, as it is."""
        with self._lock:
            print(text, flush=True)

    def mail(self, caught: Caught) -> None:
        """An email as a mail program shows it, with the headers that make threads."""
        lines = ["", f"----- an email for {', '.join(caught.recipients)} ({caught.path.name}) -----"]
        for name in ("From", "To", "Reply-To", "Subject", "Message-ID", "In-Reply-To", "References"):
            if value := caught.header(name):
                lines.append(f"{name}: {value}")
        lines += ["", *caught.body("plain").rstrip().split("\n"), ""]
        if html := caught.body("html"):
            lines.append(f"[also as HTML: {' '.join(html.split())[:300]}]")
        lines += [f"[attachment: {file.name}, {file.type}, {len(file.data)} bytes]" for file in caught.attachments()]
        self.block("email", lines)

    def event(self, room: Room, event: dict) -> None:
        """An event of a chat as a client shows it."""
        if event["type"] == "m.room.member":
            # An invitation is synced twice: stripped before the join, and whole after it.
            known = (room.id, event["state_key"])
            if self._members.get(known) == event["content"]:
                return
            self._members[known] = event["content"]
        if line := _line(room, event):
            name = room.content("m.room.name").get("name") or _other(room, event)
            self.block("matrix", [f"[{name}] {line}"])


def _name(room: Room, user: str) -> str:
    return room.content("m.room.member", user).get("displayname") or user


def _other(room: Room, event: dict) -> str:
    members = [user for kind, user in room.state if kind == "m.room.member" and user.startswith("@_email_")]
    return _name(room, members[0]) if members else _name(room, event["sender"])


def _line(room: Room, event: dict) -> str:
    sender, content = _name(room, event["sender"]), event.get("content", {})
    if event["type"] == "m.room.member":
        who = content.get("displayname") or event["state_key"]
        reason = f" ({content['reason']})" if content.get("reason") else ""
        direct = " to a direct chat" if content.get("is_direct") else ""
        before = event.get("unsigned", {}).get("prev_content", {})
        if before.get("membership") == content.get("membership") == "join":
            return f"* {before.get('displayname')} is now called {who}"
        verb = {"invite": f"was invited by {sender}{direct}", "join": "joined", "leave": "left", "ban": "was banned"}
        return f"* {who} {verb.get(content.get('membership'), 'changed')}{reason}"
    if event["type"] != "m.room.message":
        return ""
    body = content.get("body", "")
    if content.get("msgtype") in ("m.image", "m.file", "m.audio", "m.video"):
        info = content.get("info", {})
        return f"{sender}: [{content.get('filename', body)}, {info.get('mimetype')}, {info.get('size')} bytes]"
    return f"{sender}: {body}"
