"""Finds the standing orders that prevent the closing of an account."""

from django.db.models import Q
from django.urls import reverse

from accounts.models import Account
from accounts.obstacles import Obstacle
from banking.standing_orders.models import StandingOrder
from transactions.closing.services import register


@register
def orders_of(account: Account) -> list[Obstacle]:
    """Returns an obstacle if the account's owner has standing orders from or to this account, and
    an empty list otherwise.
    """
    sides = Q(from_account=account) | Q(to_account=account)
    owner = StandingOrder.objects.owned_by(account.user)
    if not (count := owner.filter(sides).not_ended().count()):
        return []
    pay, them = ("standing order pays", "it") if count == 1 else ("standing orders pay", "them")
    sentence = f"{count} {pay} from or to {account.name}. End {them} first."
    return [Obstacle(sentence, "Standing orders", reverse("transactions:standing_orders"))]
