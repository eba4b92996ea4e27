"""PDF documents, written anew with nothing but what their pages draw.

Of each page only the keys in PAGE are kept, and below them none of NEVER. So scripts, actions,
links, comments, fields, embedded files and metadata are gone, and so is what earlier versions of
the document had. JPEG pictures in it lose their EXIF segments.
"""

import io
import logging

from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

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

ENCRYPTED = "The PDF is encrypted. Print it to a PDF without a password, and choose that file."
DAMAGED = "The PDF is damaged, or of an unusual kind. Print it to a new PDF, and choose that file."
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
            if value.get("/Filter") in ("/DCTDecode", ["/DCTDecode"]):
                value._data = without_fields(value._data)
        ahead += [each for key, each in value.items() if key != "/Parent"]


def _remove(value: DictionaryObject, keys: set[str] | frozenset[str] | tuple[str, ...]) -> None:
    for key in keys:
        value.pop(key, None)


def without_fields(jpeg: bytes) -> bytes:
    """A JPEG without the segments of EXIF, XMP and comments; the same bytes if it is none."""
    kept, place = [jpeg[:2]], 2
    while place + 4 <= len(jpeg) and jpeg[place] == 0xFF and jpeg[place + 1] != 0xDA:
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if jpeg[place + 1] not in NO_FIELDS:
            kept.append(jpeg[place:end])
        place = end
    return b"".join([*kept, jpeg[place:]])
