"""Reads CSV records and limits their length. The csv module itself would read a record of any
length.
"""

import csv
from collections.abc import Iterable, Iterator


class RecordTooLong(Exception):
    """An error for a record with too many characters."""


class CsvRecords:
    """An iterator over the CSV records in these lines. Raises RecordTooLong for a record of more
    than `longest` characters, for example if a quoted cell continues over many lines.
    """

    def __init__(self, lines: Iterable[str], *, separator: str, longest: int) -> None:
        self._longest, self._length = longest, 0
        self._reader = csv.reader(self._counted(lines), delimiter=separator, strict=True)

    def __iter__(self) -> Iterator[list[str]]:
        for cells in self._reader:
            self._length = 0
            yield cells

    @property
    def line_num(self) -> int:
        """The number of lines that were read so far."""
        return self._reader.line_num

    def _counted(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self._length += len(line)
            if self._length > self._longest:
                raise RecordTooLong
            yield line
