"""Records of CSV that are bounded in length, also where quotes hold the ends of lines."""

import csv
from collections.abc import Iterable, Iterator


class RecordTooLong(Exception):
    """A record has more characters than it may."""


class CsvRecords:
    """The records of some lines. The csv module collects a record of any length in memory, of which
    a quoted cell may go over many lines; this one raises RecordTooLong.
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
        """How many lines were read."""
        return self._reader.line_num

    def _counted(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self._length += len(line)
            if self._length > self._longest:
                raise RecordTooLong
            yield line
