"""The personal data in the tables of `accounts` and of `transactions.models`: its download, its
retention periods and its erasure.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from accounts.models import ApiToken, SignIn, User, WebSession
from transactions.models import NamesAsked, SavedReport
from transactions.personal_data.kept import kept
from transactions.personal_data.old import delete_old
from transactions.personal_data.sections import SECTIONS
from transactions.personal_data.texts import logged, texts
from transactions.privacy.personal_data import PersonalData, register

# Tables with notes of staff, the log of reads, the history, revoked tokens and audit findings.
NEVER_CHANGE = (
    "account_status_changes", "limit_changes", "approval_requests", "transaction_notes", "reads",
    "changes", "api_tokens", "audit_runs",
)  # fmt: skip


def _rows(person: User) -> Iterator[QuerySet[Any]]:
    yield WebSession.objects.filter(user=person)
    yield SignIn.objects.filter(user=person)
    yield ApiToken.objects.filter(user=person)
    yield NamesAsked.objects.filter(user=person)
    yield SavedReport.objects.filter(owner=person)


register(
    PersonalData(
        sections=SECTIONS,
        kept=kept,
        rows=_rows,
        texts=texts,
        logged=logged,
        never_change=NEVER_CHANGE,
        delete_old=delete_old,
    )
)
