"""Statements of November 2026 in each format, written by hand in the style of real banks."""

OFX1 = """\
OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261201120000
<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0
<SEVERITY>INFO</STATUS><STMTRS><CURDEF>EUR
<BANKACCTFROM><BANKID>111000025<ACCTID>987-65-432<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20261101<DTEND>20261130
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261101120000[-5:EST]<TRNAMT>1932.80<FITID>A1
<NAME>Muster &amp; Co<MEMO>Salary</STMTTRN>
<STMTTRN><TRNTYPE>POS<DTPOSTED>20261102<TRNAMT>-2.80<FITID>A2<NAME>Cafe Anna<MEMO>Espresso</STMTTRN>
<STMTTRN>
<TRNTYPE>POS
<DTPOSTED>20261102
<TRNAMT>-2.80
<FITID>A3
<NAME>Cafe Anna
<MEMO>Espresso
</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>2027.20<DTASOF>20261201</LEDGERBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
_OFX2_LINE = (
    "<STMTTRN><TRNTYPE>OTHER</TRNTYPE><DTPOSTED>{}</DTPOSTED><TRNAMT>{}</TRNAMT>"
    "<FITID>{}</FITID><NAME>{}</NAME><MEMO>{}</MEMO></STMTTRN>\n"
)
LINES = [
    ("20261101", "1932.80", "A1", "Muster &amp; Co", "Salary"),
    ("20261102", "-2.80", "A2", "Cafe Anna", "Espresso"),
    ("20261102", "-2.80", "A3", "Cafe Anna", "Espresso"),
]


def ofx2_line(*line: str) -> str:
    """The day, amount, id, name and memo of a line."""
    return _OFX2_LINE.format(*line)


def ofx2(lines: str) -> str:
    """OFX 2 with these lines."""
    return f"""\
<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>
<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>
<DTSERVER>20261201</DTSERVER><LANGUAGE>ENG</LANGUAGE></SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1</TRNUID><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>
<STMTRS><CURDEF>EUR</CURDEF><BANKACCTFROM><BANKID>1</BANKID><ACCTID>987</ACCTID>
<ACCTTYPE>CHECKING</ACCTTYPE></BANKACCTFROM><BANKTRANLIST><DTSTART>20261101</DTSTART>
<DTEND>20261130</DTEND>
{lines}</BANKTRANLIST><LEDGERBAL><BALAMT>2027.20</BALAMT><DTASOF>20261201</DTASOF></LEDGERBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""


OFX2 = ofx2("".join(ofx2_line(*line) for line in LINES))
QIF = """\
!Type:Bank
D11/01'26
T100.00
POpening Balance
^
D11/01'26
T1,932.80
PMuster & Co
MSalary
^
D11/02'26
T-2.80
PCafe Anna
MEspresso
^
D11/02'26
T-2.80
PCafe Anna
MEspresso
^
"""


def camt(entries: str, *, closing: str = "2027.20", opening: str = "100.00") -> str:
    """camt.053 with these entries."""
    balance = (
        "<Bal><Tp><CdOrPrtry><Cd>{}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{}</Amt>"
        "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{}</Dt></Dt></Bal>\n"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>'
        "<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-12-01T06:00:00</CreDtTm></GrpHdr>\n"
        "<Stmt><Id>S1</Id><CreDtTm>2026-12-01T06:00:00</CreDtTm><Acct><Id>"
        "<IBAN>DE02120300000000202051</IBAN></Id><Ccy>EUR</Ccy></Acct>\n"
        f"{balance.format('OPBD', opening, '2026-11-01')}"
        f"{balance.format('CLBD', closing, '2026-11-30')}"
        f"{entries}</Stmt></BkToCstmrStmt></Document>\n"
    )


def camt_entry(day: str, amount: str, side: str, id: str, who: str, what: str) -> str:
    """A booked entry; `side` is CRDT or DBIT."""
    party = "Dbtr" if side == "CRDT" else "Cdtr"
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts>BOOK</Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt><AcctSvcrRef>{id}</AcctSvcrRef><NtryDtls><TxDtls>"
        "<Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RltdPties>"
        f"<{party}><Nm>{who}</Nm></{party}></RltdPties><RmtInf><Ustrd>{what}</Ustrd></RmtInf>"
        "</TxDtls></NtryDtls></Ntry>\n"
    )


CAMT = camt(
    camt_entry("2026-11-01", "1932.80", "CRDT", "A1", "Muster &amp; Co", "Salary")
    + camt_entry("2026-11-02", "2.80", "DBIT", "A2", "Cafe Anna", "Espresso")
    + camt_entry("2026-11-02", "2.80", "DBIT", "A3", "Cafe Anna", "Espresso")
    + camt_entry("2026-11-30", "9.00", "DBIT", "A4", "Kiosk", "Pending").replace("BOOK", "PDNG")
)
MT940 = """\
{1:F01BANKDEFFAXXX0000000000}{2:I940BANKDEFFXXXXN}{4:
:20:STARTUMS
:25:12030000/0000202051
:28C:00011/001
:60F:C261101EUR100,00
:61:2611011101CR1932,80NTRFNONREF//A1
:86:166?00GUTSCHRIFT?20SVWZ+Salary?30BYLADEM1001?32Muster & Co
:61:2611021102DR2,80NMSCNONREF//A2
:86:106?00KARTENZAHLUNG?20Espresso?32Cafe Anna
:61:2611021102DR2,80NMSCNONREF//A3
:86:106?00KARTENZAHLUNG?20Esp
resso?32Cafe Anna
:62F:C261130EUR2027,20
-}
"""
SAMPLES = {"ofx1": OFX1, "ofx2": OFX2, "qif": QIF, "camt053": CAMT, "mt940": MT940}


def camt_batch(
    total: str, *payments: str, side: str = "CRDT", id: str = "B1", text: str = ""
) -> str:
    """A booked entry of several payments, of which each is the inside of its TxDtls."""
    details = "".join(f"<TxDtls>{payment}</TxDtls>" for payment in payments)
    return (
        f'<Ntry><Amt Ccy="EUR">{total}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts>BOOK</Sts>'
        f"<BookgDt><Dt>2026-11-24</Dt></BookgDt><AcctSvcrRef>{id}</AcctSvcrRef><NtryDtls>"
        f"<Btch><NbOfTxs>{len(payments)}</NbOfTxs></Btch>{details}</NtryDtls>"
        f"<AddtlNtryInf>{text}</AddtlNtryInf></Ntry>\n"
    )


def camt_payment(amount: str, who: str, what: str, *, end_to_end: str = "NOTPROVIDED") -> str:
    """The details of a payment in, of a batch in camt.053.001.08."""
    return (
        f"<Refs><EndToEndId>{end_to_end}</EndToEndId></Refs><Amt Ccy='EUR'>{amount}</Amt>"
        f"<CdtDbtInd>CRDT</CdtDbtInd><RltdPties><Dbtr><Pty><Nm>{who}</Nm></Pty></Dbtr></RltdPties>"
        f"<RmtInf><Ustrd>{what}</Ustrd></RmtInf>"
    )
