"""What is kept of a file that somebody sends: its kind, which its content tells, its content
written anew, and its name.
"""

from dataclasses import dataclass
from pathlib import PurePath

from banking.attachments import documents
from banking.attachments.models import MOST_BYTES, NAME_LIMIT, AttachmentKind
from banking.attachments.refusals import UnfitFile
from ledger.text.lines import encodes, tidy_line

MOST_SENT = 10 * 1024 * 1024  # bytes; a picture becomes smaller
HEIC = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"})
EMPTY = "The file is empty. Choose another one."
TOO_LARGE = f"The file is larger than {MOST_SENT // 1024**2} MB. Choose a smaller one."
NO_HEIC = (
    "This is a HEIC or AVIF picture, which many devices cannot show. Choose a JPEG, or take a"
    " screenshot of it."
)
OTHER = "This file is not a JPEG, PNG or WebP picture or a PDF. Choose another file."


@dataclass(frozen=True, slots=True)
class FitFile:
    """What is kept of a file."""

    name: str
    kind: AttachmentKind
    content: bytes


def fit(name: str, content: bytes) -> FitFile:
    """What is kept of the file. Raises UnfitFile."""
    if not content:
        raise UnfitFile(EMPTY)
    if len(content) > MOST_SENT:
        raise UnfitFile(TOO_LARGE)
    from banking.attachments import pictures  # with Pillow, for an upload alone

    if pictures.format_of(content):
        made = pictures.encoded_anew(content, MOST_BYTES)
        return FitFile(_stem(name), AttachmentKind.PICTURE, made)
    if not content.startswith(documents.BEGINNING):
        is_heic = content[4:8] == b"ftyp" and content[8:12] in HEIC
        raise UnfitFile(NO_HEIC if is_heic else OTHER)
    made = documents.written_anew(content, MOST_BYTES)
    return FitFile(_stem(name), AttachmentKind.DOCUMENT, made)


def _stem(name: str) -> str:
    """The name without its folders and its ending, in visible characters."""
    tidy = tidy_line(name if encodes(name) else "").replace("\\", "/")
    return PurePath(tidy).stem.strip(" .")[:NAME_LIMIT].strip(" .")
