"""What a check of the audit can say."""

from dataclasses import dataclass

from accounts.models import Account


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: the check's name, where, and what was expected and found.

    It is the first of its kind; `broken` says how many there are, where counting is cheap.
    """

    check: str
    account: str | None
    transaction: str | None
    expected: str
    found: str
    broken: int | None = None
    seal: int | None = None

    def __str__(self) -> str:
        account = Account.objects.filter(pk=self.account).first() if self.account else None
        known = {
            "account": self.account,
            "number": account and account.number,
            "transaction": self.transaction,
        }
        where = " ".join(f"{name} {value}" for name, value in known.items() if value)
        more = f" (the first of {self.broken:,})" if (self.broken or 0) > 1 else ""
        place = where or "the whole bank"
        return f"{self.check}: {place}: {self.expected}; found {self.found}{more}"
