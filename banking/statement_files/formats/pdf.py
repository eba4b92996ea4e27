"""Writes a statement as a PDF on A4 with ReportLab. The same statement always has the same bytes.

ReportLab is used because WeasyPrint needs system libraries. All lines are arranged on pages before
they are drawn, so that each page can show the total number of pages.
"""

from codecs import BOM_UTF16_BE
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from itertools import islice
from typing import NamedTuple

from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from banking.statement_files.document import FileTooLong, StatementDocument, StatementLine
from banking.statement_files.formats import fonts
from banking.statement_files.formats.fonts import BOLD, PLAIN
from ledger.text.dates import clock, long_date
from ledger.text.lines import grouped
from ledger.text.money import MINUS
from ledger.text.money import figure as figure_of

PAGE_WIDTH, PAGE_HEIGHT = A4  # in points
LEFT: float = 20 * mm
RIGHT: float = PAGE_WIDTH - 20 * mm
TOP: float = PAGE_HEIGHT - 18 * mm
BOTTOM: float = 24 * mm
INK, MUTED, HAIR, ACCENT = (
    HexColor("#14201f"), HexColor("#5a6664"), HexColor("#d5d8d4"), HexColor("#0b6e69"),
)  # fmt: skip
SIZE, SMALL, LEADING = 8.5, 7.2, 10.5
BALANCE_RIGHT, AMOUNT_RIGHT = RIGHT, RIGHT - 32 * mm
WORDS_LEFT = LEFT + 24 * mm
WORDS_WIDTH = AMOUNT_RIGHT - 30 * mm - WORDS_LEFT
ROW_SPACE = 6  # points between two entries
MM: float = mm
LONG_HEAD, SHORT_HEAD = 56 * MM, 14 * MM
HEAD_ROW = 16  # height of the table's heading in points
PROOF = 34 * mm  # height of the part with the digest and the code
ROWS_WITH_PROOF = 4  # number of rows that move to an additional page together with this part
TYPE_IT = "To check this statement, scan the code, or type this digest on the page below."
FOLLOW_IT = "Scan the code or click here to check this statement against the bank's records."
# For a statement without a code. Each text is one row.
CLICK_IT = (
    "Click here to check this statement against the bank's records.",
    "The statement has no code, because its search is too long.",
)
MAX_CODE_LENGTH = (
    1000  # characters; with more characters, the squares are smaller than a quarter of a millimetre
)
LETTERS_AT_FIRST = 32  # number of letters of a word that are measured first, about half a line
# The limit for texts with letters that PLAIN does not draw. A letter takes up to 0.15 ms of CPU
# time if the previous letter has another font, so the texts take at most 22 s. 10,000 entries with
# the longest plain texts take 15 s.
MAX_LETTERS = 150_000
MORE = "\u2026"


class LaidOutRow(NamedTuple):
    """An entry with its height in points and its texts, which are divided into lines. `day` is ""
    for a balance.
    """

    day: str
    title: list[str]
    words: list[str]
    amount: str
    balance: str
    height: float


def pdf(document: StatementDocument) -> bytes:
    """Returns the bytes of the PDF file. Reads all lines of the document into memory, so the caller
    must limit the number of lines.

    Raises: FileTooLong if the texts that are not plain (see `is_plain`) have more than MAX_LETTERS
    letters.
    """
    fonts.load()
    lines = _limited(document.lines)
    rows = _with_edges((_row(line, document.currency) for line in lines), document)
    is_whole = not document.selection
    laid_out = list(_pages(rows, _head_height(document), is_whole=is_whole))
    if _room(laid_out[-1], _head_height(document) if len(laid_out) == 1 else 0) < PROOF:
        laid_out += _page_of_the_proof(laid_out.pop(), is_whole=is_whole)
    pages = [_days_once(page) for page in laid_out]
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1, pageCompression=1, lang="en-GB")
    canvas.setTitle(f"{document.title} · {grouped(document.account_number)}")
    canvas.setAuthor("Ledger")
    canvas.setCreator("Ledger")
    canvas._doc._timeStamp = _TimeStamp(document.made_at)
    canvas.setSubject(f"{document.period}; digest {document.digest}")
    pen = _Pen(canvas)
    for number, page in enumerate(pages, start=1):
        y = pen.head(document) if number == 1 else pen.short_head(document)
        y = pen.table(page, document, y)
        if number == len(pages):
            pen.proof(document, y)
        pen.foot(document, number, len(pages))
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _limited(lines: Iterable[StatementLine]) -> Iterator[StatementLine]:
    """Yields the lines unchanged, and counts the letters of the texts that are not plain.

    Raises: FileTooLong if the texts that are not plain have more than MAX_LETTERS letters.
    """
    left = MAX_LETTERS
    for line in lines:
        left -= sum(len(text) for text in (line.title, line.words) if not fonts.is_plain(text))
        if left < 0:
            raise FileTooLong(
                f"PDF files may have up to {MAX_LETTERS:,} letters in texts of scripts other than "
                "Latin, Greek and Cyrillic. Choose a shorter period or CSV."
            )
        yield line


