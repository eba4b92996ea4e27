"""Cleans the streams of a PDF: removes the metadata of pictures, and checks all other streams."""

import re
from itertools import zip_longest

from pypdf.filters import decode_stream_data
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    NullObject,
    StreamObject,
)

from banking.attachments.pdf.jpeg import without_metadata
from banking.attachments.pdf.messages import (
    DAMAGED,
    INLINE_JPEG,
    JPEG_2000,
    TOO_MUCH_WORK,
)
from banking.attachments.refusals import UnfitFile

ABBREVIATIONS = {
    "/A85": "/ASCII85Decode", "/AHx": "/ASCIIHexDecode", "/Fl": "/FlateDecode",
    "/LZW": "/LZWDecode", "/RL": "/RunLengthDecode", "/DCT": "/DCTDecode",
    "/CCF": "/CCITTFaxDecode",
}  # fmt: skip
PACKING = frozenset(
    "/ASCII85Decode /ASCIIHexDecode /FlateDecode /LZWDecode /RunLengthDecode".split()
)
PICTURE_FILTERS = frozenset("/DCTDecode /JPXDecode /CCITTFaxDecode /JBIG2Decode".split())
_DELIMITERS = rb"\0\t\n\f\r ()<>\[\]{}/%"  # the characters between the words of a content stream
_INLINE_PICTURE = re.compile(rb"(?<![^%b])(?<!/)BI(?![^%b])" % (_DELIMITERS, _DELIMITERS))
_JPEG_FILTER = re.compile(rb"/DCT(?:Decode)?(?![^%b])" % _DELIMITERS)
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")


class UnpackingBudget:
    """The number of bytes that may still be unpacked."""

    def __init__(self, most: int) -> None:
        self.left = most

    def take(self, count: int) -> None:
        """Subtracts `count` bytes from the budget.

        Raises: UnfitFile if fewer bytes are left.
        """
        self.left -= count
        if self.left < 0:
            raise UnfitFile(TOO_MUCH_WORK)


def direct(value: object) -> object:
    """Returns the object to which a reference refers. Returns other objects unchanged.

    Raises: UnfitFile if the chain of references is too long.
    """
    for _step in range(9):
        if not isinstance(value, IndirectObject):
            return value
        value = value.get_object()
    raise UnfitFile(DAMAGED)


def is_picture(value: object) -> bool:
    return isinstance(value, StreamObject) and direct(value.get("/Subtype")) == "/Image"


def clean_picture(picture: StreamObject, budget: UnpackingBudget) -> None:
    """Removes the metadata of a picture if the picture is a JPEG. If the JPEG has other filters,
    unpacks the JPEG first.

    Raises: UnfitFile if the picture cannot be checked.
    """
    filters, settings = _filters_of(picture)
    if "/JPXDecode" in filters:
        raise UnfitFile(JPEG_2000)
    if "/DCTDecode" not in filters:
        return
    if filters[-1] != "/DCTDecode" or not PACKING.issuperset(filters[:-1]):
        raise UnfitFile(DAMAGED)
    picture._data = without_metadata(_unpacked(picture, filters[:-1], settings[:-1], budget))
    _set_filters(picture, filters[-1:], settings[-1:])


def unpacked(stream: StreamObject, budget: UnpackingBudget) -> bytes:
    """Returns the unpacked data of a stream that is not a picture.

    Raises: UnfitFile if the stream has a filter for pictures.
    """
    filters, settings = _filters_of(stream)
    if not PACKING.issuperset(filters):
        raise UnfitFile(DAMAGED)
    return _unpacked(stream, filters, settings, budget)


def refuse_inline_jpeg(content: bytes) -> None:
    """Raises UnfitFile if a content stream contains a JPEG (`BI /F /DCT ID ... EI`)."""
    plain = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), content)
    for each in (content, plain):
        begin = _INLINE_PICTURE.search(each)
        if begin and _JPEG_FILTER.search(each, begin.end()):
            raise UnfitFile(INLINE_JPEG)


def _filters_of(stream: StreamObject) -> tuple[list[str], list[DictionaryObject]]:
    """Returns the full names of the filters, and the settings of each filter. Also replaces the
    filters and settings of the stream by these values, because PDF readers interpret short names
    and other spellings differently.

    Raises: UnfitFile if a filter is not known.
    """
    named, given = direct(stream.get("/Filter")), direct(stream.get("/DecodeParms"))
    names = [direct(each) for each in named] if isinstance(named, ArrayObject) else [named]
    filters = [ABBREVIATIONS.get(str(name), str(name)) for name in names if _is_given(name)]
    if not (PACKING | PICTURE_FILTERS).issuperset(filters):
        raise UnfitFile(DAMAGED)
    found = [direct(each) for each in given] if isinstance(given, ArrayObject) else [given]
    settings = [
        each if isinstance(each, DictionaryObject) else DictionaryObject()
        for _filter, each in zip_longest(filters, found[: len(filters)])
    ]
    _set_filters(stream, filters, settings)
    return filters, settings


def _is_given(value: object) -> bool:
    return value is not None and not isinstance(value, NullObject)


def _set_filters(
    stream: StreamObject, filters: list[str], settings: list[DictionaryObject]
) -> None:
    for key in ("/Filter", "/DecodeParms"):
        stream.pop(key, None)
    if len(filters) == 1:
        stream[NameObject("/Filter")] = NameObject(filters[0])
        if settings[0]:
            stream[NameObject("/DecodeParms")] = settings[0]
    elif filters:
        stream[NameObject("/Filter")] = ArrayObject(map(NameObject, filters))
        if any(settings):
            stream[NameObject("/DecodeParms")] = ArrayObject(settings)


def _unpacked(
    stream: StreamObject,
    filters: list[str],
    settings: list[DictionaryObject],
    budget: UnpackingBudget,
) -> bytes:
    """Returns the data of the stream, unpacked with these filters. The stream does not change.

    Raises: UnfitFile if the budget is exceeded.
    """
    packed = StreamObject()
    packed._data = stream._data
    _set_filters(packed, filters, settings)
    data = decode_stream_data(packed) if filters else packed._data
    budget.take(len(data))
    return data
