"""The orderly end of a process, by SIGTERM, and what those hear who come meanwhile."""

import http.client
import signal
import smtplib
import time
from collections.abc import Callable

from lab.faults.stand import Stand
from lab.penpal import Penpal

# How long a connection may be refused before the process is gone.
ENDING = 1


def stop_orderly(stand: Stand, who: Penpal, limit: float = 8, busy: bool = False) -> float:
    """Ends a process; the seconds that it took. It must end with 0, and tell whoever comes meanwhile to come back later.

    With `busy` something is under way that takes longer than to ask: then it must answer, and not merely be gone.
    """
    stand.measure()
    begin = time.monotonic()
    mail = smtplib.LMTP("127.0.0.1", who.lmtp_port, timeout=10)
    mail.ehlo_or_helo_if_needed()
    idle, kept = _connection(who), _connection(who)
    _ask(idle, "GET", "/health")
    _ask(kept, "GET", "/health")
    who.service.signal(signal.SIGTERM)
    code = mail.getreply()[0]
    mail.close()
    stand.check(code == 421, f"a mail session heard {code} while Penpal stopped")
    # By now it has heard of the end. A new question on a connection of before, and on one of its own.
    token = {"Authorization": f"Bearer {who.tokens()['hs_token']}"}
    for connection in (kept, _connection(who)):
        put = lambda: _ask(connection, "PUT", "/_matrix/app/v1/transactions/none", '{"events": []}', token)  # noqa: B023, E731
        heard = _heard(stand, who, busy, put)
        stand.check(heard in (503, None), f"the homeserver heard {heard} while Penpal stopped")
    heard = _heard(stand, who, busy, lambda: smtplib.LMTP("127.0.0.1", who.lmtp_port, timeout=10).close() or 220)
    stand.check(heard in (421, None), f"a new mail session heard {heard} while Penpal stopped")
    code = who.service.ended(limit)
    took = time.monotonic() - begin
    stand.check(code == 0, f"after SIGTERM it ended with {code} within {took:.1f} s")
    if code is None:
        who.service.kill()
    idle.close()
    return took


def _connection(who: Penpal) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", who.port, timeout=10)


def _ask(connection: http.client.HTTPConnection, *request: object) -> int:
    """The status of the answer; the connection stays open as far as the other side lets it."""
    connection.request(*request)
    response = connection.getresponse()
    response.read()
    return response.status


def _heard(stand: Stand, who: Penpal, busy: bool, ask: Callable[[], int]) -> int | None:
    """What the process answers; `None` when it is gone instead, which it may be only when it was not busy."""
    try:
        return ask()
    except smtplib.SMTPConnectError as error:
        return error.smtp_code
    except (OSError, http.client.HTTPException, smtplib.SMTPException) as error:
        gone = not busy and who.service.ended(ENDING) is not None
        stand.check(gone, f"who came while Penpal stopped was not answered: {error!r}")
        return None
