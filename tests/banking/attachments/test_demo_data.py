"""The demo shows a receipt."""

from banking.attachments.models import Attachment
from transactions.demo.seeding import SeedingCounts
from transactions.demo.sign_ins import SIGN_INS


def test_ana_has_a_receipt_on_a_payment(demo: SeedingCounts) -> None:
    receipt = Attachment.objects.get(owner__email=SIGN_INS["ana"])
    assert receipt.file_name == "hotel-aurora.jpg"
    assert receipt.transaction.description == "Hotel Aurora"
