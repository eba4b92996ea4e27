"""Uploaded files in the database, in parts, so that none is ever whole in memory."""

import io
from typing import IO

from banking.outside.formats.lines import MOST_BYTES, UnreadableStatement
from banking.outside.models import OutsideFilePart, OutsideImport, id_of

PART_BYTES = 256 * 1024


def keep(source: IO[bytes], whose: OutsideImport) -> None:
    """Stores the file. Raises UnreadableStatement for one of more than MOST_BYTES."""
    source.seek(0)
    number = 0
    while body := source.read(PART_BYTES):
        if number * PART_BYTES + len(body) > MOST_BYTES:
            raise UnreadableStatement(f"The file has more than {MOST_BYTES // 1024**2} MB.")
        OutsideFilePart.objects.create(
            pk=id_of(whose, "part", number), source=whose, number=number, body=body
        )
        number += 1


def kept(whose: OutsideImport) -> IO[bytes]:
    """The stored file, to be read part by part."""
    return io.BufferedReader(_KeptFile(whose), PART_BYTES)


def size_of(whose: OutsideImport) -> int:
    """The bytes of the stored file."""
    return _KeptFile(whose).seek(0, io.SEEK_END)


def forget(whose: OutsideImport) -> None:
    """Deletes the stored file."""
    OutsideFilePart.objects.filter(source=whose).delete()


class _KeptFile(io.RawIOBase):
    """Reads the parts of a file in order; holds one at a time."""

    def __init__(self, whose: OutsideImport) -> None:
        self.whose, self.position = whose, 0
        self.number, self.body = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:  # readers only go back to a place from the beginning
            offset = self.position + offset if whence == io.SEEK_CUR else self._size() + offset
        self.position = offset
        return offset

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        number, start = divmod(self.position, PART_BYTES)
        if number != self.number:
            parts = OutsideFilePart.objects.filter(source=self.whose, number=number)
            body = parts.values_list("body", flat=True).first()
            self.number, self.body = number, bytes(body or b"")
        piece = self.body[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self.position += len(piece)
        return len(piece)

    def _size(self) -> int:
        last = OutsideFilePart.objects.filter(source=self.whose).order_by("-number").first()
        return last.number * PART_BYTES + len(last.body) if last else 0
