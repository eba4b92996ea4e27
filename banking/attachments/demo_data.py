"""Attaches a receipt to one of Ana's demo payments."""

import io
from uuid import uuid5

from PIL import Image, ImageDraw, ImageFont

from banking.attachments.content import fit
from banking.attachments.services import attach
from ledger.text.money import figure
from transactions.demo.registered import DemoBank, register
from transactions.models import Transaction

DESCRIPTION = "Hotel Aurora"
WIDTH, HEIGHT, MARGIN = 480, 620, 36  # sizes in pixels


@register(order=20)
def attach_receipt(bank: DemoBank) -> None:
    """Attaches a receipt to Ana's newest payment to the hotel. A second call changes nothing."""
    ana = bank.people["ana"]
    paid = Transaction.objects.visible_to(ana).filter(description=DESCRIPTION)
    row = paid.order_by("-created_at").first()
    if row is None:
        return
    file = fit("hotel-aurora.png", _drawn(row))
    attach(transaction=row, owner=ana, file=file, id=uuid5(row.pk, "receipt"))


def _drawn(row: Transaction) -> bytes:
    """Returns a PNG picture of a receipt with the amount and the day of the payment."""
    paper = Image.new("RGB", (WIDTH, HEIGHT), "#fdfcf7")
    draw = ImageDraw.Draw(paper)
    amount = f"{figure(row.amount, row.currency)} {row.currency}"
    lines = (
        (34, DESCRIPTION), (20, "Rua do Norte 14, Lisboa"), (20, f"{row.created_at:%d.%m.%Y}"),
        (20, ""), (22, "2 nights, double room"), (22, "City tax"), (22, "Late check-out"), (20, ""),
        (30, f"Total  {amount}"), (20, "Paid by transfer"), (20, ""), (20, "Thank you, come back!"),
    )  # fmt: skip
    top = MARGIN
    for size, text in lines:
        draw.text((MARGIN, top), text, fill="#22201c", font=ImageFont.load_default(size))
        top += round(size * 1.7)
    draw.line([(MARGIN, 210), (WIDTH - MARGIN, 210)], fill="#9a958a", width=2)
    made = io.BytesIO()
    paper.save(made, "PNG")
    return made.getvalue()
