"""Builds the texts about a person's alerts and about the person's choices of alerts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.urls import reverse

from accounts.models import Account, User
from accounts.sign_in.addresses import is_like_a_link
from banking.alerts.models import Alert, AlertChoice, AlertKind, AlertMail
from banking.alerts.orders import ORDER_KINDS, OrderDay, order_days, order_url
from ledger.text.dates import short_date
from ledger.text.lines import cut
from ledger.text.money import money
from transactions.entry_line import receipt_url
from transactions.models import Entry
from transactions.models.entry import ROW_FIELDS

MAX_COUNTED = 99  # maximum number of unread alerts on the bell
LONGEST_NAME, LONGEST_DETAIL = 60, 160

HELP = {
    AlertKind.MONEY_IN: "A payment into an account, above an amount you choose.",
    AlertKind.MONEY_OUT: "A payment out of an account, above an amount you choose.",
    AlertKind.BALANCE_BELOW: "An account balance below an amount you choose.",
    AlertKind.ORDER_FAILED: "A payment that you have ordered was refused.",
    AlertKind.ORDER_LACKS: (
        "You get an alert two days before a payment that will fail because of too little "
        "money, a limit, or a frozen or closed account."
    ),
    AlertKind.HOLD_EXPIRING: "Money on hold becomes available within a day, unless it is charged.",
    AlertKind.NEW_DEVICE: "We always send you a mail about a new device immediately.",
}


class AlertLine(NamedTuple):
    """The text of an alert. `mailed` is the detail for an email. It contains no texts that other
    people wrote.
    """

    title: str
    detail: str
    mailed: str  # the detail for an email, without texts that other people wrote
    url: str
    at: datetime
    is_unread: bool


class ChoiceLine(NamedTuple):
    """An alert choice as text. `sentence` describes the alert, and `mailed` the emails about the
    alert.
    """

    choice: AlertChoice
    sentence: str
    mailed: str


@dataclass(frozen=True, slots=True)
class ChosenKind:
    """A kind of alert, and the person's choices of this kind."""

    kind: AlertKind
    help: str
    lines: list[ChoiceLine]

    @property
    def can_add(self) -> bool:
        return self.kind.is_of_account or not self.lines


def unread_count(person: User) -> int:
    """Returns the number of unread alerts. The maximum is MAX_COUNTED + 1. Makes one query."""
    unread = Alert.objects.owned_by(person).unread()
    return len(unread.values_list("pk", flat=True)[: MAX_COUNTED + 1])


def lines_of(alerts: Sequence[Alert]) -> list[AlertLine]:
    """Returns the texts of alerts that all belong to one person. Makes at most two queries, and the
    queries of `order_days`.

    The text of a booked payment contains the name of the payer or recipient, as on the account
    statement. The text of a hold contains no name.
    """
    accounts = {
        account.pk: account
        for account in Account.objects.filter(pk__in={each.account_id for each in alerts})
    }
    entries, days = _entries(alerts, accounts), order_days(alerts)
    return [_line(each, accounts, entries, days.get(each.pk)) for each in alerts]


def _entries(
    alerts: Iterable[Alert], accounts: dict[UUID, Account]
) -> dict[tuple[UUID, UUID | None], Entry]:
    paid = [each for each in alerts if AlertKind(each.kind).is_of_account]
    if not paid:
        return {}
    found = Entry.objects.filter(
        transaction__in=[each.about for each in paid],
        account__in={each.account_id for each in paid},
    )
    entries = {}
    columns = (*ROW_FIELDS, "account", "captures_id", "transaction__created_by")
    for entry in found.with_counterparty().select_related("transaction").only(*columns):
        entry.account = accounts[entry.account_id]
        entries[entry.transaction_id, entry.account_id] = entry
    return entries


def _line(
    alert: Alert,
    accounts: dict[UUID, Account],
    entries: dict[tuple[UUID, UUID | None], Entry],
    order_day: OrderDay | None,
) -> AlertLine:
    account = accounts.get(alert.account_id) if alert.account_id else None
    entry = entries.get((alert.about, alert.account_id))
    if account is not None and alert.kind in ORDER_KINDS:
        title, detail = _words_of_order(
            alert, account, order_day, order_day.who if order_day else ""
        )
        mailed = _words_of_order(alert, account, order_day, _mailed_name(order_day))[1]
    else:
        title, detail = _words(alert, account, _other_side(entry))
        mailed = _words(alert, account, _mailed_side(entry, alert.owner_id))[1]
    return AlertLine(
        title=title,
        detail=detail,
        mailed=mailed,
        url=_url(alert),
        at=alert.created_at,
        is_unread=alert.read_at is None,
    )


def _words(alert: Alert, account: Account | None, other_side: str) -> tuple[str, str]:
    """Returns the title and the detail of an alert about a payment, balance, hold or sign-in."""
    if account is None:
        return "A sign-in from a new device", cut(alert.detail, LONGEST_DETAIL)
    name = cut(account.name, LONGEST_NAME)
    amount = money(alert.amount, account.currency) if alert.amount is not None else ""
    day = short_date(alert.day) if alert.day else ""
    left = money(alert.balance, account.currency) if alert.balance is not None else ""
    return {
        AlertKind.MONEY_IN: (f"{amount} came in on {name}", other_side),
        AlertKind.MONEY_OUT: (f"{amount} went out of {name}", other_side),
        AlertKind.BALANCE_BELOW: (
            f"{name} is below {amount}",
            f"{left} is left. {other_side}".strip(),
        ),
        AlertKind.HOLD_EXPIRING: (f"A hold of {amount} expires on {day}", f"on {name}"),
    }[AlertKind(alert.kind)]


