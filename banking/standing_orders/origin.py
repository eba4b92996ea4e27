"""Finds the standing order that made a payment, so that the receipt can show it."""

from django.urls import reverse

from accounts.models import User
from banking.standing_orders.models import StandingOrder
from transactions.models import Transaction
from transactions.origins import Origin, register


@register
def order_of(row: Transaction, reader: User) -> Origin | None:
    """Returns an Origin with the reader's standing order that made this payment, or None if no
    standing order of the reader made it.

    Makes no query if another person made the payment, because an order pays in the name of its
    owner.
    """
    if row.created_by_id != reader.pk:
        return None
    orders = StandingOrder.objects.owned_by(reader)
    order: StandingOrder | None = orders.filter(occurrences__transaction=row).first()
    if order is None:
        return None
    url = reverse("transactions:standing_order", args=[order.pk])
    return Origin(order.pk, "Paid by the standing order", str(order), url, repeats=True)
