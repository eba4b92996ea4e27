"""Makes a file of a statement in each format.

Note [Formats of banks]: PDF is for people, XLSX for spreadsheets, OFX 2 and QIF for finance
programs, and camt.053 and MT940 for bookkeeping. Text formats are sent while the entries are read.
PDF and XLSX files are complete before they are sent, so the number of entries in them is limited.
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

CHUNK_SIZE = 100  # number of entries per part of the response
# Maximum numbers of entries. 10,000 entries are about 400 pages, or 2,600 pages if all texts are as
# long as possible. An XLSX file takes 1.5 s of CPU time for 10,000 entries and 8 s for 50,000
# entries, and the other threads of the process wait. The memory use does not depend on the number
# of rows.
MAX_PDF_ENTRIES, MAX_XLSX_ENTRIES = 10_000, 20_000


@dataclass(frozen=True, slots=True)
class TextFormat:
    """A text format. A file of this format is sent while it is written. `label` is the name of the
    format on pages.
    """

    label: str
    content_type: str
    write: Callable[[StatementDocument], Iterator[str]]


TEXTS = {
    "ofx": TextFormat("OFX", "application/x-ofx", ofx),
    "qif": TextFormat("QIF", "application/x-qif; charset=utf-8", qif),
    "xml": TextFormat("camt.053", "application/octet-stream", camt053),  # not shown by browsers
    "sta": TextFormat("MT940", "text/plain; charset=us-ascii", mt940),
}
# The extension of each file format, and the name of the format on pages.
LABELS = {
    "pdf": "PDF", "csv": "CSV", "xlsx": "Excel",
    **{kind: text.label for kind, text in TEXTS.items()}, "json": "JSON",
}  # fmt: skip
LIMITS = {"pdf": MAX_PDF_ENTRIES, "xlsx": MAX_XLSX_ENTRIES}
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def check_page_of(request: HttpRequest) -> str:
    """Returns the URL of the page that checks printed statements."""
    return request.build_absolute_uri(reverse("transactions:statement_check"))


def refuse_too_long(kind: str, count: int) -> None:
    """Raises FileTooLong if `count` entries are too many for a file of this format."""
    most = LIMITS.get(kind)
    if most is not None and count > most:
        raise FileTooLong(
            f"{LABELS[kind]} files may have up to {most:,} entries. Choose a shorter period or CSV."
        )


def made_in_turn(kind: str, account: Account) -> AbstractContextManager[None]:
    """Returns a context manager for the code that makes a file of this format. For PDF and XLSX, it
    limits how many files are made in parallel: it first waits until enough downloads of other users
    have ended.

    Raises: TooManyDownloads if another download of the account's owner is running, or if the wait
    is too long.
    """
    return making_file(account.user_id) if kind in LIMITS else nullcontext()


def file_response(document: StatementDocument, name: str, kind: str) -> HttpResponseBase:
    """Returns the document as a download. `name` is the file name without extension.

    Raises: FileTooLong if the file would have too many letters.
    """
    if kind in TYPES:
        return table_response(table(document, name), kind)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    # Imported here, because these libraries are large and few processes make such files.
    if kind == "pdf":
        from banking.statement_files.formats.pdf import pdf

        return HttpResponse(pdf(document), content_type="application/pdf", headers=headers)
    if kind == "xlsx":
        from banking.statement_files.formats.xlsx import xlsx

        return FileResponse(xlsx(document), content_type=XLSX_TYPE, headers=headers)
    text = TEXTS[kind]
    parts = _in_parts(text.write(document))
    response = StreamingHttpResponse(parts, content_type=text.content_type, headers=headers)
    # The first part is read before the response begins, so that an error here still causes status
    # 503.
    response.streaming_content = chain(list(islice(parts, 1)), parts)
    return response


def _in_parts(lines: Iterator[str]) -> Iterator[str]:
    while part := "".join(islice(lines, CHUNK_SIZE)):
        yield part
