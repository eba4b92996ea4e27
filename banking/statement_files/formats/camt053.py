"""Writes ISO 20022 camt.053.001.08, the bank-to-customer statement."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from banking.statement_files.document import StatementDocument, StatementLine
from banking.statement_files.formats.texts import one_line, plain, xml

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
ID_LIMIT, NAME_LIMIT, TEXT_LIMIT, REMARK_LIMIT = 35, 140, 140, 500
ACCOUNT_NAME_LIMIT = 70


def camt053(document: StatementDocument) -> Iterator[str]:
    """Yields the text of a camt.053 file in parts.

    For chosen entries, the file contains only the account's balance at the end of the period (code
    INFO). The schema requires at least one balance. Opening and closing balances would be wrong
    here, because the sum of chosen entries is not the difference between them.
    """
    made = _moment(document.made_at)
    id = f"{document.account_number}-{document.short_id}"[:ID_LIMIT]
    yield f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>
<GrpHdr><MsgId>{id}</MsgId><CreDtTm>{made}</CreDtTm></GrpHdr>
<Stmt><Id>{id}</Id>
"""
    if document.number is not None:
        yield f"<ElctrncSeqNb>{document.number}</ElctrncSeqNb>"
    yield (
        f"<CreDtTm>{made}</CreDtTm><FrToDt><FrDtTm>{document.first_day}T00:00:00</FrDtTm>"
        f"<ToDtTm>{document.last_day}T23:59:59</ToDtTm></FrToDt>\n"
        f"<Acct><Id><Othr><Id>{document.account_number}</Id></Othr></Id>"
        f"<Ccy>{document.currency}</Ccy>"
        f"<Nm>{xml(one_line(document.account_name), ACCOUNT_NAME_LIMIT)}</Nm>"
        f"<Ownr><Nm>{xml(one_line(document.holder), NAME_LIMIT)}</Nm></Ownr></Acct>\n"
    )
    if not document.selection:
        yield _balance("OPBD", document.opening, document.first_day, document.currency)
    kind = "INFO" if document.selection else "CLBD"
    yield _balance(kind, document.closing, document.last_day, document.currency)
    for line in document.lines:
        yield _entry(line, document)
    if document.selection:
        remark = xml(f"A selection: {document.selection}", REMARK_LIMIT)
        yield f"<AddtlStmtInf>{remark}</AddtlStmtInf>\n"
    yield "</Stmt></BkToCstmrStmt></Document>\n"


def _balance(kind: str, amount: Decimal, day: date, currency: str) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_amount(amount, currency)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>\n"
    )


def _amount(amount: Decimal, currency: str) -> str:
    mark, figure = "DBIT" if amount < 0 else "CRDT", plain(abs(amount), currency)
    return f'<Amt Ccy="{currency}">{figure}</Amt><CdtDbtInd>{mark}</CdtDbtInd>'


def _entry(line: StatementLine, document: StatementDocument) -> str:
    money = _amount(line.amount, document.currency)
    family = {"deposit": "CNTR", "withdrawal": "CNTR"}.get(
        line.kind, "ICDT" if line.amount < 0 else "RCDT"
    )
    part = {"deposit": "CDPT", "withdrawal": "CWDL"}.get(line.kind, "BOOK")
    texts = "".join(
        f"<Ustrd>{xml(text, TEXT_LIMIT)}</Ustrd>" for text in _pieces(one_line(line.description))
    )
    end_to_end = xml(one_line(line.reference), ID_LIMIT) or "NOTPROVIDED"
    return (
        f"<Ntry><NtryRef>{line.id.hex}</NtryRef>{money}"
        f"{'<RvslInd>true</RvslInd>' if line.is_reversal else ''}<Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><DtTm>{_moment(line.booked_at)}</DtTm></BookgDt>"
        f"<ValDt><Dt>{line.value_date}</Dt></ValDt><AcctSvcrRef>{line.id.hex}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{part}</SubFmlyCd></Fmly>"
        f"</Domn></BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>"
        f"{money}{_other_side(line)}{f'<RmtInf>{texts}</RmtInf>' if texts else ''}"
        "</TxDtls></NtryDtls></Ntry>\n"
    )


def _other_side(line: StatementLine) -> str:
    if not line.who:
        return ""
    role = "Cdtr" if line.amount < 0 else "Dbtr"
    name = xml(one_line(line.who), NAME_LIMIT)
    return (
        f"<RltdPties><{role}><Pty><Nm>{name}</Nm></Pty></{role}>"
        f"<{role}Acct><Id><Othr><Id>{line.number}</Id></Othr></Id></{role}Acct></RltdPties>"
    )


def _pieces(text: str) -> list[str]:
    return [text[start : start + TEXT_LIMIT] for start in range(0, len(text), TEXT_LIMIT)]


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
