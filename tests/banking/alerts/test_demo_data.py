"""The demo shows alerts."""

from banking.alerts.models import Alert
from transactions.demo.seeding import SeedingCounts
from transactions.demo.sign_ins import SIGN_INS
from transactions.models import Transaction


def test_ana_was_told_of_payments_of_hers_and_nothing_is_mailed(demo: SeedingCounts) -> None:
    alerts = Alert.objects.filter(owner__email=SIGN_INS["ana"])
    assert alerts.unread().count() == 3
    about = alerts.values_list("about", flat=True)
    assert Transaction.objects.filter(pk__in=about).count() == alerts.count() > 3
    assert not alerts.exclude(mail="off").exists()
