"""Rewrites PDF documents. A rewritten document contains only what its pages show.

Pages keep only the keys in PAGE, resources only the keys in RESOURCES, forms only the keys in FORM,
and pictures only the keys in PICTURE. All objects inside them lose the keys in NEVER. This removes
scripts, actions, links, comments, form fields, layers, embedded files, metadata and earlier
versions of the document.
"""

import io
from collections.abc import Iterable, Iterator

from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.errors import LimitReachedError
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, StreamObject

from banking.attachments.pdf.layers import refuse_hidden_layers, refuse_hiding_conditions
from banking.attachments.pdf.limits import CleaningLimits
from banking.attachments.pdf.messages import (
    DAMAGED,
    ENCRYPTED,
    MAX_PAGES,
    TOO_LONG,
    TOO_MUCH_WORK,
)
from banking.attachments.pdf.streams import (
    UnpackingBudget,
    clean_picture,
    direct,
    is_picture,
    refuse_inline_jpeg,
    unpacked,
)
from banking.attachments.refusals import UnfitFile

MAX_OBJECTS = 20_000
PAGE = frozenset("/Type /Resources /MediaBox /CropBox /Rotate /UserUnit /Contents /Group".split())
RESOURCES = frozenset("/ExtGState /ColorSpace /Pattern /Shading /XObject /Font /ProcSet".split())
STREAM = frozenset("/Length /Filter /DecodeParms".split())
FORM = STREAM | set("/Type /Subtype /FormType /BBox /Matrix /Resources /Group".split())
PICTURE = STREAM | set(
    "/Type /Subtype /Width /Height /ColorSpace /BitsPerComponent /Intent /ImageMask /Mask /Decode"
    " /Interpolate /SMask /Matte".split()
)
NEVER = frozenset(
    "/A /AA /AF /Alternates /Annots /EF /Info /JS /JavaScript /LastModified /Measure /Metadata"
    " /Names /OC /OpenAction /OPI /PieceInfo /Properties /PtData /Ref /SpiderInfo"
    " /StructParent /StructParents /URI /Usage".split()
)
EXTERNAL_FILE = ("/F", "/FFilter", "/FDecodeParms")  # used if the data is in another file
# The roles of an object. If an object has several roles, it is cleaned for each of them.
_RESOURCES, _XOBJECTS, _DRAWN, _OTHER = "resources", "xobjects", "drawn", "other"
_NAMED = "named"  # a dictionary whose keys are names that contents use, such as fonts and glyphs
PLACES = {"/Resources": _RESOURCES, "/XObject": _XOBJECTS, "/CharProcs": _NAMED}  # roles by key


def rewritten(content: bytes, limits: CleaningLimits, most: int) -> bytes:
    """Returns a new PDF document that contains only the pages of `content`.

    Raises: UnfitFile if the document is not accepted, or if the new document has more than `most`
    bytes.
    """
    try:
        made = _written(content, limits)
    except UnfitFile:
        raise
    except (MemoryError, LimitReachedError) as error:
        raise UnfitFile(TOO_MUCH_WORK) from error
    except Exception as error:  # a malicious file can make the parser raise any type of error
        raise UnfitFile(DAMAGED) from error
    if len(made) > most:
        raise UnfitFile(f"The PDF is larger than {most // 1024**2} MB. Choose a smaller file.")
    return made


def _written(content: bytes, limits: CleaningLimits) -> bytes:
    reader, writer = PdfReader(io.BytesIO(content)), PdfWriter()
    if reader.is_encrypted:
        raise UnfitFile(ENCRYPTED)
    _count_object_streams(reader, UnpackingBudget(limits.in_object_streams))
    refuse_hidden_layers(reader.root_object)
    pages = list(reader.pages)
    if not 0 < len(pages) <= MAX_PAGES:
        raise UnfitFile(TOO_LONG if pages else DAMAGED)
    budget = UnpackingBudget(limits.unpacked)
    for page in pages:
        _remove(page, set(page) - PAGE)
        _refuse_jpeg_in_pieces(page, budget)
    _clean(pages, budget)
    for page in pages:
        writer.add_page(page)
    writer.metadata = None
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def _count_object_streams(reader: PdfReader, budget: UnpackingBudget) -> None:
    """Raises UnfitFile if the object streams of the document are too large. Must be called before
    the objects in these streams are read.
    """
    for number in sorted({number for number, _index in reader.xref_objStm.values()}):
        stream = reader.get_object(number)
        if isinstance(stream, StreamObject):
            budget.take(len(stream.get_data()))