class _TimeStamp:
    """A time in the form that ReportLab expects. Without this class, ReportLab would write the year
    2000, or different bytes each time.
    """

    def __init__(self, moment: datetime) -> None:
        self.t = moment.timestamp()
        self.YMDhms = moment.astimezone(UTC).timetuple()[:6]
        self.dhh = self.dmm = 0  # difference from UTC


def _with_edges(rows: Iterable[LaidOutRow], document: StatementDocument) -> Iterator[LaidOutRow]:
    """Yields the opening balance, the entries and the closing balance. For chosen entries, yields
    only the entries, because they do not add up to the balances.
    """
    if document.selection:
        chosen = iter(rows)
        yield next(chosen, _edge("No entries", ""))
        yield from chosen
        return
    yield _edge("Opening balance", _figure(document.opening, document.currency))
    yield from rows
    yield _edge("Closing balance", _figure(document.closing, document.currency))


def _days_once(page: list[LaidOutRow]) -> list[LaidOutRow]:
    """Returns the rows of a page. Only the first row of each day contains the day."""
    days = ["", *(row.day for row in page)]
    return [
        row._replace(day="") if row.day == before else row
        for before, row in zip(days, page, strict=False)
    ]


def _figure(amount: Decimal | None, currency: str) -> str:
    """Returns the amount as text. The minus sign is a hyphen, because Noto Sans has no minus sign.
    All characters are in one font, so that a reader can copy the number from the PDF.
    """
    return figure_of(amount, currency).replace(MINUS, "-")


def _edge(title: str, balance: str) -> LaidOutRow:
    return LaidOutRow("", [title], [], "", balance, LEADING + ROW_SPACE)


def _row(line: StatementLine, currency: str) -> LaidOutRow:
    title = list(_wrapped(line.title, BOLD, SIZE, WORDS_WIDTH))
    words = list(_wrapped(line.words, PLAIN, SMALL, WORDS_WIDTH)) if line.words else []
    height = (len(title) + len(words)) * LEADING + ROW_SPACE
    day = line.booked_on
    amount = _figure(line.amount, currency)
    return LaidOutRow(
        f"{day.day:02} {day:%b} {day.year}", title, words,
        amount if line.amount < 0 else f"+{amount}", _figure(line.balance, currency), height,
    )  # fmt: skip


def _wrapped(text: str, font: str, size: float, width: float) -> Iterator[str]:
    """Yields the lines of the text, each at most `width` points wide. Cuts words that are wider.
    Measures each word only once.
    """
    space = fonts.width(" ", font, size)
    line, used = "", 0.0
    for whole in text.split():
        word = whole
        fits, wide = _fitting(word, font, size, width)
        if line and fits == len(word) and used + space + wide <= width:
            line, used = f"{line} {word}", used + space + wide
            continue
        if line:
            yield line
        while fits < len(word):
            yield word[:fits]
            word = word[fits:]
            fits, wide = _fitting(word, font, size, width)
        line, used = word, wide
    if line:
        yield line


def _fitting(word: str, font: str, size: float, width: float) -> tuple[int, float]:
    """Returns how many letters of a word fit into `width` (at least 1), and the width that was
    measured last. To be fast, never measures more than about twice the letters that fit.
    """
    fits, tried = 0, min(len(word), LETTERS_AT_FIRST)
    while (wide := fonts.width(word[:tried], font, size)) <= width:
        if tried == len(word):
            return tried, wide
        fits, tried = tried, min(len(word), 2 * tried)
    while tried - fits > 1:
        middle = (fits + tried) // 2
        if fonts.width(word[:middle], font, size) <= width:
            fits = middle
        else:
            tried = middle
    return fits or 1, wide


