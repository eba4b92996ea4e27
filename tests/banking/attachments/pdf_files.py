"""PDF documents with pictures at unusual places, and what is in one."""

import io
import struct
import zlib
from collections.abc import Callable

from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    PdfObject,
    StreamObject,
)

from tests.banking.attachments.files import document, picture

Change = Callable[[PdfWriter], None]


def changed(change: Change) -> bytes:
    """A document of one page after the change."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(document())))
    change(writer)
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def dictionary(**values: PdfObject | int | str) -> DictionaryObject:
    """With names for the texts."""
    made = DictionaryObject()
    for key, value in values.items():
        if isinstance(value, PdfObject):
            made[NameObject(f"/{key}")] = value
        else:
            kind = NameObject if isinstance(value, str) else NumberObject
            made[NameObject(f"/{key}")] = kind(value)
    return made


def stream(data: bytes, **values: PdfObject | int | str) -> StreamObject:
    made = StreamObject()
    made._data = data
    made.update(dictionary(**values))
    return made


def picture_of(jpeg: bytes, **values: PdfObject | int | str) -> StreamObject:
    """A picture of 60 x 40 pixels, as pages draw it."""
    facts: dict[str, PdfObject | int | str] = {
        "Type": "/XObject", "Subtype": "/Image", "ColorSpace": "/DeviceRGB", "Width": 60,
        "Height": 40, "BitsPerComponent": 8, "Filter": "/DCTDecode",
    }  # fmt: skip
    return stream(jpeg, **{**facts, **values})


def resources_of(writer: PdfWriter) -> DictionaryObject:
    found = writer.pages[0]["/Resources"].get_object()
    assert isinstance(found, DictionaryObject)
    return found


def add(writer: PdfWriter, kind: str, value: PdfObject, name: str = "/I") -> None:
    """Adds a resource of this kind to the page, as an object of its own."""
    group = resources_of(writer).setdefault(NameObject(kind), DictionaryObject()).get_object()
    group[NameObject(name)] = writer._add_object(value)


def with_content(*pieces: bytes) -> bytes:
    """A document whose page has these content streams."""

    def change(writer: PdfWriter) -> None:
        streams = [writer._add_object(stream(piece)) for piece in pieces]
        writer.pages[0][NameObject("/Contents")] = (
            ArrayObject(streams) if len(streams) > 1 else streams[0]
        )

    return changed(change)


def with_segment(kind: int, content: bytes) -> bytes:
    """A JPEG with one more segment before its others."""
    jpeg = picture()
    return jpeg[:2] + segment(kind, content) + jpeg[2:]


def segment(kind: int, content: bytes) -> bytes:
    return bytes((0xFF, kind)) + struct.pack(">H", len(content) + 2) + content


def inline(jpeg: bytes, filters: bytes = b"/DCT") -> bytes:
    """A content stream that draws a picture within itself."""
    return b"q 60 0 0 40 0 0 cm BI /W 60 /H 40 /CS /RGB /BPC 8 /F %b ID %b\nEI Q" % (filters, jpeg)


def with_object_stream(spaces: int) -> bytes:
    """A document of one page that uses an object in a stream, before so many spaces."""
    packed = zlib.compress(b"6 0 <</a 1>>" + b" " * spaces, 9)
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<</Font<</F 6 0 R>>>>>>",
        4: b"<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n%b\nendstream"
        % (len(packed), packed),
    }
    body, rows = b"%PDF-1.5\n", [struct.pack(">BIB", 0, 0, 0)]
    for number, content in objects.items():
        rows.append(struct.pack(">BIB", 1, len(body), 0))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join([*rows, struct.pack(">BIB", 1, len(body), 0), struct.pack(">BIB", 2, 4, 0)])
    return body + (
        b"5 0 obj\n<</Type/XRef/Size 7/W[1 4 1]/Root 1 0 R/Length %d>>stream\n%b\nendstream\nendobj"
        b"\nstartxref\n%d\n%%%%EOF" % (len(table), table, len(body))
    )


def everything_in(content: bytes) -> bytes:
    """The file, each of its objects, and the data of each stream as it is and unpacked."""
    reader, parts = PdfReader(io.BytesIO(content)), [content]
    for number in range(1, int(reader.trailer["/Size"])):  # type: ignore[call-overload]
        found = reader.get_object(number)
        parts.append(repr(found).encode())
        if isinstance(found, StreamObject):
            parts += [found._data, found.get_data()]
    return b"\n".join(parts)
