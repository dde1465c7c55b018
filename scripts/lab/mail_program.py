"""Alice's mail program: writes and answers email as people's programs do, and hands it in over SMTP or LMTP."""

import smtplib
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, localtime, make_msgid, parseaddr
from html import escape

from lab.relay import Attachment, Caught

SIGNATURE = "Alice Example\nExample Limited, 1 Example Street"


@dataclass
class MailProgram:
    """One person's program, set to hand its mail to one port of 127.0.0.1."""

    name: str
    address: str
    port: int
    lmtp: bool = False

    def write(self, to: str, subject: str, text: str, attachments: tuple[Attachment, ...] = ()) -> EmailMessage:
        """A first email, in plain text."""
        message = self._message(to, subject)
        message.set_content(f"{text}\n\n-- \n{SIGNATURE}\n")
        return _with(message, attachments)

    def answer(self, caught: Caught, text: str, attachments: tuple[Attachment, ...] = ()) -> EmailMessage:
        """An answer above a full quotation, in plain text and HTML, to where the other side asked for it."""
        subject = caught.header("Subject")
        message = self._message(
            caught.header("Reply-To") or caught.header("From"),
            subject if subject.lower().startswith("re:") else f"Re: {subject}",
        )
        answered = caught.header("Message-ID")
        message["In-Reply-To"] = answered
        message["References"] = " ".join([*caught.references(), answered])
        who = parseaddr(caught.header("From"))
        said = f"On {caught.header('Date')}, {formataddr(who)} wrote:"
        theirs = caught.body("plain").strip()
        quoted = "\n".join(f"> {line}".rstrip() for line in theirs.split("\n"))
        message.set_content(f"{text}\n\n{said}\n\n{quoted}\n\n-- \n{SIGNATURE}\n")
        paragraphs = "".join(f"<div>{escape(line) or '<br>'}</div>" for line in text.split("\n"))
        quotation = caught.body("html") or escape(theirs).replace("\n", "<br>")
        message.add_alternative(
            f'<div dir="ltr">{paragraphs}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
            f'{escape(said)}<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px '
            f'solid #ccc;padding-left:1ex">{quotation}</blockquote></div>'
            f'<div><br></div><span class="gmail_signature_prefix">-- </span><br><div dir="ltr" '
            f'class="gmail_signature">{escape(SIGNATURE).replace(chr(10), "<br>")}</div>\n',
            subtype="html",
        )
        return _with(message, attachments)

    def send(self, message: EmailMessage, *recipients: str) -> None:
        """Hands the message in, for `To` unless others are named; what the server says against it is raised."""
        named = recipients or (parseaddr(str(message["To"]))[1],)
        with (smtplib.LMTP if self.lmtp else smtplib.SMTP)("127.0.0.1", self.port, timeout=60) as server:
            server.send_message(message, self.address, list(named))

    def _message(self, to: str, subject: str) -> EmailMessage:
        message = EmailMessage()
        # As it stands, also where it is not ASCII (RFC 6532).
        message["From"] = f"{self.name} <{self.address}>"
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = make_msgid(domain=self.address.partition("@")[2].encode("idna").decode())
        return message


def _with(message: EmailMessage, attachments: tuple[Attachment, ...]) -> EmailMessage:
    for attachment in attachments:
        kind, _, subtype = attachment.type.partition("/")
        message.add_attachment(attachment.data, maintype=kind, subtype=subtype, filename=attachment.name)
    return message
