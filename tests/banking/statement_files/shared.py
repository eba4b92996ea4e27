"""A statement without entries, and how tests fetch and read a file."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pypdf
from django.test import Client

from accounts.models import Account
from banking.statement_files.digest import StatementFigures, digest_of, totals_of_period
from banking.statement_files.document import StatementDocument, StatementLine
from banking.statement_files.models import MonthlyStatement, id_of_statement
from transactions.audit import sealing
from transactions.models import Seal

ADDRESS = "https://bank.example/statements/check/"
NOTHING = Decimal(0)


def empty_statement(account: Account, **facts: Any) -> MonthlyStatement:
    """The account's statement of November 2019, when there was nothing; seals it if need be."""
    sealing.seal(until=date(2020, 1, 1))
    seal = Seal.objects.get(number=1)
    period = datetime(2019, 11, 1, tzinfo=UTC), datetime(2019, 12, 1, tzinfo=UTC)
    totals = totals_of_period(account.pk, *period)
    figures = StatementFigures(
        account.number, account.currency, 1, *period, NOTHING, NOTHING,
        (seal.number, bytes(seal.digest)),
    )  # fmt: skip
    statement = MonthlyStatement(
        id=id_of_statement(account.pk, 1), account=account, number=1, month=date(2019, 11, 1),
        starts_at=period[0], ends_at=period[1],
        opening=NOTHING, money_in=NOTHING, money_out=NOTHING, closing=NOTHING,
        seal=seal, digest=digest_of(figures, totals),
        **{"holder": account.user.name, "account_name": account.name, "entry_count": 0, **facts},
    )  # fmt: skip
    statement.save(force_insert=True)
    return statement


def got(ana: Client, statement: MonthlyStatement, kind: str) -> bytes:
    answer = ana.get(f"/accounts/{statement.account_id}/statements/{statement.number}.{kind}")
    assert answer.status_code == 200
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment")
    assert disposition.endswith(f'.{kind}"')
    return whole(answer)


def whole(answer: Any) -> bytes:
    """The body, streamed or not."""
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)


def pdf_text(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def pdf_links(content: bytes) -> list[str]:
    """The addresses that the last page of a PDF links to."""
    annotations: Any = pypdf.PdfReader(io.BytesIO(content)).pages[-1]["/Annots"]
    return [each.get_object()["/A"]["/URI"] for each in annotations]


def line(place: int, booked_at: datetime, **facts: Any) -> StatementLine:
    """The n-th entry of 1 in, on a balance that begins with 1000."""
    plain = StatementLine(
        id=UUID(int=place), booked_at=booked_at, value_date=booked_at.date(), amount=Decimal(1),
        balance=Decimal(1000 + place), who="Mara", number="1", kind="transfer", is_reversal=False,
        description="", reference="",
    )  # fmt: skip
    return replace(plain, **facts)


def document(days: list[date], **facts: Any) -> StatementDocument:
    """A selection with an entry on each of these days."""
    moments = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in days]
    return replace(
        StatementDocument(
            account_number="10",
            account_name="Everyday",
            holder="Ana",
            currency="USD",
            number=None,
            month=None,
            first_day=date(2026, 1, 1),
            last_day=date(2026, 1, 31),
            opening=Decimal(1000),
            closing=Decimal(1000 + len(days)),
            lines=[line(number, moment) for number, moment in enumerate(moments, start=1)],
            made_at=datetime(2026, 2, 1, 9, 30, 15, tzinfo=UTC),
            money_in=Decimal(len(days)),
            money_out=Decimal(0),
            digest="ab" * 32,
            check_page=ADDRESS,
            check_url=f"{ADDRESS}?choice=x",
            seal="Sealed.",
        ),
        **facts,
    )
