"""A real Synapse on SQLite, without federation and without rate limits, with one application service."""

import base64
import hashlib
import hmac
import json
import secrets
import sys
from pathlib import Path

import yaml

from lab.matrix import Client, MatrixError
from lab.processes import Service, free_port, until

LOGGING = {
    "version": 1,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stdout"}},
    "loggers": {name: {"level": "WARNING"} for name in ("synapse.storage", "synapse.util", "twisted")},
    "root": {"level": "INFO", "handlers": ["console"]},
    "disable_existing_loggers": False,
}

class Synapse:
    """One homeserver: `write`, then `start` as often as wanted."""

    def __init__(self, directory: Path, server_name: str):
        self.directory = directory
        self.server_name = server_name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._secret = secrets.token_hex(32)
        self._config = directory / "homeserver.yaml"
        command = [sys.executable, "-m", "synapse.app.homeserver", "-c", self._config]
        self.service = Service("Synapse", command, directory / "synapse.log", cwd=directory)

    def write(self, registrations: list[Path], **overrides: object) -> None:
        """Writes the configuration; `overrides` are top-level keys of `homeserver.yaml`."""
        self.directory.mkdir(parents=True, exist_ok=True)
        logging = self.directory / "logging.yaml"
        logging.write_text(yaml.safe_dump(LOGGING))
        key = self.directory / "signing.key"
        if not key.exists():

            seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
            key.write_text(f"ed25519 a_penpal {seed}\n")
        plenty = {"per_second": 10_000, "burst_count": 10_000}
        config = {
            "server_name": self.server_name,
            "public_baseurl": f"{self.url}/",
            "pid_file": str(self.directory / "synapse.pid"),
            "listeners": [
                {
                    "port": self.port,
                    "type": "http",
                    "tls": False,
                    "bind_addresses": ["127.0.0.1"],
                    "resources": [{"names": ["client"], "compress": False}],
                }
            ],
            "database": {"name": "sqlite3", "args": {"database": str(self.directory / "homeserver.db")}},
            "log_config": str(logging),
            "media_store_path": str(self.directory / "media"),
            "signing_key_path": str(key),
            "registration_shared_secret": self._secret,
            "macaroon_secret_key": self._secret,
            "form_secret": self._secret,
            "report_stats": False,
            "trusted_key_servers": [],
            "federation_domain_whitelist": [],
            "app_service_config_files": [str(path) for path in registrations],
            "rc_message": plenty,
            "rc_registration": plenty,
            "rc_login": {"address": plenty, "account": plenty, "failed_attempts": plenty},
            "rc_joins": {"local": plenty, "remote": plenty},
            "rc_invites": {"per_room": plenty, "per_user": plenty, "per_issuer": plenty},
            "rc_room_creation": plenty,
        }
        self._config.write_text(yaml.safe_dump(config | overrides))

    def start(self) -> None:
        """Starts it and waits until it answers clients."""
        self.service.start()
        probe = Client(self.url)
        until(lambda: _answers(probe), "Synapse answering", 90, (self.service,))

    def register(self, name: str, display_name: str) -> tuple[Client, str]:
        """A new user of this homeserver, logged in, and the password for other clients."""
        password = secrets.token_urlsafe(9)
        path = "/_synapse/admin/v1/register"
        client = Client(self.url)
        nonce = client.request("GET", path)["nonce"]
        signed = "\0".join([nonce, name, password, "notadmin"]).encode()
        mac = hmac.new(self._secret.encode(), signed, hashlib.sha1).hexdigest()
        user = {"nonce": nonce, "username": name, "displayname": display_name, "password": password, "mac": mac}
        made = client.request("POST", path, user | {"admin": False})
        return Client(self.url, made["access_token"], made["user_id"]), password

def _answers(client: Client) -> bool:
    try:
        return bool(client.request("GET", "/_matrix/client/versions", seconds=5))
    except (OSError, MatrixError, json.JSONDecodeError):
        return False
