"""Reads a person's payees and the last payment to each payee."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse

from accounts.models import Account, User
from ledger.db.queries.tsqueries import LexemeQuery, any_account
from ledger.db.rights.row_security import RowScope, reading
from transactions.entry_line import again_url
from transactions.models import NameCheck, Transaction
from transactions.payees.models import Payee, id_of
from transactions.safeguards.names import compared, masked_name
from transactions.safeguards.recipients import known_among, knows


@dataclass(frozen=True, slots=True)
class PayeeLine:
    """A payee in the list of payees.

    `holder` is the name of the account's holder, masked if the reader may not see the name. `last`
    is the newest payment to the payee, or None. `can_pay` is true if the payee's account is open
    and the reader has an open account in the same currency.
    """

    payee: Payee
    holder: str
    is_masked: bool
    last: Transaction | None
    can_pay: bool

    @property
    def pay_url(self) -> str:
        """The URL of the transfer form, filled in with this recipient."""
        return f"{reverse('transactions:transfer')}?to={self.payee.account.number}"

    @property
    def again_url(self) -> str:
        """The URL of the transfer form, filled in with the newest payment, or "" if there is no
        payment.
        """
        return again_url(self.last.pk) if self.last else ""


def save_url(transaction: UUID) -> str:
    """Returns the URL of the form for a new payee, filled in with the recipient of this payment."""
    return f"{reverse('transactions:payee_new')}?paid={transaction}"


def paid_account(owner: User, transaction: str) -> Account | None:
    """Returns the account that received a payment of this person. Returns None unless `transaction`
    is the id of such a payment.
    """
    with suppress(ValueError):
        rows = Transaction.objects.visible_to(owner).with_sides().filter(pk=UUID(transaction))
        row = rows.filter(from_account__user=owner).first()
        found: Account | None = row.to_account if row else None
        return found
    return None


def saved_as(owner: User, account: Account) -> Payee | None:
    """Returns the payee that a person has saved for this account, or None."""
    found: Payee | None = Payee.objects.owned_by(owner).filter(pk=id_of(owner, account)).first()
    return found


def sees_currency(person: User, account: Account | None) -> bool:
    """Returns whether the person has seen this account's currency, in the list of payees or in a
    payment. If `account` is None, runs the same queries, so that the response time does not reveal
    whether an account exists.
    """
    saved = Payee.objects.owned_by(person).filter(account=account).exists()
    return knows(person, account) or saved


def saved_payees(owner: UUID) -> list[Payee]:
    """Returns the owner's payees with accounts and holders, sorted by name. Sends one query."""
    with reading(RowScope.DIRECTORY):
        return list(Payee.objects.filter(owner=owner).by_name())


def payee_lines(owner: User) -> list[PayeeLine]:
    """Returns a PayeeLine for each of the person's payees, sorted by name. Always sends five
    queries.
    """
    return lines_of(owner, saved_payees(owner.pk))


def own_payee(owner: User, pk: UUID) -> Payee | None:
    """Returns one of a person's payees, with its account and holder, or None."""
    with reading(RowScope.DIRECTORY):
        found: Payee | None = Payee.objects.owned_by(owner).by_name().filter(pk=pk).first()
        return found


def lines_of(owner: User, payees: Sequence[Payee]) -> list[PayeeLine]:
    """Returns a PayeeLine for each of these payees. `owner` is the reader who has saved them."""
    mine = list(Account.objects.owned_by(owner))
    currencies = {account.currency for account in mine if not account.is_closed}
    others = [payee.account_id for payee in payees]
    known = known_among(owner.pk, others) if others else set()
    last = _last_paid([account.pk for account in mine], others)
    return [_line(payee, known, last.get(payee.account_id), currencies) for payee in payees]


def _line(
    payee: Payee, known: set[UUID], last: Transaction | None, currencies: set[str]
) -> PayeeLine:
    account, holder = payee.account, payee.account.user.name
    was_right = payee.name_check == NameCheck.MATCH
    sees_name = payee.account_id in known or (
        was_right
        and compared(payee.name, holder) == NameCheck.MATCH  # the holder's name may have changed
    )
    return PayeeLine(
        payee=payee,
        holder=holder if sees_name else masked_name(holder),
        is_masked=not sees_name,
        last=last,
        can_pay=not account.is_closed and account.currency in currencies,
    )


def _last_paid(mine: Sequence[UUID], others: Sequence[UUID]) -> dict[UUID, Transaction]:
    """Returns the newest payment to each account in `others` from the accounts in `mine`, by the id
    of the account in `others`. Accounts without a payment are missing. The query uses the search
    column, so it reads only payments between these accounts, see Note [Search column].
    """
    if not (mine and others):
        return {}
    between = LexemeQuery(f"({any_account(mine)}) & ({any_account(others)})")
    paid = Transaction.objects.filter(
        from_account__in=mine, to_account__in=others, status=Transaction.Status.COMPLETED,
        type=Transaction.Type.TRANSFER, reverses=None, search=between,
    )  # fmt: skip
    newest = paid.order_by("to_account", "-created_at").distinct("to_account")
    return {row.to_account_id: row for row in newest}
