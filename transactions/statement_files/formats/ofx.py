"""OFX 2.1.1 (Open Financial Exchange): what Quicken, GnuCash and Moneydance read."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from transactions.statement_files.document import StatementDocument, StatementLine
from transactions.statement_files.formats.texts import one_line, plain, xml

BANK_ID = "LEDGER"
NAME_LIMIT, MEMO_LIMIT = 32, 255
HEAD = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>
"""
STATUS = "<STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>"


def ofx(document: StatementDocument) -> Iterator[str]:
    """The parts of the file. The ledger balance is that after the last day."""
    yield HEAD
    yield (
        f"<OFX><SIGNONMSGSRSV1><SONRS>{STATUS}<DTSERVER>{_moment(document.made_at)}</DTSERVER>"
        "<LANGUAGE>ENG</LANGUAGE></SONRS></SIGNONMSGSRSV1>\n"
        f"<BANKMSGSRSV1><STMTTRNRS><TRNUID>0</TRNUID>{STATUS}<STMTRS>"
        f"<CURDEF>{document.currency}</CURDEF>\n"
        f"<BANKACCTFROM><BANKID>{BANK_ID}</BANKID><ACCTID>{document.account_number}</ACCTID>"
        "<ACCTTYPE>CHECKING</ACCTTYPE></BANKACCTFROM>\n"
        f"<BANKTRANLIST><DTSTART>{_day(document.first_day)}</DTSTART>"
        f"<DTEND>{_day(document.last_day)}</DTEND>\n"
    )
    for line in document.lines:
        # Other letters as references: some readers take a file without a byte order mark for ASCII.
        yield _transaction(line, document.currency).encode("ascii", "xmlcharrefreplace").decode()
    yield (
        f"</BANKTRANLIST>\n<LEDGERBAL><BALAMT>{plain(document.closing, document.currency)}</BALAMT>"
        f"<DTASOF>{_day(document.last_day)}</DTASOF></LEDGERBAL>"
        "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    )


def _transaction(line: StatementLine, currency: str) -> str:
    kind = {"deposit": "DEP", "withdrawal": "CASH"}.get(line.kind, "XFER")
    name = one_line(line.title)
    is_cut = xml(name, NAME_LIMIT) != xml(name, MEMO_LIMIT)
    memo = one_line(" ".join(filter(None, (name if is_cut else "", line.words))))
    return (
        f"<STMTTRN><TRNTYPE>{kind}</TRNTYPE><DTPOSTED>{_moment(line.booked_at)}</DTPOSTED>"
        f"<DTAVAIL>{_day(line.value_date)}</DTAVAIL>"
        f"<TRNAMT>{plain(line.amount, currency)}</TRNAMT><FITID>{line.id}</FITID>"
        f"<NAME>{xml(name, NAME_LIMIT)}</NAME>"
        f"{f'<MEMO>{xml(memo, MEMO_LIMIT)}</MEMO>' if memo else ''}</STMTTRN>\n"
    )


def _moment(moment: datetime) -> str:
    """ "20261101001500[+1:CET]": local time and its offset in hours (OFX 2.1.1, 3.2.8.2).

    Local, because many programs read the first eight digits as the day. A part of an hour is a
    decimal fraction, as ofxparse and GnuCash's libofx read it. They need the colon; ofxparse needs
    a name of letters, which some zones lack ("-03").
    """
    offset = (moment.utcoffset() or timedelta()) / timedelta(hours=1)
    hours = f"{offset:+.0f}" if offset.is_integer() else f"{offset:+.2f}"
    name = moment.tzname() or ""
    name = "GMT" if name == "UTC" else name if name.isalpha() else "LOCAL"
    return f"{moment:%Y%m%d%H%M%S}[{hours if offset else '0'}:{name}]"


def _day(day: date) -> str:
    return f"{day:%Y%m%d}"
