"""The personal data in reconciliations, for erasure."""

from collections.abc import Iterator

from django.db.models import Q, QuerySet

from accounts.erased import FILE_NAME
from banking.reconciliation.models import (
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
)
from transactions.privacy.personal_data import PersonalData, register
from transactions.privacy.traces import REPR, Erased, Logged, Traces, naming, on_either_side

# The reason of a left-over line is replaced and not emptied. With an empty `leftover`, the line
# would be open again, even in a frozen reconciliation.
LINE = {"description": "", "other": "", "reference": "", "outside_id": "", "leftover": REPR}


def _texts(traces: Traces) -> Iterator[Erased]:
    lines = Q(pk__in=_matched(traces).values("pk"))
    yield from naming(traces, ReconciliationLine, lines, LINE)
    yield from naming(traces, Reconciliation, _files(traces), {"name": FILE_NAME})


def _logged(traces: Traces) -> Iterator[Logged]:
    yield Logged(Reconciliation, _files(traces), traces.names)


def _files(traces: Traces) -> Q:
    return Q(pk__in=_matched(traces).values("reconciliation"))


def _matched(traces: Traces) -> "QuerySet[ReconciliationLine]":
    """Returns the lines of outside statements that are matched with payments from or to the
    person.
    """
    matches = ReconciliationMatch.objects.filter(on_either_side(traces, "transaction__"))
    lines: QuerySet[ReconciliationLine] = ReconciliationLine.objects.filter(
        pk__in=matches.values("line")
    )
    return lines


register(
    PersonalData(
        texts=_texts,
        logged=_logged,
        never_change=("reconciliations", "reconciliation_lines"),
        never_lifted=(
            "reconciliation_signed_by_two",
            "signed_reconciliation_stays",
            "frozen_is_registered",
            "reconciliation_line_stays",
        ),
    )
)
