"""Saves reports with their parameters under a name, and shares saved reports with a group of
staff.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.models import Group
from django.db import transaction as db_transaction

from accounts.models import User
from ledger.db.retry import with_retry
from transactions.exceptions import InvalidDetails
from transactions.models import SavedReport
from transactions.models.saved_report import id_of
from transactions.reports.catalogue import BY_SLUG
from transactions.reports.report import Report
from transactions.scope import may_read_bank

MAX_SAVED = 100  # maximum number of saved reports for each person


@with_retry
def save_report(
    *,
    owner: User,
    report: Report,
    name: str,
    parameters: Mapping[str, str],
    group: Group | None = None,
) -> SavedReport:
    """Saves a report under a name, and replaces the owner's saved report with this name.

    Raises: InvalidDetails if the owner already has MAX_SAVED other saved reports, or is not a
    member of the group.
    """
    with db_transaction.atomic(durable=True):
        if group is not None and not owner.groups.filter(pk=group.pk).exists():
            raise InvalidDetails("Choose a group that you are a member of.")
        User.objects.lock_active(owner.pk)
        mine = SavedReport.objects.filter(owner=owner)
        if mine.exclude(name=name).count() >= MAX_SAVED:
            raise InvalidDetails(f"You have {MAX_SAVED} saved reports. Remove one first.")
        saved, _is_new = SavedReport.objects.update_or_create(
            pk=id_of(owner, name),
            owner=owner,
            defaults={
                "name": name,
                "report": report.slug,
                "parameters": dict(parameters),
                "group": group,
            },
        )
        return saved


@with_retry
def remove_report(*, saved: SavedReport) -> None:
    """Removes a saved report. Does nothing if the report no longer exists."""
    with db_transaction.atomic(durable=True):
        SavedReport.objects.filter(pk=saved.pk).delete()


@dataclass(frozen=True, slots=True)
class SavedLine:
    """A saved report in the list. `shared` is a text with the group with which the report is
    shared, or "" if the report is not shared. For readers who do not own the report, the text also
    contains the owner.
    """

    saved: SavedReport
    report: Report
    url: str
    is_own: bool
    shared: str


def saved_reports(reader: User) -> list[SavedLine]:
    """Returns the saved reports that the reader may open, sorted by name. Sends one query."""
    may_read = may_read_bank(reader)
    return [
        _line(saved, BY_SLUG[saved.report], reader, saved.owner_name or "a colleague")
        for saved in SavedReport.objects.readable_by(reader).by_name()
        if saved.report in BY_SLUG and (may_read or not BY_SLUG[saved.report].bank_only)
    ]


def _line(saved: SavedReport, report: Report, reader: User, owner: str) -> SavedLine:
    is_own = saved.owner_id == reader.pk
    shared = f"shared with {saved.group}" if saved.group else ""
    if not is_own:
        shared = f"by {owner}, {shared}"
    parameters = urlencode(saved.parameters)
    url = f"{report.url}?{parameters}" if parameters else report.url
    return SavedLine(saved, report, url, is_own, shared)
