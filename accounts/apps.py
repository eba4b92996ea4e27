from django.apps import AppConfig

from ledger.text import currencies


class AccountsConfig(AppConfig):
    """Who holds money: people, their accounts, sign-in."""

    name = "accounts"

    def ready(self) -> None:
        from allauth.account.signals import email_changed

        from accounts.sign_in.access import stay_signed_in

        currencies.look_up_by(_minor_units)
        email_changed.connect(stay_signed_in)


def _minor_units(code: str) -> int | None:
    from accounts.models import Currency

    found = Currency.objects.filter(code=code).values_list("minor_units", flat=True)
    return found.first()
