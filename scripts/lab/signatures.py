"""dkimpy as the other side's mail server: which signatures of an email hold."""

import re

import dkim


def holding(mail: bytes, dns: dict[str, str]) -> list[str]:
    """The names of the keys whose signatures hold; `dns` has the texts of their TXT records."""
    asked: list[str] = []

    def look_up(name: bytes, timeout: int = 5) -> bytes | None:  # noqa: ARG001, dkimpy's name
        asked.append(name.decode().rstrip("."))
        return dns.get(asked[-1], "").encode() or None

    held = []
    for index in range(len(re.findall(rb"(?mi)^DKIM-Signature:", mail))):
        if dkim.DKIM(mail).verify(index, look_up):
            held.append(asked[-1])
    return held