def _words_of_order(
    alert: Alert, account: Account, order_day: OrderDay | None, who: str
) -> tuple[str, str]:
    """Returns the title and the detail of an alert about a standing order. `who` is the recipient's
    name, or "" if the name must not be shown.
    """
    name = cut(account.name, LONGEST_NAME)
    amount = money(alert.amount, account.currency) if alert.amount else ""
    day = short_date(alert.day) if alert.day else ""
    to = f" to {cut(who, LONGEST_NAME)}" if who else ""
    if alert.kind == AlertKind.ORDER_LACKS:
        return _words_of_lack(alert, (name, amount, day, to), order_day)
    verb, why, step = ("was not paid", alert.detail, "")
    if order_day is not None:
        verb, why, step = order_day.verb, order_day.reason, order_day.next_step
    # The reason begins with the account's name. Only the name is shortened, never the amounts.
    reason = f" Refused: {why.replace(account.name, name, 1)}" if why else ""
    title = f"A standing order of {amount} {verb}"
    return title, f"From {name}{to}, due on {day}.{reason} {step}".rstrip()


def _words_of_lack(
    alert: Alert, labels: tuple[str, str, str, str], order_day: OrderDay | None
) -> tuple[str, str]:
    """Returns the title and the detail of an alert about a payment of a standing order that will
    probably fail.
    """
    name, amount, day, to = labels
    verb, result = (
        ("is", "")
        if order_day and order_day.is_ahead
        else ("was", order_day.result if order_day else "")
    )
    of = f" of {alert.detail}" if alert.detail else ""
    order = f"the standing order{to}{of}"
    if amount:
        title = f"{name} {'needs' if verb == 'is' else 'needed'} {amount} more by {day}"
        return title, f"For {order}. {result}".rstrip()
    title = f"A standing order {'cannot' if verb == 'is' else 'could not'} be paid on {day}"
    why = f"From {name}" if alert.amount is None else f"{name} {verb} frozen"
    return title, f"{why}: {order}. {result}".rstrip()


def _mailed_name(order_day: OrderDay | None) -> str:
    return order_day.who if order_day and not is_like_a_link(order_day.who) else ""


def _mailed_side(entry: Entry | None, reader: UUID) -> str:
    """Returns the text about the payer or recipient for an email. If the reader made the payment,
    the text includes the description.

    Leaves out a name or a description that looks like a link. The other person chose the name. The
    reader may have opened a link that contained the description.
    """
    name = entry.counterparty_name if entry else ""
    if entry is None or not name or is_like_a_link(name):
        return ""
    who = f"{'From' if entry.is_credit else 'To'} {cut(name, LONGEST_NAME)}"
    is_written_by_reader = (
        not entry.is_credit
        and entry.transaction.created_by_id == reader
        and entry.captures_id is None
        and entry.reverses_id is None
    )
    if not is_written_by_reader or is_like_a_link(entry.description):
        return who
    return cut(_joined(who, entry.description), LONGEST_DETAIL)


def _joined(who: str, description: str) -> str:
    return f"{who} \N{MIDDLE DOT} {description}" if description else who


def _other_side(entry: Entry | None) -> str:
    """Returns the name of the payer or the recipient, and the description of the payment. Returns
    "" if there is no booked payment.
    """
    if entry is None:
        return ""
    description = entry.description if entry.counterparty_name else ""
    who = entry.headline
    if entry.counterparty_name:
        who = f"{'From' if entry.is_credit else 'To'} {cut(who, LONGEST_NAME)}"
    return cut(_joined(who, description), LONGEST_DETAIL)


def _url(alert: Alert) -> str:
    match AlertKind(alert.kind):
        case AlertKind.NEW_DEVICE:
            return reverse("security:page")
        case AlertKind.ORDER_FAILED | AlertKind.ORDER_LACKS:
            return order_url(alert)
        case _:
            return receipt_url(alert.about)


def chosen_kinds(person: User) -> list[ChosenKind]:
    """Returns all kinds of alerts, each with the person's choices. Makes one query."""
    mine = AlertChoice.objects.owned_by(person).select_related("account")
    lines = [line_of_choice(each) for each in mine.order_by("account__created_at", "pk")]
    return [
        ChosenKind(kind, HELP[kind], [line for line in lines if line.choice.kind == kind])
        for kind in AlertKind
    ]


def line_of_choice(choice: AlertChoice) -> ChoiceLine:
    """Returns the text of a person's choice of an alert."""
    mailed = str(AlertMail(choice.mail).label)
    if choice.account is None or choice.amount is None:
        return ChoiceLine(choice, "On", mailed)
    account, amount = choice.account, money(choice.amount, choice.account.currency)
    if choice.kind == AlertKind.BALANCE_BELOW:
        return ChoiceLine(choice, f"{account.name} below {amount}", mailed)
    on = f"{account.name} above {amount}" if choice.amount else f"{account.name}, any amount"
    return ChoiceLine(choice, on, mailed)
