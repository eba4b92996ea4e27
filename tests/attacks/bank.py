"""The bank for the attacks: three people, each with rows of every kind.

Ana and Ben pay one another. Eve, the attacker, is not connected to them. Every text of a person
contains this person's canary, a word that occurs in no other text, and the amounts of the person
are unusual. If a page for Eve shows a canary or an amount of another person, the page has a leak.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils import timezone

from accounts import services as account_services
from accounts.groups import OPERATIONS
from accounts.models import Account, ApprovalRequest, Change, Household, Read, User
from banking.alerts.models import AlertChoice, AlertKind
from banking.alerts.services import choose
from banking.attachments.models import Attachment
from banking.events.models import Webhook, WebhookDelivery
from banking.outside.models import OutsideImport
from banking.payment_files.models import PaymentFile
from banking.reconciliation.models import Reconciliation
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.services import OrderDraft, set_up
from explorer.models import QueryRun, SavedQuery
from ledger.db.ids import uuid7
from ledger.text.money import account_number
from tests.banking.attachments.files import attached
from tests.banking.events.shared import webhook_of
from tests.banking.outside.files import imported, outside_account, uploaded
from tests.banking.payment_files.files import checked, pay
from tests.banking.reconciliation.files import settled, statement
from tests.banking.statement_files.shared import empty_statement
from tests.factories import PASSWORD, AccountFactory, UserFactory
from tests.passkeys import add_passkey
from tests.sign_in import verify_address
from transactions import services, staff_services
from transactions.annotations.models import OwnCategory
from transactions.annotations.services import annotate
from transactions.audit.runs import run_audit
from transactions.categories.budgets import save_budget
from transactions.categories.models import Budget, CategoryRule
from transactions.models import SavedReport, StaffReason, Transaction
from transactions.payees.models import Payee
from transactions.payees.services import save_payee
from transactions.reports.catalogue import BY_SLUG
from transactions.reports.saved import save_report
from transactions.services import Draft
from transactions.staff.approvals.requests import ask_for

CANARIES = {"ana": "qzanaqz", "ben": "qzbenqz", "eve": "qzeveqz"}
CENTS = {"ana": Decimal("0.37"), "ben": Decimal("0.59"), "eve": Decimal("0.83")}

# Returns the text of a holder, from the name of the text and the canary.
Wording = Callable[[str, str], str]


def plain(label: str, canary: str) -> str:
    return f"{canary} {label}"


@dataclass(slots=True)
class Holder:
    """A person with two accounts, and one row of each kind that belongs to them."""

    who: str
    user: User
    everyday: Account
    savings: Account
    passkey: Authenticator
    transactions: dict[str, Transaction] = field(default_factory=dict)
    files: list[PaymentFile] = field(default_factory=list)
    approvals: list[ApprovalRequest] = field(default_factory=list)
    queries: list[SavedQuery] = field(default_factory=list)
    runs: list[QueryRun] = field(default_factory=list)
    saved_reports: list[SavedReport] = field(default_factory=list)
    payees: list[Payee] = field(default_factory=list)
    categories: list[OwnCategory] = field(default_factory=list)
    rules: list[CategoryRule] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    orders: list[StandingOrder] = field(default_factory=list)
    choices: list[AlertChoice] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    imports: list[OutsideImport] = field(default_factory=list)
    reconciliations: list[Reconciliation] = field(default_factory=list)

    @property
    def webhook(self) -> Webhook:
        return Webhook.objects.get(owner=self.user)

    @property
    def canary(self) -> str:
        return CANARIES[self.who]

    @property
    def accounts(self) -> list[Account]:
        return [self.everyday, self.savings]

    def rows_of(self, model: type[Model]) -> list[Model] | None:
        """Returns the person's rows of a model, or None if the bank has no such rows. Rows of a new
        model must be added to `Holder`.
        """
        rows: dict[type[Model], list[Model]] = {
            User: [self.user],
            Account: list(self.accounts),
            Transaction: list(self.transactions.values()),
            PaymentFile: list(self.files),
            StandingOrder: list(self.orders),
            Reconciliation: list(self.reconciliations),
            Authenticator: [self.passkey],
            Change: list(Change.objects.filter(about=self.user.pk, table_name="users")[:1]),
            Read: list(Read.objects.filter(people__contains=[self.user.pk]).order_by("pk")[:1]),
        }
        return rows.get(model)

    def facts(self) -> Iterator[str]:
        """Yields the texts that no other person may read: the canary, addresses, account numbers
        and amounts.
        """
        yield self.canary
        yield self.user.email
        for account in self.accounts:
            account.refresh_from_db()
            yield from (account.number, account_number(account.number))
            yield f"{account.balance:,.2f}"
        yield from {f"{row.amount:,.2f}" for row in self.transactions.values()}


@dataclass(slots=True)
class AttackedBank:
    ana: Holder
    ben: Holder
    eve: Holder
    clerk: User

    @property
    def victims(self) -> list[Holder]:
        return [self.ana, self.ben]

    @property
    def holders(self) -> list[Holder]:
        return [self.ana, self.ben, self.eve]


def attacked_bank(wording: Wording = plain) -> AttackedBank:
    """Builds the bank. `wording` returns every text, such as names, descriptions and reasons."""
    clerk: User = UserFactory(is_staff=True, email="clerk@example.com", password=PASSWORD)
    clerk.groups.add(Group.objects.get(name=OPERATIONS))
    Household.objects.create(name="Elm Street 4")
    people = {who: _holder(who, wording) for who in CANARIES}
    ana, ben, eve = people.values()
    for holder, to in ((ana, ben.everyday), (ben, ana.everyday), (eve, eve.savings)):
        _move_money(holder, to, wording, clerk)
    run_audit(run_by=clerk)
    return AttackedBank(ana, ben, eve, clerk)


def _holder(who: str, wording: Wording) -> Holder:
    def text(label: str) -> str:
        return wording(label, CANARIES[who])

    user: User = UserFactory(email=f"{who}@mail.example", name=text("name"), password=PASSWORD)
    verify_address(user)
    cents = CENTS[who]
    everyday, savings = (
        AccountFactory(user=user, name=text(name)[:100], balance=balance + cents)
        for name, balance in (("everyday", 41_207), ("savings", 17_311))
    )
    for account in (everyday, savings):
        empty_statement(account)
    return Holder(who, user, everyday, savings, add_passkey(user, text("passkey")).row)


def _reconciled(
    opening: Decimal, text: Callable[[str], str], clerk: User, name: str
) -> Reconciliation:
    """Creates a reconciliation with the opening deposit and a left-over line. The list of
    reconciliations shows its name and reads no rows of people, so the name contains no canary.
    """
    said = text("settled").replace(",", " ").replace('"', " ")
    lines = (f"{opening},From {said},From {said},", f"{opening + 13},From {said},,")
    whose = statement(*lines, by=clerk, name=name)
    return settled(whose, clerk, reason=text("leftover"))


def _move_money(holder: Holder, to: Account, wording: Wording, clerk: User) -> None:
    cents = CENTS[holder.who]

    def text(label: str) -> str:
        return wording(label, holder.canary)

    def details(label: str) -> dict[str, Any]:
        said = text(label)
        return {
            "description": said,
            "reference": said[:64],
            "metadata": {"category": said, said: said, "deep": {said: [said, {said: said}]}},
            "created_by": holder.user,
        }

    for kind in (AlertKind.MONEY_IN, AlertKind.MONEY_OUT):
        chosen = choose(owner=holder.user, kind=kind, account=holder.everyday, amount=cents)
        holder.choices.append(chosen)
    sides: dict[str, Any] = {"from_account": holder.everyday, "to_account": to}
    rows = holder.transactions
    rows["paid"] = services.transfer(**sides, amount=1_203 + cents, **details("paid"))
    rows["refunded"] = services.transfer(**sides, amount=611 + cents, **details("refunded"))
    until: dict[str, Any] = {"expires_at": timezone.now() + timedelta(days=3)}
    rows["held"] = services.hold(**sides, amount=307 + cents, **details("held"), **until)
    hold = services.hold(**sides, amount=211 + cents, **details("captured"), **until)
    rows["hold"], rows["capture"] = hold, services.capture(hold=hold)
    rows["refund"] = staff_services.book(
        Draft(
            from_account=to, to_account=holder.everyday,
            amount=113 + cents, reverses=rows["refunded"].pk, description=text("refund"),
        ),
        action=StaffReason.Action.REFUND,
        reason=text("reason"), message=text("message"), written_by=clerk,
    )  # fmt: skip
    webhook = webhook_of(holder.user, url=f"https://{holder.canary}.example/{text('hook')}")
    WebhookDelivery.objects.create(
        webhook=webhook, account=holder.everyday, number=1, kind="posted", status="failed",
        transaction_id=rows["paid"].pk, at=rows["paid"].created_at, error=text("answered"),
    )  # fmt: skip
    Read.objects.create(reader=clerk, page="-", path="/", address="", people=[holder.user.pk])
    annotate(transaction=rows["paid"], owner=holder.user, text=text("note"), tags=[holder.canary])
    holder.attachments.append(attached(rows["paid"], holder.user, text("receipt")))
    saved = text("saved")[:80]
    report, parameters = BY_SLUG["running-total"], {"currency": "USD"}
    holder.saved_reports.append(
        save_report(owner=holder.user, report=report, name=saved, parameters=parameters)
    )
    called, kept = text("called")[:80], text("kept")
    payee = to if to.user_id != holder.user.pk else AccountFactory(name="Till")
    holder.payees.append(save_payee(owner=holder.user, account=payee, name=called, note=kept))
    given = {"category": text("category").lower()[:60], "change": uuid7()}
    holder.categories.append(
        OwnCategory.objects.create(transaction=rows["paid"], owner=holder.user, **given)
    )
    ruled = {"name": text("rule")[:80], "query": text("sought")[:300], "category": "food"}
    holder.rules.append(CategoryRule.objects.create(owner=holder.user, position=1, **ruled))
    budget = save_budget(
        owner=holder.user,
        category=text("budget").lower()[:60],
        currency=holder.everyday.currency,
        amount=300 + cents,
    )
    holder.budgets.append(budget)
    order = OrderDraft(
        id=uuid7(), owner=holder.user, from_account=holder.everyday, to_account=payee,
        amount=Decimal(3 + cents), every="month", description=text("order"),
        first_on=timezone.localdate() + timedelta(days=9),
    )  # fmt: skip
    holder.orders.append(set_up(order))
    outside = outside_account(owner=holder.user, name=text("outside")[:80], currency="USD")
    row = f"Date,Amount,Description\n2026-11-02,{7 + cents},From {text('foreign')}\n"
    holder.imports += [imported(outside, row), uploaded(outside, row + row.split("\n")[1])]
    name = wording("nostro.csv", "qzbankqz")
    holder.reconciliations.append(_reconciled(41_207 + cents, text, clerk, name))
    lines = [pay(to, 5 + cents, text("line").replace(",", " ")), "404,1,nobody,R-1"]
    holder.files.append(checked(holder.everyday, *lines, name=text("file.csv")))
    query = {"sql": f"SELECT '{text('query')}'"}
    holder.queries.append(
        SavedQuery.objects.create(owner=holder.user, title=text("title")[:100], **query)
    )
    ran = {"person": holder.user, "scope": "own", "form": "page", "outcome": "rows"}
    holder.runs.append(QueryRun.objects.create(**ran, **query))
    draft = Draft(to_account=holder.everyday, amount=20_000 + cents, created_by=clerk)
    seen = services.preview(replace(draft, description=text("slip"), reference=text("slip")[:64]))
    holder.approvals.append(ask_for(seen, reason=text("why"), asked_by=clerk))
    for change in (account_services.freeze_account, account_services.unfreeze_account):
        change(
            account=holder.savings, reason=text("frozen"), message=text("told"), changed_by=clerk
        )
    for thing in (holder.user, holder.everyday):
        LogEntry.objects.create(
            user=clerk, object_id=str(thing.pk), object_repr=text("thing")[:200],
            content_type=ContentType.objects.get_for_model(thing),
            action_flag=CHANGE, change_message=text("history"),
        )  # fmt: skip
