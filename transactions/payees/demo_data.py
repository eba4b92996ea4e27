"""Saves Ana's payees, for the demo."""

from transactions.demo.registered import DemoBank, register
from transactions.models import Transaction
from transactions.payees.services import save_payee

# The name of the account's holder, the name that Ana uses, and Ana's note.
PAYEES = (
    ("Mara Lindt", "Mara Lindt", "Rent, on the first"),
    ("Halima's Kitchen", "Halima's Kitchen", ""),
    ("Jonas Weber", "Jonas", "Band practice room, we take turns"),
    (
        "Maria Aparecida dos Santos Albuquerque de Vasconcelos e Silva",
        "Maria Aparecida dos Santos Albuquerque de Vasconcelos e Silva",
        "",
    ),
)


@register(order=30)
def save_payees(bank: DemoBank) -> None:
    """Saves some of the people that Ana has paid as her payees. A second run changes nothing."""
    ana = bank.people["ana"]
    sent = Transaction.objects.filter(from_account__user=ana).with_sides()
    for holder, name, note in PAYEES:
        row = sent.filter(to_account__user__name=holder).order_by("-created_at").first()
        if row is not None:
            save_payee(owner=ana, account=row.to_account, name=name, note=note)
