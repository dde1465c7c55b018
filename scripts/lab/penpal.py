"""Penpal itself, as an admin sets it up: `penpal init`, a few settings, `penpal run`."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml

from lab import tools
from lab.processes import Failed, Service, answers, free_port, until


def build(release: bool) -> Path:
    """Builds the binary (Cargo's own output is shown) and gives its path."""
    tools.compiler()
    command = ["cargo", "build", "--locked", *(["--release"] if release else [])]
    if subprocess.run(command, cwd=tools.ROOT, stdin=subprocess.DEVNULL).returncode != 0:
        raise Failed(f"`{' '.join(command)}` failed")
    return tools.TARGET / ("release" if release else "debug") / "penpal"


class Penpal:
    """One installation in one directory."""

    def __init__(self, binary: Path, directory: Path):
        self.directory = directory
        self.config = directory / "config.yaml"
        self.registration = directory / "registration.yaml"
        self.port = free_port()
        self.smtp_port = free_port()
        self.lmtp_port = free_port()
        # What `penpal init` says must be in the DNS: the text of each TXT record.
        self.dns: dict[str, str] = {}
        self.binary = binary
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PENPAL_")}
        command = [binary, "run", "--config", self.config]
        log = directory / "penpal.log"
        self.service = Service("Penpal", command, log, cwd=directory, env=environment)

    def init(
        self, server_name: str, homeserver_url: str, mail_domain: str, relay_port: int,
        double_puppet: bool = False, dkim: bool = False,
    ) -> None:
        """Writes configuration and registration with `penpal init`; with `dkim` keys too, see `dns`."""
        self.directory.mkdir(parents=True, exist_ok=True)
        flags = {
            "server-name": server_name,
            "homeserver-url": homeserver_url,
            "mail-domain": mail_domain,
            "relay": f"127.0.0.1:{relay_port}",
            "listen": f"127.0.0.1:{self.port}",
            "mail-listen": f"lmtp://127.0.0.1:{self.lmtp_port}",
            "config": str(self.config),
            "registration": str(self.registration),
        }
        command = [str(self.binary), "init", *(f"--{name}={value}" for name, value in flags.items())]
        command += [] if dkim else ["--no-dkim"]
        command += ["--double-puppet"] if double_puppet else []
        done = subprocess.run(command, cwd=self.directory, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"`penpal init` ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
        for name, strings in re.findall(r"^ *(\S+\._domainkey\.\S+) IN TXT \( (.*) \)$", done.stdout, re.MULTILINE):
            self.dns[name.rstrip(".")] = "".join(strings.strip('"').split('" "'))

    def registrations(self) -> list[Path]:
        """All that `penpal init` wrote for the homeserver."""
        return sorted(self.directory.glob("registration*.yaml"))

    def configure(self, settings: dict[str, dict]) -> None:
        """Changes keys of the configuration, section by section."""
        config = yaml.safe_load(self.config.read_text())
        for section, keys in settings.items():
            config[section] = (config.get(section) or {}) | keys
        self.config.write_text(yaml.safe_dump(config, sort_keys=False))

    def beside(self, directory: Path) -> "Penpal":
        """Another installation with the same configuration, and so the same database, on ports of its own."""
        other = Penpal(self.binary, directory)
        directory.mkdir(parents=True)
        shutil.copy(self.registration, other.registration)
        config = yaml.safe_load(self.config.read_text())
        config["appservice"]["listen"] = f"127.0.0.1:{other.port}"
        config["mail"] |= other.listen()
        other.config.write_text(yaml.safe_dump(config, sort_keys=False))
        other.config.chmod(0o600)
        return other

    def listen(self) -> dict:
        """The setting for both protocols: LMTP as Postfix speaks it, SMTP for any mail program.

        Nobody is verified: the people here write from domains that no DNS knows.
        """
        return {
            "authentication": {"mode": "off"},
            "listen": [
                {"protocol": "smtp", "address": f"127.0.0.1:{self.smtp_port}"},
                {"protocol": "lmtp", "address": f"127.0.0.1:{self.lmtp_port}"},
            ]
        }

    def start(self) -> None:
        """Starts it and waits until it listens on all its ports."""
        self.service.start()
        for port in (self.port, self.smtp_port, self.lmtp_port):
            until(lambda port=port: answers(port), f"Penpal listening on port {port}", 30, (self.service,))

    def tokens(self) -> dict:
        """The registration as the homeserver reads it."""
        return yaml.safe_load(self.registration.read_text())
