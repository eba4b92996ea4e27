"""Finds the standing orders that prevent the closing of an account."""

from django.db.models import Q
from django.urls import reverse

from accounts.models import Account
from accounts.obstacles import Obstacle
from banking.standing_orders.models import StandingOrder
from transactions.closing.services import register


@register
def orders_of(account: Account) -> list[Obstacle]:
    """Returns a list with one obstacle if the account's owner has standing orders from or to this
    account that have not ended. Otherwise returns an empty list.
    """
    sides = Q(from_account=account) | Q(to_account=account)
    owner = StandingOrder.objects.owned_by(account.user)
    if not (count := owner.filter(sides).not_ended().count()):
        return []
    pay, them = ("standing order pays", "it") if count == 1 else ("standing orders pay", "them")
    sentence = f"{count} {pay} from or to {account.name}. End {them} first."
    return [Obstacle(sentence, "Standing orders", reverse("transactions:standing_orders"))]
