"""Which names a payer may read on the page of a file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from banking.payment_files.models import PaymentFile, PaymentLine
from transactions.models import NameCheck
from transactions.safeguards.names import masked_name
from transactions.safeguards.recipients import known_among


@dataclass(slots=True)
class Recipients:
    """Names by line id.

    `in_part`: a name is masked, and the file contains no name to compare. `uncompared`: a name was
    not compared, because too many names were wrong that day.
    """

    names: dict[UUID, str] = field(default_factory=dict)
    in_part: bool = False
    uncompared: bool = False


def recipients_of(file: PaymentFile, lines: Sequence[PaymentLine]) -> Recipients:
    """Returns the recipients of some lines, named as the payer may see them.

    A name is complete if the payer knows it: their own account, a known recipient, or a matching
    name in the file. Otherwise it is masked. `lines` must have their accounts and holders loaded.
    """
    owner = file.from_account.user_id
    known = known_among(owner, {line.to_account_id for line in lines if line.to_account_id})
    recipients = Recipients()
    for line in lines:
        account = line.to_account
        if account is None:
            continue
        is_known = account.pk in known or line.name_check == NameCheck.MATCH
        recipients.names[line.pk] = (
            account.user.name if is_known else masked_name(account.user.name)
        )
        recipients.in_part |= not is_known and not line.typed_name
        recipients.uncompared |= line.is_uncompared
    return recipients
