"""Everything around one Penpal, put together: homeserver, relay, people."""

from collections.abc import Callable
from pathlib import Path

from lab.mail_program import MailProgram
from lab.matrix import Chat, Client
from lab.penpal import Penpal
from lab.processes import Service, until
from lab.relay import Caught, Relay
from lab.synapse import Synapse

SERVER_NAME = "hs.test"
MAIL_DOMAIN = "mail.hs.test"


def puppet_of(address: str) -> str:
    """The user ID of an address's puppet, by the rule of the Matrix specification for mapped user IDs."""
    safe = b"abcdefghijklmnopqrstuvwxyz0123456789._-/+"
    return f"@_email_{''.join(chr(b) if b in safe else f'={b:02x}' for b in address.encode())}:{SERVER_NAME}"


class Lab:
    """A context: inside it all runs, after it nothing does.

    `relay_port` names another server as Penpal's relay, which may hand on to the catching one; `settle`
    is how long Penpal gathers what is written before it becomes an email; `addresses` are keys of
    `mail.addresses`; with `double_puppet` Penpal may act for the homeserver's people; with `dkim` it signs.
    """

    def __init__(
        self,
        directory: Path,
        binary: Path,
        settle: str = "1s",
        relay_port: int | None = None,
        addresses: dict | None = None,
        double_puppet: bool = False,
        dkim: bool = False,
        show_mail: Callable[[Caught], None] = lambda _caught: None,
    ):
        self.directory = directory
        self.synapse = Synapse(directory / "synapse", SERVER_NAME)
        self.relay = Relay(directory / "mail", show_mail)
        self.penpal = Penpal(binary, directory / "penpal")
        self._settle = settle
        self._relay_port = relay_port
        self._addresses = addresses
        self._double_puppet = double_puppet
        self._dkim = dkim
        self._chats: list[Chat] = []

    def prepare(self) -> None:
        """Writes all configuration; starts nothing."""
        relay_port = self._relay_port or self.relay.port
        self.penpal.init(SERVER_NAME, self.synapse.url, MAIL_DOMAIN, relay_port, self._double_puppet, self._dkim)
        mail = self.penpal.listen() | ({"addresses": self._addresses} if self._addresses else {})
        self.penpal.configure({"chats": {"settle": self._settle}, "mail": mail})
        self.synapse.write(self.penpal.registrations())

    def start(self) -> None:
        """Starts relay, homeserver and Penpal, in the order an admin would."""
        self.relay.start()
        self.synapse.start()
        self.penpal.start()

    def stop(self) -> None:
        """Stops what runs, Penpal first."""
        for chat in self._chats:
            chat.close()
        self.penpal.service.stop()
        self.synapse.service.stop()
        self.relay.stop()

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, *_failure: object) -> None:
        self.stop()

    @property
    def services(self) -> tuple[Service, ...]:
        """The child processes."""
        return (self.synapse.service, self.penpal.service)

    def until(self, see, what: str, seconds: float = 30):
        """Waits until `see()` gives something true; fails at once when a service dies."""
        return until(see, what, seconds, self.services)

    def person(self, name: str, display_name: str, show=None) -> tuple[Chat, str]:
        """A new Matrix user with a client that stays online, and the password."""
        client, password = self.synapse.register(name, display_name)
        chat = Chat(client, show) if show else Chat(client)
        self._chats.append(chat)
        return chat, password

    def mail_program(self, name: str, address: str, lmtp: bool = False) -> MailProgram:
        """A mail program whose mail goes straight into Penpal's listener."""
        return MailProgram(name, address, self.penpal.lmtp_port if lmtp else self.penpal.smtp_port, lmtp)

    def puppet(self, address: str) -> Client:
        """The puppet of an address, seen through the application service's token."""
        token = self.penpal.tokens()["as_token"]
        return Client(self.synapse.url, token, puppet_of(address), masquerade=True)

    def logs(self) -> str:
        """The ends of all logs, with where they lie; the most telling one last."""
        tails = [(service.log, service.tail()) for service in self.services]
        return "\n".join(f"--- the end of {log}:\n{tail}" for log, tail in tails if tail)
