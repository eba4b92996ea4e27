"""Pictures and PDF documents as people send them, friendly and hostile."""

import base64
import io
import struct
import zlib
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)
from reportlab.pdfgen.canvas import Canvas

from accounts.models import User
from banking.attachments import pictures
from banking.attachments.content import fit
from banking.attachments.models import Attachment
from banking.attachments.services import attach
from ledger.db.ids import uuid7
from transactions.models import Transaction

SECRET = "Elm Street 4"
HTML = b"<html><script>alert(1)</script></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


def picture(form: str = "JPEG", size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    """A picture whose left half is dark."""
    image = Image.new("RGB", size, "white")
    image.paste("navy", (0, 0, size[0] // 2, size[1]))
    made = io.BytesIO()
    image.save(made, form, **options)
    return made.getvalue()


def in_three_scans() -> bytes:
    """A picture with a scan for each of its colours, which is not progressive."""
    grey = picture_in_grey()
    begin, frame, scan = (grey.index(bytes([0xFF, marker])) for marker in (0xD8, 0xC0, 0xDA))
    tables = grey[frame + 13 : scan]  # behind the frame of one colour
    colours = b"".join(bytes([colour, 0x11, 0]) for colour in (1, 2, 3))
    whole = b"\xff\xc0" + struct.pack(">H", 17) + grey[frame + 4 : frame + 9] + b"\x03" + colours
    pixels = grey[scan + 10 : -2]
    scans = (b"\xff\xda\0\x08\x01" + bytes([c, 0, 0, 63, 0]) + pixels for c in (1, 2, 3))
    return grey[begin:frame] + whole + tables + b"".join(scans) + b"\xff\xd9"


def picture_in_grey() -> bytes:
    made = io.BytesIO()
    Image.new("L", (60, 40), 200).save(made, "JPEG")
    return made.getvalue()


def with_scans(count: int) -> bytes:
    """A picture that seems to have so many scans, which may take minutes to decode."""
    comment = pictures.START_OF_SCAN * count
    segment = b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment
    return picture()[:2] + segment + picture()[2:]


def with_data(form: str = "JPEG", orientation: int = 1) -> bytes:
    """A picture with a place, a camera and a text."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, SECRET
    exif.get_ifd(0x8825)[2] = (41.0, 9.0, 8.0)
    return picture(form, exif=exif)


def with_large_exif(form: str, size: int) -> bytes:
    """A picture with so many bytes of EXIF: one value that is a list of fractions, and the way that
    the camera was held.
    """
    turned = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    fractions = struct.pack(">HHII", 0x9999, 5, size // 8, 38)
    exif = b"MM\0*\0\0\0\x08\0\x02" + turned + fractions + bytes(4) + b"\0\0\0\1" * (size // 4)
    if form == "PNG":
        return picture_with_chunks(png_chunk(b"eXIf", exif))
    if form == "WEBP":
        return picture(form, exif=b"Exif\0\0" + exif)
    parts = (exif[at : at + 65_000] for at in range(0, len(exif), 65_000))
    return picture_with_segments(*(b"\xe1Exif\0\0" + part for part in parts))


def picture_with_segments(*segments: bytes) -> bytes:
    """A JPEG with these segments, each a byte for its kind and its content."""
    made = b"".join(b"\xff" + it[:1] + struct.pack(">H", len(it) + 1) + it[1:] for it in segments)
    return picture()[:2] + made + picture()[2:]


def picture_with_chunks(chunks: bytes) -> bytes:
    """A PNG with these chunks behind its header."""
    plain = picture("PNG")
    return plain[:33] + chunks + plain[33:]


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int) -> bytes:
    """A PNG of some bytes that says it has so many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(b"\0" * 9999)) + png_chunk(b"IEND", b"")
    )  # fmt: skip


def document(text: str = "Total 12.00", pages: int = 1) -> bytes:
    made = io.BytesIO()
    canvas = Canvas(made)
    canvas.setAuthor(SECRET)
    for _page in range(pages):
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return made.getvalue()


def encrypted() -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(document())))
    writer.encrypt("secret", algorithm="RC4-128")
    return _bytes_of(writer)


