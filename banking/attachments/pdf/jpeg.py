"""Removes metadata from a JPEG: everything that is not needed to draw the picture (ITU T.81, annex
B).
"""

import re

from banking.attachments.pdf.messages import DAMAGED
from banking.attachments.refusals import UnfitFile

# Only these segments stay: frames, Huffman and arithmetic tables, scans, quantization tables,
# numbers of lines and restart intervals. Application segments (EXIF, XMP, previews), comments and
# reserved segments are removed.
KEPT_SEGMENTS = frozenset({*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD} - {0xC8})
JFIF, ADOBE = 0xE0, 0xEE
START_OF_SCAN, END_OF_IMAGE = b"\xda", b"\xd9"
_WITHOUT_CONTENT = frozenset({0x01, *range(0xD0, 0xD8)})
_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
# Matches the end of a scan. The data of a scan contains only the markers that this pattern
# excludes.
_AFTER_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)


def without_metadata(jpeg: bytes) -> bytes:
    """Returns the JPEG with only the segments that are needed to draw it. Data after the end of the
    image is removed.

    Raises: UnfitFile if the content is not a complete JPEG.
    """
    if not jpeg.startswith(b"\xff\xd8"):
        raise UnfitFile(DAMAGED)
    kept, place = [jpeg[:2]], 2
    while (found := _MARKER.match(jpeg, place)) and found[1] != END_OF_IMAGE:
        kind, begin, place = found[1][0], found.end(), found.end()
        if kind not in _WITHOUT_CONTENT:
            place += max(2, int.from_bytes(jpeg[place : place + 2]))
        if place > len(jpeg):
            raise UnfitFile(DAMAGED)
        kept.append(_kept(kind, jpeg[begin + 2 : place]))
        if found[1] == START_OF_SCAN:
            following = _AFTER_SCAN.search(jpeg, place)
            end = following.start() if following else len(jpeg)
            kept.append(jpeg[place:end])
            place = end
    if found is None and place < len(jpeg):
        raise UnfitFile(DAMAGED)
    return b"".join([*kept, b"\xff", END_OF_IMAGE])


def _kept(kind: int, content: bytes) -> bytes:
    """Returns a segment for the cleaned JPEG, without the parts that are not needed. Returns empty
    bytes if the whole segment is not needed.
    """
    if 0xD0 <= kind <= 0xD7:
        return bytes((0xFF, kind))
    if kind == JFIF and content.startswith(b"JFIF\0") and len(content) >= 14:
        content = content[:12] + b"\0\0"  # without the preview picture
    elif kind == ADOBE and content.startswith(b"Adobe") and len(content) >= 12:
        content = content[:12]  # this part is needed: it defines how colours are stored
    elif kind not in KEPT_SEGMENTS:
        return b""
    return bytes((0xFF, kind)) + (len(content) + 2).to_bytes(2) + content
