"""The first page of the admin: its numbers, and the outcome of the user's approval requests."""

from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, ApprovalRequest, User
from ledger.text.dates import end_of_day, short_date, when_within
from ledger.text.lines import counted
from transactions.audit.open_findings import open_runs
from transactions.models import AuditRun, Seal, Transaction
from transactions.scope import may_read_bank
from transactions.staff.figures import StaffFigure, registered_figures

NEWS_SHOWN = 10


def news_for(user: User) -> list[ApprovalRequest]:
    """Returns the newest decided approval requests of this user, or an empty list if the user may
    not see approvals.
    """
    if not user.has_perm("accounts.view_approvalrequest"):
        return []
    return list(ApprovalRequest.objects.news_of(user)[:NEWS_SHOWN])


def figures_for(user: User) -> list[StaffFigure]:
    """Returns the numbers that this user may see. Sends at most ten queries."""
    figures: list[StaffFigure] = []
    if user.has_perm("accounts.view_approvalrequest"):
        many = ApprovalRequest.objects.waiting().for_eyes_of(user).count()
        page = reverse("admin_approvals")
        care = many > 0 and user.has_perm("accounts.decide_approvals")
        figures.append(StaffFigure("Waiting for approval", f"{many:,}", page, care))
    sees_payments = user.has_perm("transactions.view_transaction")
    if sees_payments:
        figures += _holds()
    if user.has_perm("accounts.view_account"):
        frozen = Account.objects.filter(status=Account.Status.FROZEN).count()
        accounts = reverse("admin:accounts_account_changelist")
        figures.append(
            StaffFigure("Frozen accounts", f"{frozen:,}", f"{accounts}?status__exact=frozen")
        )
    figures += registered_figures(user)
    if may_read_bank(user):
        page = reverse("transactions:report", args=["trial-balance"])
        figures.append(StaffFigure("Trial balance", short_date(timezone.localdate()), page))
    if user.has_perm("transactions.view_auditrun"):
        figures.append(_audit())
    if user.has_perm("transactions.view_seal"):
        seal = Seal.objects.order_by("-number").first()
        page = reverse("admin:transactions_auditrun_changelist")
        until = short_date(seal.last_day) if seal else "nothing yet"
        figures.append(StaffFigure("Sealed up to", until, page))
    return figures


def _holds() -> list[StaffFigure]:
    page = reverse("admin:transactions_transaction_changelist")
    pending = Transaction.objects.pending()
    today = pending.filter(expires_at__lt=end_of_day(timezone.localdate())).count()
    return [
        StaffFigure("Pending holds", f"{pending.count():,}", f"{page}?standing=pending"),
        StaffFigure("Holds that expire today", f"{today:,}", f"{page}?standing=today", today > 0),
    ]


def _audit() -> StaffFigure:
    page = reverse("admin:transactions_auditrun_changelist")
    open_findings = sum(len(run.findings) for run in open_runs())
    if open_findings:
        text = counted(open_findings, "open finding")
        return StaffFigure("Last audit", text, page, needs_care=True)
    last = AuditRun.objects.first()
    if last is None:
        return StaffFigure("Last audit", "never", page, needs_care=True)
    finished = timezone.localtime(last.finished_at)
    return StaffFigure("Last audit", f"clean, {when_within(finished)}", page)
