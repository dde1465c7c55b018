"""`scripts/try`: from a fresh clone to a conversation between a Matrix user and an email user."""

import argparse
import shutil
import tempfile
import threading
from pathlib import Path

from lab import penpal, tools
from lab.conversation import ALICE, Conversation
from lab.lab import MAIL_DOMAIN, Lab
from lab.matrix import MatrixError
from lab.processes import Failed, stop_on_signals
from lab.screen import Screen


def _directory(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="penpal-try-"))
    if keep.exists() and any(keep.iterdir()):
        raise Failed(f"{keep} is not empty: give --keep-data a new directory")
    keep.mkdir(parents=True, exist_ok=True)
    return keep.resolve()


def _join_in(lab: Lab, conversation: Conversation) -> str:
    return f"""
It all stays up until Ctrl-C. Join in:
  Matrix   homeserver {lab.synapse.url}, user bob, password {conversation.password}, in any client
           invite {conversation.bob.client.user.replace('bob', '_email_NAME=40DOMAIN')} to a direct chat: that is NAME@DOMAIN
  email    send to bob@{MAIL_DOMAIN} by SMTP to 127.0.0.1, port {lab.penpal.smtp_port}, without TLS or password
           as {ALICE}, or as anybody to whom bob has written; to answer a chat, answer an email
  caught   {lab.relay.directory}: every email that Penpal sent, NNNN.eml
  logs     {lab.synapse.service.log}
           {lab.penpal.service.log}
  config   {lab.penpal.config}"""


def main(arguments: argparse.Namespace) -> int:
    """The command, with the arguments that `scripts/try` has read; gives its exit code."""
    stop_on_signals()
    screen = Screen()
    directory, finished = None, False
    try:
        directory = _directory(arguments.keep_data)
        binary = arguments.binary.resolve() if arguments.binary else penpal.build(release=True)
        with Lab(directory, binary, settle="2s", show_mail=screen.mail) as lab:
            conversation = Conversation(lab, screen)
            try:
                screen.say(f"Starting Penpal, Synapse and a catching relay, in {directory}")
                lab.prepare()
                lab.start()
                conversation.play()
                finished = True
                screen.say("Everything was seen on both sides.")
                if not arguments.once:
                    screen.say(_join_in(lab, conversation))
                    _stay(lab)
            except (Failed, MatrixError, OSError):
                screen.plain(lab.logs())
                finished = False
                raise
        return 0
    except KeyboardInterrupt:
        screen.say("Stopped.")
        return 0 if finished else 130
    except (Failed, MatrixError, tools.Missing, OSError) as failure:
        screen.wrong(f"{failure}")
        return 1
    finally:
        untouched = directory is not None and not any(directory.iterdir())
        if directory is not None and arguments.keep_data is None and (finished or untouched):
            shutil.rmtree(directory, ignore_errors=True)
        elif directory is not None:
            screen.say(f"Databases, mail and logs are kept in {directory}")


def _stay(lab: Lab) -> None:
    """Until a signal, or until something dies."""
    forever = threading.Event()
    while not forever.wait(1):
        for service in lab.services:
            service.check()
