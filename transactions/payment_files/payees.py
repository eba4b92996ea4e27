"""Which names a payer may read on the page of a file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from accounts.models import Account
from transactions.models import PaymentFile, PaymentLine, Transaction
from transactions.models.payment_file import NameCheck
from transactions.payment_files.names import masked_name


@dataclass(slots=True)
class Payees:
    """Names by line id.

    `in_part`: a name is masked, and the file gives none to compare. `uncompared`: a name was not
    compared, because too many were wrong that day.
    """

    names: dict[UUID, str] = field(default_factory=dict)
    in_part: bool = False
    uncompared: bool = False


def payees_of(file: PaymentFile, lines: Sequence[PaymentLine]) -> Payees:
    """Returns the recipients of some lines, named as the payer may see them.

    In full if the payer knows the name: an own account, an account paid before, or a right name in
    the file. Else masked. `lines` come with accounts and holders.
    """
    owner = file.from_account.user_id
    paid = _paid_before(owner, {line.to_account_id for line in lines if line.to_account_id})
    payees = Payees()
    for line in lines:
        account = line.to_account
        if account is None:
            continue
        is_known = (
            account.user_id == owner or account.pk in paid or line.name_check == NameCheck.MATCH
        )
        payees.names[line.pk] = account.user.name if is_known else masked_name(account.user.name)
        payees.in_part |= not is_known and not line.typed_name
        payees.uncompared |= line.is_uncompared
    return payees


def _paid_before(owner: UUID, accounts: set[UUID]) -> set[UUID]:
    """The accounts out of these that this person has paid before. Holds do not count."""
    own = list(Account.objects.filter(user=owner).values_list("pk", flat=True))
    sent = Transaction.objects.filter(
        from_account__in=own, to_account__in=accounts, status="completed"
    )
    return set(sent.values_list("to_account", flat=True).distinct())
