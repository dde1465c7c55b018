"""Where the fuzzer begins besides its corpora: the fixtures of the tests, in the form that each target reads."""

import email
import email.policy
import json
from collections.abc import Iterator
from pathlib import Path

from lab.tools import ROOT

FIXTURES = ROOT / "tests" / "fixtures"
MARK = b"\n%%\n"


def _mails() -> Iterator[bytes]:
    for path in sorted((FIXTURES / "eml").glob("*.eml")):
        yield path.read_bytes()
    for path in sorted((FIXTURES / "mails").glob("*.json")):
        mail = json.loads(path.read_text())["mail"]
        yield ("\n".join(mail) if isinstance(mail, list) else mail).encode()


def _texts(kind: str) -> Iterator[bytes]:
    for mail in _mails():
        for part in email.message_from_bytes(mail, policy=email.policy.default).walk():
            if part.get_content_type() == kind:
                try:
                    yield part.get_content().encode()
                except (LookupError, UnicodeError):
                    continue


def _transactions() -> Iterator[bytes]:
    for path in sorted((FIXTURES / "transactions").glob("*.jsonl")):
        for line in filter(None, path.read_text().split("\n")):
            body = json.loads(line).get("body")
            if isinstance(body, dict) and "events" in body:
                yield json.dumps(body, ensure_ascii=False).encode()
    for path in sorted((FIXTURES / "events").glob("*.json")):
        events = json.loads(path.read_text())["events"]
        yield json.dumps({"events": events if isinstance(events, list) else [events]}, ensure_ascii=False).encode()


def _markup(value: object) -> Iterator[bytes]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "formatted_body" and isinstance(inner, str):
                yield inner.encode()
            yield from _markup(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _markup(inner)


def of(target: str) -> Iterator[bytes]:
    """The seeds of a target."""
    if target in ("mail", "report", "threading"):
        yield from _mails()
    elif target == "mail_in_thread":
        yield from (b"Shall I come on Tuesday?" + MARK + b"Alice Smith\nExample Ltd" + MARK + mail for mail in _mails())
    elif target == "quotation":
        yield from (b"Shall I come on Tuesday?" + MARK + text for text in _texts("text/plain"))
    elif target == "html_in":
        yield from _texts("text/html")
    elif target == "html_out":
        for transaction in _transactions():
            yield from _markup(json.loads(transaction))
    elif target == "transaction":
        yield from _transactions()
    elif target == "configuration":
        yield (ROOT / "config.example.yaml").read_bytes()


def write(target: str, folder: Path) -> None:
    """Writes the seeds of a target into a folder, which is made anew."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for number, seed in enumerate(of(target)):
        (folder / f"{number:03}").write_bytes(seed)
