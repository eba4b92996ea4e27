"""The personal data in accounts at other banks, for exports and erasure."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Q, QuerySet

from accounts.erased import ACCOUNT_NAME, FILE_NAME
from accounts.models import User
from banking.outside.models import (
    OutsideAccount,
    OutsideEntry,
    OutsideFilePart,
    OutsideImport,
)
from transactions.privacy.personal_data import DataSection, PersonalData, Row, read, register
from transactions.privacy.traces import Erased, Traces, naming

ENTRY = {"description": "", "other": "", "reference": "", "outside_id": ""}


def _outside_accounts(person: User) -> Iterable[Row]:
    mine = OutsideAccount.objects.owned_by(person).order_by("created_at")
    return read(mine, "pk", "name", "currency", "opening", "created_at")


def _outside_imports(person: User) -> Iterable[Row]:
    mine = OutsideImport.objects.owned_by(person).order_by("created_at")
    return read(mine, "account_id", "name", "format", "state", "entry_count", "created_at")


def _outside_entries(person: User) -> Iterable[Row]:
    entries = OutsideEntry.objects.filter(account__owner=person, is_entered=True)
    columns = ("account_id", "booked_on", "amount", "other", "description", "reference")
    return read(entries.order_by("account_id", "booked_on", "pk"), *columns)


def _rows(person: User) -> Iterator[QuerySet[Any]]:
    yield OutsideEntry.objects.filter(account__owner=person)
    yield OutsideFilePart.objects.filter(source__account__owner=person)
    yield OutsideImport.objects.filter(account__owner=person)
    yield OutsideAccount.objects.filter(owner=person)


def _texts(traces: Traces) -> Iterator[Erased]:
    of_account = Q(account__owner__in=traces.known)
    theirs = Q(owner__in=traces.known)
    yield from naming(traces, OutsideAccount, theirs, {"name": ACCOUNT_NAME})
    yield from naming(traces, OutsideImport, of_account, {"name": FILE_NAME, "doubts": None})
    yield from naming(traces, OutsideEntry, of_account, ENTRY)


register(
    PersonalData(
        sections=(
            DataSection(
                "outside_accounts",
                ("id", "name", "currency", "opening", "added"),
                _outside_accounts,
            ),
            DataSection(
                "outside_imports",
                ("account", "file", "format", "state", "entries", "uploaded"),
                _outside_imports,
            ),
            DataSection(
                "outside_entries",
                ("account", "day", "amount", "other", "description", "reference"),
                _outside_entries,
            ),
        ),
        rows=_rows,
        texts=_texts,
    )
)
