from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who holds money: people, their accounts, sign-in."""

    name = "accounts"
