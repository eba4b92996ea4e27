"""The audit page of the admin: the current result, a button that starts an audit, and the seals."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.admin.parts import CheckedKeys, ReadOnly, person_of
from accounts.exceptions import LedgerError
from accounts.models import EARLIEST, Account
from accounts.shown import add_unnamed
from ledger.text.dates import long_date
from transactions.audit.open_findings import counting_run, must_begin_by, open_runs
from transactions.audit.runs import PAGE_SECONDS, fits_on_a_page, run_audit
from transactions.models import AuditRun, Seal, Transaction

EVERYTHING = "all"
SPANS = {"1": "since yesterday", "7": "of the last 7 days", "30": "of the last 30 days"}
RUNS_SHOWN = 10
SEALS_SHOWN = 20
HEADLINES = {
    "unreadable": "A check met a value that it cannot read",
    "chain": "An entry does not follow from the one before it",
    "balance": "An account's balance differs from the balance after its last entry",
    "time": "The time of an account's last entry is wrong",
    "held": "An account's held money is not the sum of its pending holds",
    "capture": "A hold and its capture do not match",
    "reversal": "A reversal does not match its original",
    "currency": "The money in all accounts is not deposits minus withdrawals",
    "orphan": "A transaction has an account that does not exist in its currency",
    "status": "An account's status differs from its history",
    "release": "A hold was released without a reason, before it expired",
    "unreleased": "A hold has a reason for its release, but was not released",
    "threshold": "Staff did more without approval than the threshold per day",
    "approval": "An approval was used, but the approved action was not done",
    "account": "An account differs from its history",
    "person": "A person's row differs from its history",
    "household": "A household differs from its history",
    "listed currency": "A currency's row differs from its history",
    "threshold of approvals": "An approval threshold differs from its history",
    "group": "A group differs from its history",
    "membership": "The groups of a person differ from their history",
    "permission": "The permissions of a person or group differ from the history",
    "sign-in address": "The email addresses of a person differ from their history",
    "access token": "An access token differs from its history",
    "factor": "The second factors of a person differ from their history",
    "provider": "The provider accounts of a person differ from their history",
    "missing row": "Rows that may never be deleted are missing",
    "unregistered row": "There are rows that were never registered",
    "altered row": "Rows differ from what was written",
    "early removal": "Rows were removed before the end of any retention period",
    "missing value": "Rows lack a value that their table requires",
    "rule": "A row breaks a rule of its table",
    "seal": "A sealed period does not match its seal",
}


class ScopeForm(forms.Form):
    """A form for the period of an audit. The choice "everything" exists only if a complete audit
    takes only a few seconds.
    """

    scope = forms.ChoiceField(label="Check")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_check_all = fits_on_a_page()
        spans = [(days, f"transactions {words}") for days, words in SPANS.items()]
        everything = [(EVERYTHING, "everything")] if self.may_check_all else []
        field: Any = self.fields["scope"]
        field.choices = everything + spans

    @property
    def since(self) -> datetime | None:
        """The start of the period, or None for everything."""
        scope = self.cleaned_data["scope"]
        if scope == EVERYTHING:
            return None
        first = timezone.localdate() - timedelta(days=int(scope))
        return timezone.make_aware(datetime.combine(first, time.min))


@dataclass(frozen=True, slots=True)
class FindingShown:
    """A finding with its texts and links. Findings of old audits have no message."""

    headline: str
    sentence: str
    expected: str
    found: str
    more: int
    account: Account | None
    transaction: Transaction | None
    transaction_id: str | None


@admin.register(AuditRun)
class AuditRunAdmin(ReadOnly, CheckedKeys):
    """The page with the audits and the seals, instead of Django's list page."""

    def get_urls(self) -> list[URLPattern]:
        run = self.admin_site.admin_view(self.run_view)
        return [path("run/", run, name="transactions_auditrun_run"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Shows one audit and the seals. Shows the audit in the URL, or else the result of
        `counting_run`.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        runs = AuditRun.objects.select_related("run_by")
        still_open = open_runs()
        counting = still_open[0] if still_open else counting_run()
        run = _named_run(request) or counting
        newest = runs.first()
        may_run = request.user.has_perm("transactions.run_audit")
        context = {
            **self.admin_site.each_context(request),
            "title": "Audit",
            "opts": self.opts,
            "run": run,
            "findings": shown(run.found) if run else [],
            "counting_run": counting if run not in [counting, *still_open] else None,
            "other_open_runs": [_with_headlines(each) for each in still_open if each != run],
            "newest_run": newest if run == counting and newest not in [run, *still_open] else None,
            "closed_by_audit_since": _closed_by_audit_since(run),
            "form": ScopeForm() if may_run else None,
            "runs": runs[:RUNS_SHOWN],
            **(extra_context or {}),
        }
        if request.user.has_perm("transactions.view_seal"):
            context |= _seals(request)
        return TemplateResponse(request, "admin/transactions/auditrun/audit.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Redirects to the page of the audit."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect(f"{reverse('admin:transactions_auditrun_changelist')}?run={object_id}")

    def run_view(self, request: HttpRequest) -> HttpResponse:
        """Runs an audit during the request, which takes at most a few seconds, and redirects to the
        audit page.
        """
        if not request.user.has_perm("transactions.run_audit"):
            raise PermissionDenied
        page = redirect("admin:transactions_auditrun_changelist")
        form = ScopeForm(request.POST or None)
        if request.method != "POST":
            return page
        if not form.is_valid():
            messages.error(request, "Nothing was checked. Choose what to check from the list.")
            return page
        try:
            run, _ = run_audit(since=form.since, run_by=person_of(request), seconds=PAGE_SECONDS)
        except LedgerError as refusal:
            messages.error(request, str(refusal))
            return page
        if run.is_clean:
            self._add_clean_message(request, run)
        else:
            messages.error(request, "The audit found problems in the books.")
        return page

    def _add_clean_message(self, request: HttpRequest, run: AuditRun) -> None:
        """Adds the message for an audit without findings. The message is a warning if findings of
        an older audit are still open.
        """
        counting = counting_run()
        if counting is None or counting.is_clean:
            messages.success(request, "The audit found no problems.")
            return
        assert run.since is not None  # noqa: S101  a complete audit closes all findings
        messages.warning(
            request,
            f"The audit found no problems in bookings since {_day(run.since)}, but the audit of "
            f"{_day(counting.started_at)} checked more, and its findings are still open.",
        )


def _closed_by_audit_since(run: AuditRun | None) -> datetime | None:
    """Returns the latest start of a checked period with which a new audit would close the findings
    of this audit. Returns None if there are no findings, or if only a complete audit would close
    the findings.
    """
    if run is None or run.is_clean:
        return None
    begins = must_begin_by(run)
    return None if begins == EARLIEST else min(begins, run.started_at)


def _with_headlines(run: AuditRun) -> tuple[AuditRun, list[str]]:
    """Returns the audit, and the headlines of its findings. The headlines start with a small
    letter, for use in a sentence.
    """
    headlines = [HEADLINES.get(finding["check"], finding["check"]) for finding in run.found]
    return run, [f"{headline[0].lower()}{headline[1:]}" for headline in headlines]


def shown(findings: Sequence[dict[str, Any]]) -> list[FindingShown]:
    """Returns the findings with their accounts and transactions, as far as these still exist.

    Metadata is not loaded, because a finding may be about JSON that is nested too deeply for
    Python.
    """
    if findings:
        add_unnamed()  # messages of findings may contain data of deleted rows
    accounts = Account.objects.select_related("user").in_bulk(
        [finding["account"] for finding in findings if finding["account"]]
    )
    rows = Transaction.objects.defer("metadata").in_bulk(
        [finding["transaction"] for finding in findings if finding["transaction"]]
    )
    return [
        FindingShown(
            HEADLINES.get(finding["check"], finding["check"]),
            finding.get("sentence", ""),
            finding["expected"],
            finding["found"],
            (finding.get("broken") or 1) - 1,
            accounts.get(uuid.UUID(finding["account"])) if finding["account"] else None,
            rows.get(uuid.UUID(finding["transaction"])) if finding["transaction"] else None,
            finding["transaction"],
        )
        for finding in findings
    ]


def _day(moment: datetime) -> str:
    here = timezone.localtime(moment)
    return long_date(here)


def _named_run(request: HttpRequest) -> AuditRun | None:
    try:
        wanted = uuid.UUID(request.GET.get("run", ""))
    except ValueError:
        return None
    return AuditRun.objects.select_related("run_by").filter(pk=wanted).first()


def _seals(request: HttpRequest) -> dict[str, Any]:
    """Returns the template context for one page of seals, the newest first. `older_seals` is the
    number of the first seal on the next page, or None.
    """
    seals = Seal.objects.select_related("sealed_by").order_by("-number")
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 9:
        seals = seals.filter(number__lt=int(before))
    page = list(seals[: SEALS_SHOWN + 1])
    if page:
        add_unnamed()  # the sum of a few deposits in a currency may contain data of only one person
    older = page[SEALS_SHOWN - 1].number if len(page) > SEALS_SHOWN else None
    parts = [(seal, _period(seal), _money(seal)) for seal in page[:SEALS_SHOWN]]
    return {"seals": parts, "older_seals": older, "shows_seals": True}


def _period(seal: Seal) -> str:
    """Returns the days of the seal, in UTC, as text."""
    last = long_date(seal.last_day)
    if seal.starts_at == EARLIEST:
        return f"Everything up to {last}"
    first = long_date(seal.starts_at.astimezone(UTC).date())
    return first if first == last else f"{first} to {last}"


def _money(seal: Seal) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns the sums of a seal: for each currency, a list of sums by type. Currencies and types
    are sorted.
    """
    return [(currency, sorted(sums.items())) for currency, sums in sorted(seal.amounts.items())]
