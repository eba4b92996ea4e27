"""Creates the download of a person's data: one JSON file, or a ZIP file with a CSV file per
section.

Files that the person attached are Base64 values in the JSON file, and separate files in the ZIP
file. Both downloads are generators that keep only a few thousand rows in memory.
"""

import base64
import csv
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any, cast

from accounts.models import User
from ledger.db.json_numbers import ExactNumberEncoder
from ledger.text.csv_cells import Echo, guarded
from transactions.privacy.personal_data import DataSection, ExportedFile, all_sections

ROWS_A_CHUNK = 200


def as_json(person: User) -> Iterator[bytes]:
    """Yields the bytes of one JSON object. The keys of the object are the sections, and each value
    is a list of objects.
    """
    encode = _Encoder(ensure_ascii=False)
    yield b"{"
    for place, section in enumerate(all_sections()):
        yield f"{',' if place else ''}\n{json.dumps(section.name)}: [".encode()
        separator = "\n"
        for row in section.rows(person):
            fields = dict(zip(section.columns, row, strict=True))
            yield (separator + encode.encode(fields)).encode()
            separator = ",\n"
        yield b"]"
    yield b"\n}\n"


def as_zip(person: User, moment: datetime) -> Iterator[bytes]:
    """Yields the bytes of a ZIP file with one CSV file per section and the attached files. `moment`
    is the modification time of all files.
    """
    sink = _Sink()
    with zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_DEFLATED) as archive:
        for section in all_sections():
            about = zipfile.ZipInfo(f"{section.name}.csv", moment.timetuple()[:6])
            about.compress_type = zipfile.ZIP_DEFLATED
            files: list[ExportedFile] = []
            with archive.open(about, "w", force_zip64=True) as file:
                for lines in _chunks(section, person, files):
                    file.write(lines.encode())
                    yield sink.taken()
            yield sink.taken()
            for each in files:
                archive.writestr(zipfile.ZipInfo(each.path, moment.timetuple()[:6]), each.read())
                yield sink.taken()
    yield sink.taken()


def _chunks(section: DataSection, person: User, files: list[ExportedFile]) -> Iterator[str]:
    """Yields the lines of the section's CSV file, several lines at a time. If a cell refers to an
    attached file, adds the file to `files`.
    """
    writer = csv.writer(Echo())
    lines = [cast("str", writer.writerow(section.columns))]
    for row in section.rows(person):
        files += [value for value in row if isinstance(value, ExportedFile)]
        lines.append(cast("str", writer.writerow([_cell(value) for value in row])))
        if len(lines) >= ROWS_A_CHUNK:
            yield "".join(lines)
            lines = []
    yield "".join(lines)


def _cell(value: Any) -> Any:
    """Returns the value for a CSV cell. Escapes texts that a spreadsheet would read as formulas.
    Times become ISO 8601, lists and objects become JSON, and attached files become their paths.
    """
    if isinstance(value, dict | list):
        value = json.dumps(value, cls=ExactNumberEncoder, ensure_ascii=False)
    if isinstance(value, ExportedFile):
        value = value.path
    if isinstance(value, str):
        return guarded(value)
    return value.isoformat() if isinstance(value, datetime) else value


class _Encoder(ExactNumberEncoder):
    """A JSON encoder that writes attached files in Base64."""

    def default(self, o: Any) -> Any:
        if isinstance(o, ExportedFile):
            return base64.b64encode(o.read()).decode()
        return super().default(o)


class _Sink:
    """A writable file object that cannot seek. `taken` returns the data that was written since the
    last call of `taken`.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Does nothing, because `taken` removes the data."""

    def taken(self) -> bytes:
        parts, self._parts = b"".join(self._parts), []
        return parts
