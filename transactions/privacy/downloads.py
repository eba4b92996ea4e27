"""A person's data as one JSON file, or as a ZIP file with a CSV file a section.

Files that the person attached are in the JSON in Base64, and in the ZIP file beside the CSV files.
Both are generators: they hold some thousand rows in memory, however many there are.
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
    """One object, with a list of objects for each section."""
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
    """A ZIP file with a CSV file for each section; `moment` is the time of its files."""
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
    """The lines of the CSV file; adds the files that they name to `files`."""
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
    """A value as CSV has it: no text is a formula, times are ISO 8601, lists and objects JSON."""
    if isinstance(value, dict | list):
        value = json.dumps(value, cls=ExactNumberEncoder, ensure_ascii=False)
    if isinstance(value, ExportedFile):
        value = value.path
    if isinstance(value, str):
        return guarded(value)
    return value.isoformat() if isinstance(value, datetime) else value


class _Encoder(ExactNumberEncoder):
    """With files in Base64."""

    def default(self, o: Any) -> Any:
        if isinstance(o, ExportedFile):
            return base64.b64encode(o.read()).decode()
        return super().default(o)


class _Sink:
    """A file that cannot seek: what was written is taken away at once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing to do: parts are taken away by `taken`."""

    def taken(self) -> bytes:
        parts, self._parts = b"".join(self._parts), []
        return parts