def _pages(
    rows: Iterable[LaidOutRow], head: float, *, is_whole: bool = True
) -> Iterator[list[LaidOutRow]]:
    """Yields the rows of each page. An entry that fits on one page is not split. Later pages begin
    with the balance at the end of the previous page, except for chosen entries.
    """
    page: list[LaidOutRow] = []
    room = _room([], head)
    for row in rows:
        if row.height > room and page:
            yield page
            page = _brought_forward(page) if is_whole else []
            room = _room(page, 0)
        page.append(row)
        room -= row.height
    yield page


def _brought_forward(before: list[LaidOutRow]) -> list[LaidOutRow]:
    return [_edge("Balance brought forward", before[-1].balance)]


def _page_of_the_proof(full: list[LaidOutRow], *, is_whole: bool) -> list[list[LaidOutRow]]:
    """Returns the last page as two pages. This is for a last page on which the part with the digest
    does not fit. Moves some of the last rows to the second page. If there are too few rows, or if
    these rows are too high, the second page contains no rows.
    """
    count = min(ROWS_WITH_PROOF, len(full) - 2)
    if count <= 0:
        return [full, []]
    stay, go = full[:-count], full[-count:]
    page = [*(_brought_forward(stay) if is_whole else []), *go]
    return [stay, page] if _room(page, 0) >= PROOF else [full, []]


def _room(page: list[LaidOutRow], head: float) -> float:
    """Returns the free height on a page in points. `head` is the height of the head of the first
    page, or 0 for any other page.
    """
    top: float = TOP - (head or SHORT_HEAD) - HEAD_ROW
    return top - BOTTOM - sum(row.height for row in page)


def _head_height(document: StatementDocument) -> float:
    return LONG_HEAD + (6 * MM if document.selection else 0)


