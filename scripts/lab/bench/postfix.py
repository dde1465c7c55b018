"""The same mails to Penpal and to a real Postfix, from the same program, on the same disk."""

import itertools
import subprocess
import time

from lab import tools
from lab.bench.figures import Run
from lab.lab import MAIL_DOMAIN
from lab.postfix import Postfix
from lab.processes import Failed, Service, free_port

# Bytes of a mail's text.
LENGTH = 1000


def side_by_side(run: Run, people: list[tuple[str, str]], messages: int) -> dict[str, float]:
    """Mails accepted in a second by Penpal and by Postfix, one after the other."""
    before = run.sent()
    share = messages // len(people)
    penpal = _rate(run.lmtp_ports, ["-L"], people, share)
    run.quiet(before + share * len(people))
    return {"penpal": penpal, "postfix": _rate_of_postfix(people, share)}


def _rate(ports: list[int], flags: list[str], people: list[tuple[str, str]], share: int) -> float:
    """Each of the people writes so many mails over a connection of their own, to these ports in turn."""
    begin = time.perf_counter()
    sources = []
    for (sender, recipient), port in zip(people, itertools.cycle(ports)):
        command = ["smtp-source", "-d", *flags, "-s", "1", "-m", str(share), "-l", str(LENGTH), "-M", "bench.test"]
        command += ["-f", sender, "-t", recipient, f"127.0.0.1:{port}"]
        sources.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE))
    said = [source.communicate()[1].decode() for source in sources]
    took = time.perf_counter() - begin
    if failed := [words for source, words in zip(sources, said) if source.returncode != 0]:
        raise Failed(f"smtp-source failed: {failed[0][:300]}")
    return share * len(people) / took


def _rate_of_postfix(people: list[tuple[str, str]], share: int) -> float:
    """Postfix hands the mails on to a sink by LMTP, as Penpal hands them to the homeserver."""
    tools.postfix_programs()
    server, port = Postfix(), free_port()
    sink = Service("smtp-sink", ["smtp-sink", "-u", "nobody", "-L", f"127.0.0.1:{port}", "128"], server.directory / "sink.log")
    try:
        sink.start()
        server.start([MAIL_DOMAIN], port, port)
        return _rate([server.port], [], people, share)
    finally:
        server.stop()
        sink.stop()
