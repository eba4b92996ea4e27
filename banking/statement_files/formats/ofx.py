"""Writes OFX 2.1.1 (Open Financial Exchange), which Quicken, GnuCash and Moneydance read."""

from collections.abc import Iterator
from datetime import UTC, date

from banking.statement_files.document import StatementDocument, StatementLine
from banking.statement_files.formats.texts import one_line, plain, xml

BANK_ID = "LEDGER"
NAME_LIMIT, MEMO_LIMIT = 32, 255
HEAD = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>
"""
STATUS = "<STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>"


def ofx(document: StatementDocument) -> Iterator[str]:
    """Yields the parts of an OFX file. The ledger balance is the account's balance after the last
    day.

    An entry has a day but no time, because programs treat a time with an offset differently:
    GnuCash uses the day of the time, and ofxparse converts the time to UTC, which may be on another
    day.
    """
    made_at = f"{document.made_at.astimezone(UTC):%Y%m%d%H%M%S}[0:GMT]"
    yield HEAD
    yield (
        f"<OFX><SIGNONMSGSRSV1><SONRS>{STATUS}<DTSERVER>{made_at}</DTSERVER>"
        "<LANGUAGE>ENG</LANGUAGE></SONRS></SIGNONMSGSRSV1>\n"
        f"<BANKMSGSRSV1><STMTTRNRS><TRNUID>0</TRNUID>{STATUS}<STMTRS>"
        f"<CURDEF>{document.currency}</CURDEF>\n"
        f"<BANKACCTFROM><BANKID>{BANK_ID}</BANKID><ACCTID>{document.account_number}</ACCTID>"
        "<ACCTTYPE>CHECKING</ACCTTYPE></BANKACCTFROM>\n"
        f"<BANKTRANLIST><DTSTART>{_day(document.first_day)}</DTSTART>"
        f"<DTEND>{_day(document.last_day)}</DTEND>\n"
    )
    for line in document.lines:
        # Letters outside ASCII are written as character references. Without a byte order mark, some
        # programs assume ASCII.
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
        f"<STMTTRN><TRNTYPE>{kind}</TRNTYPE><DTPOSTED>{_day(line.booked_on)}</DTPOSTED>"
        f"<DTAVAIL>{_day(line.value_date)}</DTAVAIL>"
        f"<TRNAMT>{plain(line.amount, currency)}</TRNAMT><FITID>{line.id}</FITID>"
        f"<NAME>{xml(name, NAME_LIMIT)}</NAME>"
        f"{f'<MEMO>{xml(memo, MEMO_LIMIT)}</MEMO>' if memo else ''}</STMTTRN>\n"
    )


def _day(day: date) -> str:
    return f"{day:%Y%m%d}"