class _Pen:
    """A wrapper of the canvas of ReportLab, with methods that draw. A method that draws a part of
    the page returns the vertical position of the next part.
    """

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas

    def text(
        self, x: float, y: float, text: str, *, font: str = PLAIN, size: float = SIZE,
        color: HexColor = INK, right: bool = False,
    ) -> None:  # fmt: skip
        if right:
            x -= fonts.width(text, font, size)
        self.canvas.setFillColor(color)
        for run in fonts.runs(text, font):
            self.canvas.setFont(run.font, size)
            with self._actual_text(run.words):
                self.canvas.drawString(x, y, run.drawn)
            x += run.width(size)

    @contextmanager
    def _actual_text(self, words: str) -> Iterator[None]:
        """Adds the original text `words` to the letters that the block draws (ISO 32000-1, 14.9.4),
        because their forms are not Unicode letters.
        """
        if not words:
            yield
            return
        code = (BOM_UTF16_BE + words.encode("utf-16-be")).hex()
        self.canvas.addLiteral(f"/Span <</ActualText <{code}>>> BDC")
        yield
        self.canvas.addLiteral("EMC")

    def line(self, y: float, *, color: HexColor = HAIR, width: float = 0.4) -> None:
        self.canvas.setStrokeColor(color)
        self.canvas.setLineWidth(width)
        self.canvas.line(LEFT, y, RIGHT, y)

    def head(self, document: StatementDocument) -> float:
        y = TOP - 6 * mm
        self.text(LEFT, y, "Ledger", font=BOLD, size=13, color=ACCENT)
        self.text(RIGHT, y, document.title, font=BOLD, size=13, right=True)
        self.text(RIGHT, y - 5.5 * mm, document.period, size=SIZE, color=MUTED, right=True)
        self.text(LEFT, y - 13 * mm, _cut(document.holder, BOLD, 10), font=BOLD, size=10)
        self.text(LEFT, y - 18 * mm, _cut(document.account_name, PLAIN, 10), size=10)
        number = f"{grouped(document.account_number)} · {document.currency}"
        self.text(LEFT, y - 23 * mm, number, size=10, color=MUTED)
        self._figures(document, y - 35 * mm)
        if document.selection:
            words = _cut(f"A selection: {document.selection}", PLAIN, SIZE)
            self.text(LEFT, y - 47.5 * mm, words, color=MUTED)
        return TOP - _head_height(document)

    def _figures(self, document: StatementDocument, y: float) -> None:
        amounts = [("Opening balance", document.opening), ("Money in", document.money_in)]
        amounts += [("Money out", document.money_out), ("Closing balance", document.closing)]
        if document.selection:
            amounts = [(f"{label}, of this selection", amount) for label, amount in amounts[1:3]]
        for place, (label, amount) in enumerate(amounts):
            x = LEFT + place * (RIGHT - LEFT) / 4
            is_last = place == 3
            self.text(x, y, label, size=SMALL, color=MUTED)
            digits = _figure(amount, document.currency)
            size = min(11, 11 * (RIGHT - LEFT) / 4.2 / fonts.width(digits, BOLD, 11))
            font = BOLD if is_last else PLAIN
            self.text(x, y - 5 * mm, digits, font=font, size=size)

    def short_head(self, document: StatementDocument) -> float:
        words = f"{document.title} · {grouped(document.account_number)} · {document.currency}"
        self.text(LEFT, TOP - 6 * mm, words, color=MUTED)
        return TOP - SHORT_HEAD

    def table(self, page: list[LaidOutRow], document: StatementDocument, y: float) -> float:
        if not page:
            return y
        base = y - 9
        self.text(LEFT, base, "Date", size=SMALL, color=MUTED)
        self.text(WORDS_LEFT, base, "Who and what for", size=SMALL, color=MUTED)
        self.text(AMOUNT_RIGHT, base, "Amount", size=SMALL, color=MUTED, right=True)
        balance = f"Balance, {document.currency}"
        self.text(BALANCE_RIGHT, base, balance, size=SMALL, color=MUTED, right=True)
        y -= HEAD_ROW
        self.line(y + 2, color=INK, width=0.6)
        for row in page:
            base = y - LEADING + 1
            self.text(LEFT, base, row.day, color=MUTED)
            for place, words in enumerate(row.title):
                font = BOLD if row.amount else PLAIN
                self.text(WORDS_LEFT, base - place * LEADING, words, font=font)
            for place, words in enumerate(row.words, start=len(row.title)):
                self.text(WORDS_LEFT, base - place * LEADING, words, size=SMALL, color=MUTED)
            self.text(AMOUNT_RIGHT, base, row.amount, right=True)
            self.text(BALANCE_RIGHT, base, row.balance, right=True)
            y -= row.height
            self.line(y + 2)
        return y

    def proof(self, document: StatementDocument, y: float) -> None:
        top = y - 8 * mm
        side = 24 * mm
        has_code = len(document.check_url) <= MAX_CODE_LENGTH
        if has_code:
            self._code(document.check_url, LEFT, top - side + 2 * mm, side)
        self.canvas.linkURL(document.check_url, (LEFT, top - side + 2 * mm, RIGHT, top + 2 * mm))
        x = LEFT + side + 6 * mm if has_code else LEFT
        self.text(x, top - 2 * mm, "Check this statement", font=BOLD)
        words = _how_to_check(document, has_code=has_code)
        for row, part in enumerate(words):
            self.text(x, top - (7 + 4.5 * row) * mm, part, size=SMALL, color=MUTED)
        y = top - (7.5 + 4.5 * len(words)) * mm
        self.text(x, y, grouped(document.digest), size=SMALL)
        self.text(x, y - 4.5 * mm, document.seal, size=SMALL, color=MUTED)

    def _code(self, text: str, x: float, y: float, side: float) -> None:
        code = QrCodeWidget(text, barLevel="L", barBorder=0)
        left, bottom, right, _ = code.getBounds()
        scale = side / (right - left)
        place = [scale, 0, 0, scale, -left * scale, -bottom * scale]
        drawing = Drawing(side, side, transform=place)
        drawing.add(code)
        renderPDF.draw(drawing, self.canvas, x, y)

    def foot(self, document: StatementDocument, number: int, count: int) -> None:
        y = 12 * mm
        day = long_date(document.made_at.date())
        made = f"Made on {day}, {clock(document.made_at)}"
        if document.number is not None:
            made = f"Issued on {day}"
        self.text(LEFT, y, made, size=SMALL, color=MUTED)
        self.text(RIGHT, y, f"Page {number} of {count}", size=SMALL, color=MUTED, right=True)


def _how_to_check(document: StatementDocument, *, has_code: bool) -> tuple[str, ...]:
    """Returns one or two lines of text that explain how to check the statement. Only numbered
    statements show the URL of the check page, because this page accepts only the digests of
    numbered statements as typed text.
    """
    if document.number is not None:
        return TYPE_IT, document.check_page
    return (FOLLOW_IT,) if has_code else CLICK_IT


def _cut(text: str, font: str, size: float) -> str:
    """Returns the text, cut to one line. A cut text ends with "…"."""
    width = RIGHT - LEFT
    first, *more = [*islice(_wrapped(text, font, size, width), 2)] or [""]
    if not more:
        return first
    return f"{next(_wrapped(text, font, size, width - fonts.width(MORE, font, size)))}{MORE}"
