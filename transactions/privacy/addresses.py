"""Texts of anybody that have a mail address of the person, whoever they are about.

A test plants an address in each column of text, and finds a new one that the erasure leaves out:
`tests/transactions/privacy/test_every_column.py`. See Note [Whose texts].
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import F, Func, JSONField, QuerySet, Value
from django.db.models.functions import Cast

from accounts.erased import FILE_NAME
from accounts.models import ApiToken, ApprovalRequest, Change, LimitChange, StatusChange
from transactions.models import AuditRun, PaymentFile, PaymentLine, StaffReason
from transactions.privacy.patterns import having, without
from transactions.privacy.traces import (
    PAID,
    REFUSED,
    REPR,
    Erased,
    Traces,
    emptied,
    in_undone,
    with_key,
)

TYPED = {"typed_to": "", "typed_amount": "", "typed_name": "", "verdict": REFUSED}


def texts_with_an_address(traces: Traces) -> Iterator[Erased]:
    """What staff wrote about others, and files, findings and the history of others."""
    requests = ApprovalRequest.objects.all()
    lines = PaymentLine.objects.all()
    texts: tuple[tuple[QuerySet[Any], dict[str, str]], ...] = (
        (Change.objects.all(), {"reason": ""}),
        (StatusChange.objects.all(), {"reason": "", "message": ""}),
        (LimitChange.objects.all(), {"reason": ""}),
        (requests, {"reason": "", "note": ""}),
        (StaffReason.objects.all(), {"reason": "", "message": ""}),
        (ApiToken.objects.all(), {"reason": REPR}),  # a revoked one has a reason
        (PaymentFile.objects.all(), {"name": FILE_NAME}),
        (lines, TYPED),
        (lines.filter(booked=False), dict.fromkeys(PAID, "")),
    )
    for rows, values in texts:
        for field, value in values.items():
            yield emptied(_having(traces, rows, field), **{field: value})
    yield with_key(_having(traces, requests, "parameters__message"), "parameters", "message", "")
    files = requests.filter(kind=ApprovalRequest.Kind.PAYMENT_FILE)
    named = _having(traces, files, "parameters__description")
    yield with_key(named, "parameters", "description", FILE_NAME)
    yield from in_undone(requests, traces.addresses)
    yield from _in_the_history(traces)
    yield from _in_findings(traces)


def _having(traces: Traces, rows: QuerySet[Any], field: str) -> QuerySet[Any]:
    return rows.filter(having(field, traces.addresses))


def _in_the_history(traces: Traces) -> Iterator[Erased]:
    """An address that somebody else had before the person, or by mistake."""
    for side in ("before", "after"):
        shorter = Func(
            F(side), Value("email"), template="(%(expressions)s)", arg_joiner=" - ",
            output_field=JSONField(),
        )  # fmt: skip
        yield Erased(_having(traces, Change.objects.all(), f"{side}__email"), {side: shorter})


def _in_findings(traces: Traces) -> Iterator[Erased]:
    """Findings of audits that quote a row, where only the address goes."""
    for rows, text in without(AuditRun.objects.all(), "findings", traces.addresses):
        yield Erased(rows, {"findings": Cast(text, JSONField())})
