"""Every way to change the bank, each under a key by which the database can be asked for it."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import approvals
from accounts import services as account_services
from accounts.groups import MANAGER, OPERATIONS, ensure_groups
from accounts.models import Account, ApprovalRequest, User
from banking.payment_files.booking import book_rest, book_whole
from banking.payment_files.preview import check
from banking.payment_files.storage import store
from banking.standing_orders.models import Every
from banking.standing_orders.paying import pay_due
from banking.standing_orders.services import OrderDraft, set_up
from ledger.db.ids import uuid7
from transactions import services, staff_services
from transactions.annotations.services import annotate
from transactions.audit import sealing
from transactions.models import StaffReason, Transaction
from transactions.services import Draft
from transactions.staff.approvals.requests import ask_for, do_approved

CLERK, MANAGER_MAIL = "clerk@example.com", "manager@example.com"
ACCOUNTS, RICH = 8, Decimal(1_000_000)
ORDERS = 0.1  # how often a step is of standing orders
MOST_KNOWN = 40  # rows of its own that a process comes back to
OVER_THRESHOLD = Decimal(20_000)
Claim = dict[str, Any]


@dataclass(frozen=True)
class Act:
    """One call. `ids` are of the transactions that it may write; `may_repeat`: it may be sent again
    after an unknown outcome, and is done once.
    """

    kind: str
    key: object
    do: Callable[[], Claim]
    ids: Sequence[UUID] = ()
    may_repeat: bool = True


class Verbs:
    """Draws one step after the other. What it knows of are rows of its own that it saw booked."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        # Standing orders are drawn between the others, which a seed keeps as they were.
        self.dice_of_orders = random.Random(str(dice.getstate()))  # noqa: S311 - no secret
        self.accounts = list(Account.objects.select_related("user").order_by("number"))
        self.clerk = User.objects.get(email=CLERK)
        self.manager = User.objects.get(email=MANAGER_MAIL)
        self.paid, self.holds = list[Transaction](), list[Transaction]()
        self.asked = list[ApprovalRequest]()
        self.verbs: dict[Callable[[], Act], int] = {
            self.transfer: 8, self.cash: 4, self.hold: 4, self.capture: 3, self.void: 2,
            self.refund: 3, self.by_staff: 2, self.batch: 3, self.file: 2, self.status: 2,
            self.limits: 2, self.note: 2, self.open: 1, self.ask: 2, self.decide: 2,
            self.approved: 2, self.expire: 1, self.seal: 1,
        }  # fmt: skip

    def next(self) -> Act:
        if self.dice_of_orders.random() < ORDERS:
            return self.order() if self.dice_of_orders.random() < 0.6 else self.pay_orders()
        (verb,) = self.dice.choices(list(self.verbs), list(self.verbs.values()))
        return verb()

    def amount(self) -> Decimal:
        return Decimal(self.dice.randint(1, 5000)) / 100

    def two(self) -> tuple[Account, Account]:
        sender, recipient = self.dice.sample(self.accounts, 2)
        return sender, recipient

    def one_of(self, rows: list[Any]) -> Any:
        """A row of this process that is there; at first another step in its place."""
        return self.dice.choice(rows) if rows else None

    def known(self, rows: list[Any], row: Any) -> None:
        rows.append(row)
        del rows[:-MOST_KNOWN]

    def booking(self, kind: str, service: Any, rows: list[Any] | None = None, **facts: Any) -> Act:
        """A service that books one row under an id of ours."""
        id = uuid7()

        def do() -> Claim:
            row = service(id=id, **facts)
            if rows is not None:
                self.known(rows, row)
            return {"ids": [str(row.pk)]}

        return Act(kind, id, do, [id])

    def transfer(self) -> Act:
        sender, recipient = self.two()
        sides = {"from_account": sender, "to_account": recipient}
        return self.booking("transfer", services.transfer, self.paid, amount=self.amount(), **sides)

    def cash(self) -> Act:
        account, amount = self.dice.choice(self.accounts), self.amount()
        if self.dice.random() < 0.5:
            return self.booking("deposit", services.deposit, to_account=account, amount=amount)
        return self.booking("withdraw", services.withdraw, from_account=account, amount=amount)

    def hold(self) -> Act:
        sender, recipient = self.two()
        facts: dict[str, Any] = {"from_account": sender, "to_account": recipient}
        if self.dice.random() < 0.3:
            facts["expires_at"] = timezone.now() + timedelta(seconds=2)
        return self.booking("hold", services.hold, self.holds, amount=self.amount(), **facts)

    def capture(self) -> Act:
        hold = self.one_of(self.holds)
        return self.booking("capture", services.capture, hold=hold) if hold else self.hold()

    def void(self) -> Act:
        hold = self.one_of(self.holds)
        if hold is None:
            return self.hold()

        def do() -> Claim:
            return {"voided": str(services.void(hold=hold).pk)}

        return Act("void", uuid7(), do)

    def refund(self) -> Act:
        paid = self.one_of(self.paid)
        if paid is None:
            return self.transfer()
        amount = min(paid.amount, self.amount())
        return self.booking("refund", services.reverse, transaction=paid, amount=amount)

    def by_staff(self) -> Act:
        """A row with a reason beside it: both, or neither."""
        id, (sender, recipient) = uuid7(), self.two()
        draft = Draft(
            id=id, from_account=sender, to_account=recipient, amount=self.amount(), pending=True,
            created_by=self.clerk,
        )  # fmt: skip
        facts = {"action": StaffReason.Action.HOLD, "reason": str(id), "written_by": self.clerk}

        def do() -> Claim:
            row = staff_services.book(draft, **facts)
            return {"ids": [str(row.pk)], "reason": str(id)}

        return Act("hold by staff", id, do, [id])

    def batch(self) -> Act:
        count, atomic = self.dice.choice([2, 5, 40]), self.dice.random() < 0.5
        drafts = []
        for _ in range(count):
            sender, recipient = self.two()
            draft = Draft(
                id=uuid7(), from_account=sender, to_account=recipient, amount=self.amount()
            )
            drafts.append(draft)
        ids = [UUID(str(draft.id)) for draft in drafts]

        def do() -> Claim:
            found = services.post_batch(drafts, atomic=atomic)
            booked = {row.pk for row in found if isinstance(row, Transaction)}
            left_out = [str(id) for id in ids if id not in booked]
            return {"ids": [str(id) for id in booked], "not": left_out}

        return Act("batch" if atomic else "batch in parts", ids[0], do, ids)

    def file(self) -> Act:
        sender, others, whole = (
            self.two()[0],
            self.dice.sample(self.accounts, 3),
            self.dice.random(),
        )
        id = uuid7()
        lines = [f"{account.number},{self.amount()},{id}," for account in others]
        text = "\n".join(["to,amount,description,reference", *lines]).encode()

        def do() -> Claim:
            file = store(
                BytesIO(text), name="f.csv", from_account=sender, created_by=sender.user, id=id
            )
            file = check(file)
            book = book_whole if whole < 0.3 else book_rest
            file = book(file, by=sender.user)
            return {"file": str(file.pk), "lines": file.booked_count}

        return Act("file", id, do)

    def order(self) -> Act:
        """A standing order of one payment, due today."""
        id, (sender, recipient) = uuid7(), self.dice_of_orders.sample(self.accounts, 2)
        draft = OrderDraft(
            id=id, owner=sender.user, from_account=sender, to_account=recipient,
            amount=Decimal(self.dice_of_orders.randint(1, 5000)) / 100, every=Every.ONCE,
            first_on=timezone.localdate(),
        )  # fmt: skip

        def do() -> Claim:
            return {"order": str(set_up(draft).pk)}

        return Act("order", id, do)

    def pay_orders(self) -> Act:
        """What is due of all orders, those of other processes included."""

        def do() -> Claim:
            return {"paid": pay_due().paid}

        return Act("pay orders", uuid7(), do)

    def status(self) -> Act:
        account, key = self.dice.choice(self.accounts), uuid7()
        to = self.dice.choice([Account.Status.FROZEN, *[Account.Status.ACTIVE] * 3])

        def do() -> Claim:
            changed = account_services.change_status(account=account, status=to, reason=str(key))
            return {"status": str(key)} if changed else {"no status": str(key)}

        return Act("status", key, do, may_repeat=False)

    def limits(self) -> Act:
        account, key = self.dice.choice(self.accounts), uuid7()
        most = Decimal(self.dice.randint(1_000, 100_000))

        def do() -> Claim:
            account_services.change_account(
                account=account, daily_limit=most, reason=str(key), id=key
            )
            return {"limits": str(key)}

        return Act("limits", key, do, may_repeat=False)

    def note(self) -> Act:
        paid, key = self.one_of(self.paid), uuid7()
        if paid is None:
            return self.transfer()
        owner = next(each.user for each in self.accounts if each.pk == paid.from_account_id)

        def do() -> Claim:
            annotate(transaction=paid, owner=owner, text=str(key), tags=["fault"])
            return {"note": str(key)}

        return Act("note", key, do)

    def open(self) -> Act:
        key, owner = uuid7(), self.dice.choice(self.accounts).user

        def do() -> Claim:
            account_services.open_account(user=owner, currency="USD", id=key)
            return {"account": str(key)}

        return Act("open", key, do, may_repeat=False)

    def ask(self) -> Act:
        key, account = uuid7(), self.dice.choice(self.accounts)
        draft = Draft(id=key, to_account=account, amount=OVER_THRESHOLD, created_by=self.clerk)

        def do() -> Claim:
            row = services.preview(draft)
            self.known(self.asked, ask_for(row, reason="Sold a house", asked_by=self.clerk))
            return {"asked": str(key)}

        return Act("ask", key, do, may_repeat=False)

    def decide(self) -> Act:
        request = self.one_of(self.asked)
        if request is None:
            return self.ask()

        def do() -> Claim:
            approvals.approve(request=request, by=self.manager)
            return {"approved": str(request.pk)}

        return Act("approve", uuid7(), do, may_repeat=False)

    def approved(self) -> Act:
        request = self.one_of(self.asked)
        if request is None:
            return self.ask()

        def do() -> Claim:
            request.refresh_from_db()
            do_approved(request, by=self.clerk)
            return {"ids": [str(request.transaction_id)]}

        return Act("do approved", uuid7(), do, [request.transaction_id], may_repeat=False)

    def expire(self) -> Act:
        return Act("expire", uuid7(), lambda: {"expired": services.expire_holds()})

    def seal(self) -> Act:
        """There is nothing to seal but what `open_bank` left, so at most one call seals."""

        def do() -> Claim:
            made = sealing.seal(sleep=lambda _seconds: time.sleep(0.01))
            return {"seal": made.number if made else 0}

        return Act("seal", uuid7(), do)


def open_bank() -> None:
    """Three customers with accounts, a clerk and a manager, and a sealed day of history."""
    customers = [
        User.objects.create_user(f"customer{n}@example.com", name=f"Customer {n}") for n in range(3)
    ]
    for email, group in ((CLERK, OPERATIONS), (MANAGER_MAIL, MANAGER)):
        colleague = User.objects.create_user(email, name=group, is_staff=True)
        colleague.groups.add(ensure_groups()[group])
    long_ago = timezone.now() - timedelta(days=3)
    drafts = []
    for n in range(ACCOUNTS):
        owner = customers[n % len(customers)]
        overdraft = Decimal(500) if n == 1 else Decimal(0)
        account = account_services.open_account(
            user=owner, currency="USD", overdraft_limit=overdraft, created_at=long_ago
        )
        drafts.append(Draft(id=uuid7(), to_account=account, amount=RICH, created_at=long_ago))
    services.post_batch(drafts)
    sealing.seal(until=timezone.now().date() - timedelta(days=2))
    late = timezone.now() - timedelta(days=1)
    services.book(Draft(to_account=account, amount=Decimal(5), created_at=late))
