"""The sums of today beside a request: how much was done alone, and the threshold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from accounts import approvals
from accounts.approvals import SumOf
from accounts.models import Account, ApprovalRequest
from ledger.text.money import money


@dataclass(frozen=True, slots=True)
class DaySums:
    """What was done alone today, by the clerk who asked and on each account of the request.

    `alone` has whose and the part of the threshold: amounts in several currencies are never added.
    Approved actions count to no sum.
    """

    request: ApprovalRequest
    threshold: Decimal
    alone: list[tuple[str, Decimal]]

    @property
    def label(self) -> str:
        """What the amounts are."""
        return "Raised alone today" if _is_limits(self.request) else "Done alone today"

    @property
    def shares(self) -> list[str]:
        """Each part with whose it is: "41.3 % of the threshold by Olga"."""
        return [f"{in_percent(share)} of the threshold {whose}" for whose, share in self.alone]

    @property
    def in_short(self) -> str:
        """Why this needs another person, in one sentence."""
        currency, most = self.request.currency, money(self.threshold, self.request.currency)
        if not self.threshold:
            return f"Every amount of {currency} needs approval."
        with_this = max(share for _, share in self.alone) + self.request.amount / self.threshold
        of_threshold = f"With this, {in_percent(with_this)} of the threshold of {most}"
        if with_this > 1:
            return f"{of_threshold} is done alone today, so another person must approve it."
        if any(limit.after is None for limit in self.request.limits):
            return "Removing a limit always needs approval."
        if any(limit.name == "overdraft_limit" for limit in self.request.limits):
            return f"An overdraft limit above {most} always needs approval."
        return f"{of_threshold} is done alone today: by now it is within the threshold."


def in_percent(share: Decimal) -> str:
    """A part of the threshold, "41.3 %", rounded up: what is over it is never shown as 100 %."""
    return f"{(share * 100).quantize(Decimal('0.1'), ROUND_CEILING).normalize():,f} %"


def add_day_sums(requests: Sequence[ApprovalRequest]) -> None:
    """Adds `day_sums` to each request; None for a group, which no sum counts. Two queries."""
    counted = [request for request in requests if request.kind != ApprovalRequest.Kind.GROUP]
    shares = approvals.done_alone_today(each for row in counted for each in _counted_to(row))
    thresholds = approvals.thresholds()
    for row in requests:
        sums = None
        if row.kind != ApprovalRequest.Kind.GROUP:
            threshold = thresholds.get(row.currency, thresholds.get("*", Decimal(0)))
            sums = DaySums(row, threshold, [(_whose(it), shares[it]) for it in _counted_to(row)])
        row.day_sums = sums  # type: ignore[attr-defined]


def _counted_to(request: ApprovalRequest) -> Iterable[SumOf]:
    """The sums to which a request would count, if nobody approved it."""
    what = approvals.LIMITS if _is_limits(request) else approvals.MONEY
    return [SumOf(what, request.requested_by), *(SumOf(what, each) for each in request.accounts)]


def _whose(each: SumOf) -> str:
    """Whose sum it is, for a person: "by Olga", "on Everyday 1234 5678 90"."""
    return f"on {each.whose}" if isinstance(each.whose, Account) else f"by {each.whose}"


def _is_limits(request: ApprovalRequest) -> bool:
    return request.kind == ApprovalRequest.Kind.LIMITS
