from django.apps import AppConfig


class CookbookConfig(AppConfig):
    """The live cookbook and the invariant lab."""

    name = "ledger.cookbook"
    label = "cookbook"
