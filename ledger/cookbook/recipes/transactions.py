"""All or nothing, and several people at once."""

from django.db.models import F

from ledger.cookbook.models import Jar
from ledger.cookbook.recipe import Group
from ledger.cookbook.sessions import Session

GROUP = Group(
    "transactions", "Transactions and locks", "All or nothing, and several people at once."
)


@GROUP.recipe(
    "The lost update, and its cure",
    asks="How do two people who change the same row lose one of the changes?",
    shows=("lost update", "F", "update without loading"),
    notice="Ben's save writes back the 100 that he read before Ana took 30: her change is gone, "
    "and nobody was told. With F() the database adds to what is there by then.",
    pitfall="READ COMMITTED, the default, lets this happen; a transaction round each of the two "
    "changes nothing.",
    commits=True,
)
def lost_update(ana: Session, ben: Session) -> dict[str, int]:
    """Both read 100 coins; Ana takes 30, Ben puts 50 in. There should be 120."""
    ana.run(lambda: Jar.objects.create(name="naive", coins=100))
    ana.run(lambda: Jar.objects.create(name="safe", coins=100))

    hers = ana.run(lambda: Jar.objects.get(name="naive"))
    his = ben.run(lambda: Jar.objects.get(name="naive"))
    hers.coins -= 30
    his.coins += 50
    ana.run(hers.save)
    ben.run(his.save)

    ana.run(lambda: Jar.objects.filter(name="safe").update(coins=F("coins") - 30))
    ben.run(lambda: Jar.objects.filter(name="safe").update(coins=F("coins") + 50))
    return ana.run(lambda: dict(Jar.objects.values_list("name", "coins")))
