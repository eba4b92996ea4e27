"""Stores uploaded files in the database, in parts, so that no file is completely in memory."""

import io
from typing import IO

from banking.outside.formats.lines import MAX_BYTES, UnreadableStatement
from banking.outside.models import OutsideFilePart, OutsideImport, id_of

PART_BYTES = 256 * 1024


def store_file(file: IO[bytes], source: OutsideImport) -> None:
    """Stores the file of an import.

    Raises: UnreadableStatement for a file of more than MAX_BYTES.
    """
    file.seek(0)
    number = 0
    while body := file.read(PART_BYTES):
        if number * PART_BYTES + len(body) > MAX_BYTES:
            raise UnreadableStatement(f"The file has more than {MAX_BYTES // 1024**2} MB.")
        OutsideFilePart.objects.create(
            pk=id_of(source, "part", number), source=source, number=number, body=body
        )
        number += 1


def stored_file(source: OutsideImport) -> IO[bytes]:
    """Returns the stored file, which is read part by part."""
    return io.BufferedReader(_StoredFile(source), PART_BYTES)


def size_of(source: OutsideImport) -> int:
    """Returns the size of the stored file in bytes."""
    return _StoredFile(source).seek(0, io.SEEK_END)


def delete_file(source: OutsideImport) -> None:
    """Deletes the stored file."""
    OutsideFilePart.objects.filter(source=source).delete()


class _StoredFile(io.RawIOBase):
    """Reads the parts of a file in order; keeps one part at a time in memory."""

    def __init__(self, source: OutsideImport) -> None:
        self.source, self.position = source, 0
        self.number, self.body = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:  # not used by our readers
            offset = self.position + offset if whence == io.SEEK_CUR else self._size() + offset
        self.position = offset
        return offset

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        number, start = divmod(self.position, PART_BYTES)
        if number != self.number:
            parts = OutsideFilePart.objects.filter(source=self.source, number=number)
            body = parts.values_list("body", flat=True).first()
            self.number, self.body = number, bytes(body or b"")
        piece = self.body[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self.position += len(piece)
        return len(piece)

    def _size(self) -> int:
        last = OutsideFilePart.objects.filter(source=self.source).order_by("-number").first()
        return last.number * PART_BYTES + len(last.body) if last else 0
