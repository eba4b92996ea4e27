"""PDF documents, written anew with nothing but what their pages draw.

Of each page only the keys in PAGE are kept, and below them none of NEVER. So scripts, actions,
links, comments, fields, embedded files and metadata are gone, and so is what earlier versions of
the document had. JPEG pictures in it lose their EXIF segments and what stands behind their end.
"""

import io
import logging
import re

from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    StreamObject,
)

from transactions.attachments.refusals import READING, UnfitFile

BEGINNING = b"%PDF-"
MOST_PAGES, MOST_OBJECTS = 50, 20_000
PAGE = frozenset(
    "/Type /Parent /Resources /MediaBox /CropBox /Rotate /UserUnit /Contents /Group".split()
)
NEVER = frozenset(
    "/A /AA /AF /Alternates /Annots /EF /Info /JS /JavaScript /LastModified /Metadata /Names"
    " /OpenAction /OPI /PieceInfo /Ref /SpiderInfo /StructParent /StructParents /URI".split()
)
OF_A_FILE = ("/F", "/FFilter", "/FDecodeParms")  # a stream whose data would be in another file
NO_FIELDS = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})  # segments of EXIF, XMP, comments
START_OF_SCAN, END_OF_IMAGE = b"\xda", b"\xd9"
_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
_AFTER_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)  # the data has none but these

ENCRYPTED = "The PDF is encrypted. Print it to a PDF without a password, and choose that file."
DAMAGED = "The PDF is damaged, or of an unusual kind. Print it to a new PDF, and choose that file."
JPEG_2000 = (
    "The PDF has a picture in JPEG 2000, whose metadata cannot be removed here. Print it to a new "
    "PDF, and choose that file."
)
TOO_LONG = f"The PDF has more than {MOST_PAGES} pages. Choose one with the receipt alone."

# It writes parts of the documents into its warnings.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def written_anew(content: bytes) -> bytes:
    """The pages of the document as a new one. Raises UnfitFile."""
    try:
        with READING:
            return _written(content)
    except UnfitFile:
        raise
    except Exception as error:  # the parser raises of all kinds on hostile files
        raise UnfitFile(DAMAGED) from error


def _written(content: bytes) -> bytes:
    reader, writer = PdfReader(io.BytesIO(content)), PdfWriter()
    if reader.is_encrypted:
        raise UnfitFile(ENCRYPTED)
    pages = reader.pages
    if not 0 < len(pages) <= MOST_PAGES:
        raise UnfitFile(TOO_LONG if pages else DAMAGED)
    for page in list(pages):
        _remove(page, set(page) - PAGE)
    _clean(list(pages))
    for page in list(pages):
        writer.add_page(page)
    writer.metadata = None
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def _clean(pages: list[PageObject]) -> None:
    """Removes the keys in NEVER from everything that the pages use. Raises UnfitFile."""
    seen: set[int] = set()
    ahead: list[object] = list(pages)
    count = 0
    while ahead:
        found = ahead.pop()
        value = found.get_object() if isinstance(found, IndirectObject) else found
        if not isinstance(value, DictionaryObject | ArrayObject) or id(value) in seen:
            continue
        seen.add(id(value))
        count += 1
        if count > MOST_OBJECTS:
            raise UnfitFile(DAMAGED)
        if isinstance(value, ArrayObject):
            ahead += list(value)
            continue
        _remove(value, NEVER)
        if isinstance(value, StreamObject):
            _remove(value, OF_A_FILE)
            _clean_picture(value)
        ahead += [each for key, each in value.items() if key != "/Parent"]


def _remove(value: DictionaryObject, keys: set[str] | frozenset[str] | tuple[str, ...]) -> None:
    for key in keys:
        value.pop(key, None)


def _clean_picture(stream: StreamObject) -> None:
    """Removes the metadata of a JPEG, also of one that is packed once more. Raises UnfitFile for
    what cannot be looked into.
    """
    named = stream.get("/Filter", [])
    filters = list(named) if isinstance(named, ArrayObject) else [named]
    if "/JPXDecode" in filters:
        raise UnfitFile(JPEG_2000)
    if "/DCTDecode" not in filters:
        return
    if filters.index("/DCTDecode") + 1 < len(filters):
        raise UnfitFile(DAMAGED)
    stream._data = without_fields(stream.get_data() if filters[1:] else stream._data)
    stream[NameObject("/Filter")] = NameObject("/DCTDecode")
    settings = stream.get("/DecodeParms")
    if isinstance(settings, ArrayObject):
        del stream["/DecodeParms"]
        if settings and isinstance(settings[-1].get_object(), DictionaryObject):
            stream[NameObject("/DecodeParms")] = settings[-1]


def without_fields(jpeg: bytes) -> bytes:
    """A JPEG without the segments of EXIF, XMP and comments, up to its end (ITU T.81, annex B).
    Raises UnfitFile if it is none.
    """
    if not jpeg.startswith(b"\xff\xd8"):
        raise UnfitFile(DAMAGED)
    kept, place = [jpeg[:2]], 2
    while (found := _MARKER.match(jpeg, place)) and found[1] != END_OF_IMAGE:
        begin, place = found.start(1) - 1, found.end()
        if not 0xD0 <= found[1][0] <= 0xD7 and found[1][0] != 0x01:  # these have no content
            place += int.from_bytes(jpeg[place : place + 2])
        if place > len(jpeg):
            raise UnfitFile(DAMAGED)
        if found[1][0] not in NO_FIELDS:
            kept.append(jpeg[begin:place])
        if found[1] == START_OF_SCAN:
            following = _AFTER_SCAN.search(jpeg, place)
            end = following.start() if following else len(jpeg)
            kept.append(jpeg[place:end])
            place = end
    if found is None and place < len(jpeg):
        raise UnfitFile(DAMAGED)
    return b"".join([*kept, b"\xff", END_OF_IMAGE])
