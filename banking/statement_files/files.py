"""A statement as a file of each format.

Note [Formats of banks]: PDF for people, XLSX for spreadsheets, OFX 2 and QIF for finance programs,
camt.053 and MT940 for bookkeeping. Text formats are sent while their entries are read. PDF and XLSX
are made before they are sent, so they have a limit.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain, islice

from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.urls import reverse

from accounts.models import Account
from banking.statement_files.document import FileTooLong, StatementDocument
from banking.statement_files.formats.camt053 import camt053
from banking.statement_files.formats.mt940 import mt940
from banking.statement_files.formats.ofx import ofx
from banking.statement_files.formats.qif import qif
from banking.statement_files.formats.table import table
from ledger.web.downloads import making_file
from ledger.web.table_files import TYPES, table_response

CHUNK_SIZE = 100  # entries per chunk of the response
# Entries. 10,000 are about 400 pages, or 2,600 if all have the longest texts. A workbook takes 1.5
# s of CPU time for 10,000 and 8 s for 50,000, during which the other threads of the process wait.
# It needs no more memory for more rows.
MAX_PDF_ENTRIES, MAX_XLSX_ENTRIES = 10_000, 20_000


@dataclass(frozen=True, slots=True)
class TextFormat:
    """A format that is sent while it is written. `label` is its name on pages."""

    label: str
    content_type: str
    write: Callable[[StatementDocument], Iterator[str]]


TEXTS = {
    "ofx": TextFormat("OFX", "application/x-ofx", ofx),
    "qif": TextFormat("QIF", "application/x-qif; charset=utf-8", qif),
    "xml": TextFormat("camt.053", "application/octet-stream", camt053),  # never shown as a page
    "sta": TextFormat("MT940", "text/plain; charset=us-ascii", mt940),
}
# The extensions of all files, and their names on pages.
LABELS = {
    "pdf": "PDF", "csv": "CSV", "xlsx": "Excel",
    **{kind: text.label for kind, text in TEXTS.items()}, "json": "JSON",
}  # fmt: skip
LIMITS = {"pdf": MAX_PDF_ENTRIES, "xlsx": MAX_XLSX_ENTRIES}
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def check_page_of(request: HttpRequest) -> str:
    """Returns the address of the page that checks printed statements."""
    return request.build_absolute_uri(reverse("transactions:statement_check"))


def refuse_too_long(kind: str, count: int) -> None:
    """Raises FileTooLong for more entries than we write in this format."""
    most = LIMITS.get(kind)
    if most is not None and count > most:
        raise FileTooLong(
            f"{LABELS[kind]} files may have up to {most:,} entries. Choose a shorter period or CSV."
        )


def made_in_turn(kind: str, account: Account) -> AbstractContextManager[None]:
    """Returns a context in which a file of this format is made. It waits for other downloads of the
    owner and of others.

    Raises: TooManyDownloads.
    """
    return making_file(account.user_id) if kind in LIMITS else nullcontext()


def file_response(document: StatementDocument, name: str, kind: str) -> HttpResponseBase:
    """Returns the document as a download; `name` is the file name without extension.

    Raises: FileTooLong.
    """
    if kind in TYPES:
        return table_response(table(document, name), kind)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    # Imported here, because these libraries are large, and few processes write such files.
    if kind == "pdf":
        from banking.statement_files.formats.pdf import pdf

        return HttpResponse(pdf(document), content_type="application/pdf", headers=headers)
    if kind == "xlsx":
        from banking.statement_files.formats.xlsx import xlsx

        return FileResponse(xlsx(document), content_type=XLSX_TYPE, headers=headers)
    text = TEXTS[kind]
    parts = _in_parts(text.write(document))
    response = StreamingHttpResponse(parts, content_type=text.content_type, headers=headers)
    # The first chunk is read before the response begins, so that a failure is answered with 503.
    response.streaming_content = chain(list(islice(parts, 1)), parts)
    return response


def _in_parts(lines: Iterator[str]) -> Iterator[str]:
    while part := "".join(islice(lines, CHUNK_SIZE)):
        yield part
