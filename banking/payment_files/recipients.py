"""Returns the names of the recipients in a file as the payer may see them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from banking.payment_files.models import PaymentFile, PaymentLine
from transactions.models import NameCheck
from transactions.safeguards.names import masked_name
from transactions.safeguards.recipients import known_among


@dataclass(slots=True)
class Recipients:
    """The names of the recipients of a file's lines. `names` is a dict from the id of a line to the
    name.

    `in_part` is true if a name is masked and the file contains no name for its line. `uncompared`
    is true if a name in the file was not compared with the holder's name, because too many names
    were wrong on that day.
    """

    names: dict[UUID, str] = field(default_factory=dict)
    in_part: bool = False
    uncompared: bool = False


def recipients_of(file: PaymentFile, lines: Sequence[PaymentLine]) -> Recipients:
    """Returns the recipients' names of these lines, as the payer may see them. The account and its
    holder must be loaded for each line.

    The name is complete in three cases: the account belongs to the payer, the payer has paid the
    account before, or the file contains the correct name. Otherwise the name is masked.
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