def _refuse_jpeg_in_pieces(page: PageObject, budget: UnpackingBudget) -> None:
    """Raises UnfitFile if the content streams of a page together contain a JPEG. PDF readers join
    these streams before they draw the page.
    """
    pieces = direct(page.get("/Contents"))
    if isinstance(pieces, ArrayObject):
        streams = [each for each in map(direct, pieces) if isinstance(each, StreamObject)]
        refuse_inline_jpeg(b"\n".join(unpacked(each, budget) for each in streams))


def _clean(pages: list[PageObject], budget: UnpackingBudget) -> None:
    """Removes keys from all objects that the pages use: the keys in NEVER, and the keys of layers
    and metadata in forms and pictures.

    Raises: UnfitFile if an object is not accepted.
    """
    seen: dict[tuple[int, str], object] = {}  # also keeps the objects, so that Python reuses no id
    ahead: list[tuple[object, str]] = [(page, _OTHER) for page in pages]
    while ahead:
        found, place = ahead.pop()
        value = direct(found)
        if not isinstance(value, DictionaryObject | ArrayObject) or (id(value), place) in seen:
            continue
        seen[id(value), place] = value
        if len(seen) > MAX_OBJECTS:
            raise UnfitFile(DAMAGED)
        if isinstance(value, ArrayObject):
            ahead += [(each, _OTHER if place == _NAMED else place) for each in value]
            continue
        if isinstance(value, StreamObject):
            refuse_hiding_conditions(value)
            _remove(value, {*NEVER, *EXTERNAL_FILE})
            _clean_stream(value, place, budget)
        elif place in (_NAMED, _XOBJECTS):
            _remove(value, [key for key, each in value.items() if not _is_resource(each)])
        else:
            refuse_hiding_conditions(value)
            _remove(value, set(value) - RESOURCES if place == _RESOURCES else NEVER)
        ahead += _below(value, place)


def _below(value: DictionaryObject, place: str) -> Iterator[tuple[object, str]]:
    """Yields the values of a dictionary. Yields each value with its role (`place`), such as a
    resource or a drawn object.
    """
    is_stream = isinstance(value, StreamObject)
    for key, each in value.items():
        is_mask = is_picture(value) and key in ("/SMask", "/Mask")
        if is_mask or (place == _XOBJECTS and not is_stream):
            yield each, _DRAWN
        elif place == _NAMED and not is_stream:
            yield each, _OTHER
        else:
            is_group = place == _RESOURCES and not is_stream  # a group of named resources
            yield each, PLACES.get(key, _NAMED if is_group else _OTHER)


def _is_resource(value: object) -> bool:
    """Returns whether page content can refer to this value by name. Page content cannot refer to a
    string.
    """
    return isinstance(direct(value), DictionaryObject | ArrayObject | NameObject)


def _clean_stream(stream: StreamObject, place: str, budget: UnpackingBudget) -> None:
    """Cleans a stream. `place` is the role of the stream in the document.

    Raises: UnfitFile if the stream is not accepted, or if it is a picture in an unexpected place.
    """
    if not is_picture(stream):
        if place == _DRAWN or direct(stream.get("/Subtype")) == "/Form":
            _remove(stream, set(stream) - FORM)
        refuse_inline_jpeg(unpacked(stream, budget))
    elif place == _DRAWN:
        _remove(stream, set(stream) - PICTURE)
        clean_picture(stream, budget)
    else:
        raise UnfitFile(DAMAGED)


def _remove(value: DictionaryObject, keys: Iterable[str]) -> None:
    for key in keys:
        value.pop(key, None)
