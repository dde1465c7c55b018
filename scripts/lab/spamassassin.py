"""Debian's SpamAssassin as a judge: what it would say to emails, by its own rules alone, without asking the network."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab.processes import Failed

# Every mail here has come over 127.0.0.1 alone, for which SpamAssassin takes a point off: not by merit.
PREFERENCES = """\
use_bayes 0
report_safe 0
fold_headers 0
clear_headers
add_header all Points _SCORE_
add_header all Rules _TESTSSCORES(,)_
score ALL_TRUSTED 0
"""


@dataclass(frozen=True)
class Verdict:
    """What it says to one email."""

    points: float
    rules: dict[str, float]

    def __str__(self) -> str:
        return f"{self.points:.1f}  {', '.join(f'{rule} {points:g}' for rule, points in self.rules.items())}"


def judge(mails: list[bytes]) -> list[Verdict]:
    """The verdicts, in order. One process for all: to start takes it longer than to judge."""
    with tempfile.TemporaryDirectory(prefix="penpal-spamassassin-") as directory:
        preferences = Path(directory) / "user_prefs"
        preferences.write_text(PREFERENCES)
        command = ["spamassassin", "--local", "--nocreate-prefs", "--prefspath", preferences, "--mbox"]
        done = subprocess.run(command, input=_mbox(mails), capture_output=True, timeout=120, cwd=directory)
    if done.returncode != 0:
        raise Failed(f"spamassassin ended with status {done.returncode}: {done.stderr.decode(errors='replace')}")
    verdicts = {}
    for mail in re.split(rb"(?m)^From judge@", done.stdout)[1:]:
        head = mail.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode(errors="replace")
        fields = dict(re.findall(r"(?m)^(X-Spam-Points|X-Spam-Rules|X-Number): ?(.*)$", head))
        rules = [rule.split("=") for rule in fields["X-Spam-Rules"].split(",") if "=" in rule]
        points = {rule: float(points) for rule, points in rules if float(points)}
        verdicts[int(fields["X-Number"])] = Verdict(sum(points.values()), points)
    # It gives them back in an order of its own.
    return [verdicts[number] for number in range(len(mails))]


def _mbox(mails: list[bytes]) -> bytes:
    whole = b""
    for number, mail in enumerate(mails):
        text = re.sub(rb"(?m)^(>*From )", rb">\1", mail.replace(b"\r\n", b"\n"))
        whole += b"From judge@localhost Thu Jan  1 00:00:00 1970\nX-Number: %d\n%s\n\n" % (number, text)
    return whole
