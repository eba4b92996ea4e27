"""Checks and cleans an uploaded file: finds its kind by its content, encodes the content again, and
tidies the file name.
"""

from dataclasses import dataclass
from pathlib import PurePath

from banking.attachments import documents
from banking.attachments.models import MAX_BYTES, NAME_LIMIT, AttachmentKind
from banking.attachments.refusals import UnfitFile
from ledger.text.lines import encodes, tidy_line

MAX_UPLOAD_BYTES = 10 * 1024 * 1024  # in bytes; stored pictures are smaller
HEIC = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"})
EMPTY = "The file is empty. Choose another file."
TOO_LARGE = f"The file is larger than {MAX_UPLOAD_BYTES // 1024**2} MB. Choose a smaller file."
NO_HEIC = (
    "This is a HEIC or AVIF picture, which many devices cannot show. Choose a JPEG, or take a"
    " screenshot of it."
)
OTHER = "This file is not a JPEG, PNG or WebP picture or a PDF. Choose another file."


@dataclass(frozen=True, slots=True)
class FitFile:
    """A file that was cleaned and can be stored."""

    name: str
    kind: AttachmentKind
    content: bytes


def fit(name: str, content: bytes) -> FitFile:
    """Checks an uploaded file, and returns a cleaned copy.

    Raises: UnfitFile, with the reason for the user, if the file is not accepted.
    """
    if not content:
        raise UnfitFile(EMPTY)
    if len(content) > MAX_UPLOAD_BYTES:
        raise UnfitFile(TOO_LARGE)
    from banking.attachments import pictures  # imports Pillow, which only uploads need

    if pictures.format_of(content):
        made = pictures.reencoded(content, MAX_BYTES)
        return FitFile(_stem(name), AttachmentKind.PICTURE, made)
    if not content.startswith(documents.BEGINNING):
        is_heic = content[4:8] == b"ftyp" and content[8:12] in HEIC
        raise UnfitFile(NO_HEIC if is_heic else OTHER)
    made = documents.rewritten(content, MAX_BYTES)
    return FitFile(_stem(name), AttachmentKind.DOCUMENT, made)


def _stem(name: str) -> str:
    """Returns the tidied file name without folders and extension, cut to NAME_LIMIT. Returns "" if
    nothing is left.
    """
    tidy = tidy_line(name if encodes(name) else "").replace("\\", "/")
    return PurePath(tidy).stem.strip(" .")[:NAME_LIMIT].strip(" .")
