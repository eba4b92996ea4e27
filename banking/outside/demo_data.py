"""Creates an account of the demo user Ana at another bank. The entries of the account come from a
CSV file for the month before the demo.
"""

from datetime import timedelta
from decimal import Decimal
from io import BytesIO

from django.utils import timezone

from banking.outside import services
from banking.outside.models import OutsideImport
from ledger.db.ids import uuid7_of
from transactions.demo.registered import DemoBank, register

# Each row: day of the month, name of the other side, purpose, amount in the bank's format.
MONTH = (
    (1, "Studio Norte Lda", "Freelance work", "640,00"),
    (2, "Pastelaria Aurora", "Coffee", "-2,40"),
    (2, "Pastelaria Aurora", "Coffee", "-2,40"),
    (5, "Comboios", "Train to Porto", "-31,20"),
    (8, "Livraria Lello", "Two novels", "-27,90"),
    (11, "Mercado do Bolhão", "Vegetables", "-18,65"),
    (14, "Telefonica", "Phone, monthly", "-12,99"),
    (17, "Studio Norte Lda", "Freelance work, second half", "580,00"),
    (20, "Casa da Música", "Concert", "-45,00"),
    (24, "ATM Rua das Flores", "Cash", "-60,00"),
    (27, "Farmácia Central", "", "-9,80"),
)
MAPPING = {
    "date": 0, "amount": 3, "out": None, "in": None, "other": 1, "reference": None, "id": None,
    "texts": [2], "order": "dmy", "decimal": ",", "flip": False,
}  # fmt: skip


@register(order=80)
def import_a_month(bank: DemoBank) -> None:
    """Opens the demo account and imports its CSV file. A second call changes nothing."""
    ana = bank.people["ana"]
    account = services.open_account(
        id=uuid7_of(ana.created_at, "demo outside account"),
        owner=ana,
        name="Banco do Norte",
        currency="EUR",
        opening=Decimal("1284.35"),
    )
    id = uuid7_of(ana.created_at, "demo outside import")
    before = timezone.localdate(bank.now).replace(day=1) - timedelta(days=1)
    lines = (
        f'{day:02}.{before:%m.%Y};"{other}";"{what}";"{amount}"\n'
        for day, other, what, amount in MONTH
    )
    text = "Data;Beneficiary;Description;Amount\n" + "".join(lines)
    name = f"{before:%Y-%m}.csv"
    source = services.upload(BytesIO(text.encode()), account=account, name=name, id=id)
    if source.state == OutsideImport.State.COLUMNS:
        source = services.name_columns(source=source, mapping=MAPPING)
    source = services.read_rest(source)
    if source.state == OutsideImport.State.PREVIEW:
        services.confirm(source=source)
