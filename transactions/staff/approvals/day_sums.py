"""Today's sums for an approval request: the amounts that were booked without approval, compared
with the threshold.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from accounts import approvals
from accounts.approvals import SumOf
from accounts.models import Account, ApprovalRequest
from ledger.text.money import money


@dataclass(frozen=True, slots=True)
class DaySums:
    """Today's sums of the amounts that were booked without approval: by the clerk who made the
    request, and on each account of the request.

    `unapproved` contains the label of each sum, and the sum as a fraction of the threshold. Amounts
    in different currencies are never added.
    """

    request: ApprovalRequest
    threshold: Decimal
    unapproved: list[tuple[str, Decimal]]

    @property
    def label(self) -> str:
        """The label above the sums."""
        return (
            "Raised without approval today"
            if _is_limits(self.request)
            else "Done without approval today"
        )

    @property
    def shares(self) -> list[str]:
        """Each sum as a text with its label, such as "41.3 % of the threshold by Olga"."""
        return [f"{in_percent(share)} of the threshold {label}" for label, share in self.unapproved]

    @property
    def in_short(self) -> str:
        """The reason why the request needs the approval of another person, as a sentence."""
        currency, most = self.request.currency, money(self.threshold, self.request.currency)
        if not self.threshold:
            return f"Every amount of {currency} needs approval."
        with_this = (
            max(share for _, share in self.unapproved) + self.request.amount / self.threshold
        )
        is_done = (
            f"This brings today's total without approval to {in_percent(with_this)} of the "
            f"threshold of {most}"
        )
        if with_this > 1:
            return f"{is_done}, so another person must approve this request."
        if any(limit.after is None for limit in self.request.limits):
            return "Removing a limit always needs approval."
        if any(limit.name == "overdraft_limit" for limit in self.request.limits):
            return f"An overdraft limit above {most} always needs approval."
        return f"{is_done}. This is now within the threshold."


def in_percent(share: Decimal) -> str:
    """Returns a fraction of the threshold as text, such as "41.3 %". Rounds up, so that a sum above
    the threshold is never shown as 100 %.
    """
    return f"{(share * 100).quantize(Decimal('0.1'), ROUND_CEILING).normalize():,f} %"


def add_day_sums(requests: Sequence[ApprovalRequest]) -> None:
    """Sets the attribute `day_sums` of each request. `day_sums` is None for requests about groups,
    which have no amount. Sends two queries.
    """
    counted = [request for request in requests if request.kind != ApprovalRequest.Kind.GROUP]
    shares = approvals.done_today_without_approval(
        each for row in counted for each in _counted_to(row)
    )
    thresholds = approvals.thresholds()
    for row in requests:
        sums = None
        if row.kind != ApprovalRequest.Kind.GROUP:
            threshold = thresholds.get(row.currency, thresholds.get("*", Decimal(0)))
            sums = DaySums(row, threshold, [(_label_of(it), shares[it]) for it in _counted_to(row)])
        row.day_sums = sums  # type: ignore[attr-defined]


def _counted_to(request: ApprovalRequest) -> Iterable[SumOf]:
    """Returns the sums to which the amount of this request would be added without an approval."""
    what = approvals.LIMITS if _is_limits(request) else approvals.MONEY
    return [SumOf(what, request.requested_by), *(SumOf(what, each) for each in request.accounts)]


def _label_of(each: SumOf) -> str:
    """Returns the label of a sum, such as "by Olga" or "on Everyday 1234 5678 90"."""
    return f"on {each.owner}" if isinstance(each.owner, Account) else f"by {each.owner}"


def _is_limits(request: ApprovalRequest) -> bool:
    return request.kind == ApprovalRequest.Kind.LIMITS
