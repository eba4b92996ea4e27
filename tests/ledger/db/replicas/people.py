"""People of the bank with a standby, and what they do on pages."""

import re
from decimal import Decimal
from uuid import uuid4

from django.test import Client

from accounts import services as account_services
from accounts.models import Account, User
from tests.conftest import signed_in
from tests.ledger.db.replicas.bank import BankWithReplica
from transactions import services


class Saver:
    """Somebody with 100.00 USD on one account, and nothing on another."""

    def __init__(self, bank: BankWithReplica) -> None:
        self.bank = bank
        address = f"{uuid4().hex}@example.com"
        self.user: User = User.objects.create_user(address, name="Ana Ferreira")
        self.everyday, self.savings = (
            account_services.open_account(user=self.user, currency="USD", name=name)
            for name in ("Everyday", "Savings")
        )
        self.pay_in("salary")

    def pay_in(self, description: str, amount: int = 100) -> None:
        """Not by their browser: somebody else writes."""
        services.deposit(to_account=self.everyday, amount=Decimal(amount), description=description)

    def take_out(self, description: str, amount: int) -> None:
        """Not by their browser either."""
        services.withdraw(
            from_account=self.everyday, amount=Decimal(amount), description=description
        )

    def browser(self) -> Client:
        """Another session; its sign-in is on the replica already."""
        client = signed_in(self.user)
        self.bank.catch_up()
        self.bank.sent.clear()
        return client

    def save(self, browser: Client, amount: str, description: str = "put aside") -> str:
        """Pays from one account to the other; where the answer leads to, "" if it is refused."""
        form = {
            "id": str(uuid4()), "from_account": str(self.everyday.pk),
            "number": Account.objects.get(pk=self.savings.pk).number,
            "amount": amount, "description": description, "reference": "",
        }  # fmt: skip
        page = browser.post("/transfers/new/", form).content.decode()
        review = re.search('name="reviewed" value="([^"]+)"', page)
        if review is None:
            return ""
        answer = browser.post("/transfers/new/", {**form, "step": "send", "reviewed": review[1]})
        return str(answer.headers.get("Location", ""))