def hostile_document() -> bytes:
    """A PDF with scripts, actions, a link, a comment, an embedded file, and data about who made it,
    also in places where they do nothing.
    """
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(document())))
    script = _dictionary(S="/JavaScript", JS=TextStringObject("app.alert(2)"))
    writer.root_object[NameObject("/OpenAction")] = script
    writer.add_attachment("virus.exe", b"MZ evil")
    page = writer.pages[0]
    page[NameObject("/AA")] = _dictionary(O=script)
    link = _dictionary(
        Type="/Annot", Subtype="/Link", Contents=TextStringObject(SECRET),
        A=_dictionary(S="/URI", URI=TextStringObject("https://evil.example/")),
    )  # fmt: skip
    link[NameObject("/Rect")] = ArrayObject([NumberObject(0)] * 4)
    page[NameObject("/Annots")] = ArrayObject([writer._add_object(link)])
    about = DecodedStreamObject()
    about.set_data(f"<x:xmpmeta>{SECRET}</x:xmpmeta>".encode())
    page[NameObject("/Metadata")] = writer._add_object(about)
    jpeg = StreamObject()
    jpeg._data = with_data()
    facts = _dictionary(
        Type="/XObject", Subtype="/Image", Filter="/DCTDecode", ColorSpace="/DeviceRGB",
        Width=NumberObject(60), Height=NumberObject(40), BitsPerComponent=NumberObject(8),
        Metadata=writer._add_object(about), AA=script,
    )  # fmt: skip
    jpeg.update(facts)
    page[NameObject("/Thumb")] = TextStringObject(SECRET)
    resources = page["/Resources"].get_object()
    assert isinstance(resources, DictionaryObject)
    resources[NameObject("/XObject")] = _dictionary(Im0=writer._add_object(jpeg))
    return _bytes_of(writer)


def document_with_picture(data: bytes, *filters: str) -> bytes:
    """A PDF whose page has a picture that is packed by these filters, the last one innermost."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(document())))
    stream = StreamObject()
    stream._data = data
    for name in reversed(filters):
        if name == "/ASCII85Decode":
            stream._data = base64.a85encode(stream._data) + b"~>"
        elif name == "/FlateDecode":
            stream._data = zlib.compress(stream._data)
    settings = [_dictionary(), _dictionary(ColorTransform=NumberObject(1))][-len(filters) :]
    facts = _dictionary(
        Type="/XObject", Subtype="/Image", ColorSpace="/DeviceRGB",
        Width=NumberObject(60), Height=NumberObject(40), BitsPerComponent=NumberObject(8),
        Filter=ArrayObject(map(NameObject, filters)), DecodeParms=ArrayObject(settings),
    )  # fmt: skip
    stream.update(facts)
    resources = writer.pages[0]["/Resources"].get_object()
    assert isinstance(resources, DictionaryObject)
    resources[NameObject("/XObject")] = _dictionary(Im0=writer._add_object(stream))
    return _bytes_of(writer)


def _dictionary(**values: Any) -> DictionaryObject:
    return DictionaryObject(
        {
            NameObject(f"/{key}"): NameObject(value) if type(value) is str else value
            for key, value in values.items()
        }
    )


def _bytes_of(writer: PdfWriter) -> bytes:
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def sent(content: bytes, name: str = "lunch.jpg") -> SimpleUploadedFile:
    """As a browser sends a file; what it says of the type does not count."""
    return SimpleUploadedFile(name, content, "image/png")


def attached(
    row: Transaction, owner: User, name: str = "lunch.jpg", id: UUID | None = None
) -> Attachment:
    """An attachment of the row."""
    return attach(transaction=row, owner=owner, file=fit(name, picture()), id=id or uuid7())
