"""The orderly end of a process, by SIGTERM, and what those hear who come meanwhile."""

import http.client
import signal
import smtplib
import time

from lab.faults.stand import Stand
from lab.penpal import Penpal


def stop_orderly(stand: Stand, who: Penpal, limit: float = 10) -> float:
    """Ends a process; the seconds that it took. It must end with 0, and take nothing new meanwhile."""
    stand.measure()
    begin = time.monotonic()
    mail = smtplib.LMTP("127.0.0.1", who.lmtp_port, timeout=10)
    mail.ehlo_or_helo_if_needed()
    who.service.signal(signal.SIGTERM)
    time.sleep(0.1)
    try:
        code = mail.docmd("NOOP")[0]
    except (OSError, smtplib.SMTPException):
        code = 421
    mail.close()
    stand.check(code == 421, f"a mail session heard {code} while Penpal stopped")
    try:
        connection = http.client.HTTPConnection("127.0.0.1", who.port, timeout=10)
        headers = {"Authorization": f"Bearer {who.tokens()['hs_token']}"}
        connection.request("PUT", "/_matrix/app/v1/transactions/none", '{"events": []}', headers)
        status = connection.getresponse().status
        stand.check(status == 503, f"the homeserver heard {status} while Penpal stopped")
    except (OSError, http.client.HTTPException):
        pass
    code = who.service.ended(limit)
    took = time.monotonic() - begin
    stand.check(code == 0, f"after SIGTERM it ended with {code} within {took:.1f} s")
    if code is None:
        who.service.kill()
    return took
