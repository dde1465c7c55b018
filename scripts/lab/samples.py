"""Files to send, made in code: a picture and a document that every program opens."""

import struct
import zlib

from lab.relay import Attachment


def picture() -> Attachment:
    """A PNG of 240 by 160 points: an evening sky over a field."""
    width, height = 240, 160

    def colour(x: int, y: int) -> bytes:
        if (x - 170) ** 2 + (y - 70) ** 2 < 22**2:
            return bytes((255, 214, 102))
        if y > 110:
            return bytes((40 + x // 8, 90 + (x * y) % 23, 60))
        return bytes((70 + y, 60 + y // 2, 120 - y // 3))

    rows = b"".join(b"\0" + b"".join(colour(x, y) for x in range(width)) for y in range(height))

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return Attachment("evening sky.png", "image/png", png)


def document(line: str) -> Attachment:
    """A PDF of one page with one line of text."""
    text = f"BT /F1 18 Tf 72 720 Td ({line}) Tj ET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    pdf, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    pdf += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table) + (
        b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(pdf))
    )
    return Attachment("timetable.pdf", "application/pdf", pdf)
