"""Stores uploaded files in the database in several parts, so that memory never contains a whole
file.
"""

import io
from typing import IO

from banking.outside.formats.lines import MAX_BYTES, UnreadableStatement
from banking.outside.models import OutsideFilePart, OutsideImport, id_of

PART_BYTES = 256 * 1024


def store_file(file: IO[bytes], source: OutsideImport) -> None:
    """Splits the file into parts of PART_BYTES, and stores the parts in the database under the
    import `source`.

    Raises: UnreadableStatement if the file has more than MAX_BYTES.
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
    """Returns the stored file of the import `source` as a binary stream. The stream reads each part
    from the database when the part is needed.
    """
    return io.BufferedReader(_StoredFile(source), PART_BYTES)


def size_of(source: OutsideImport) -> int:
    """Returns the size of the stored file of the import `source`, in bytes."""
    return _StoredFile(source).seek(0, io.SEEK_END)


def delete_file(source: OutsideImport) -> None:
    """Deletes the stored file of the import `source`."""
    OutsideFilePart.objects.filter(source=source).delete()


class _StoredFile(io.RawIOBase):
    """A binary stream that reads the stored parts of a file from the database. Only one part is in
    memory at a time.
    """

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
        if whence != io.SEEK_SET:  # our readers use only SEEK_SET
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
