from django.apps import AppConfig


class CookbookConfig(AppConfig):
    """The live cookbook and the invariant lab."""

    name = "cookbook"
    label = "cookbook"

    def import_models(self) -> None:
        """Imports the models, then hides them from Django: their tables exist only in the practice
        bank. Without a models module, Django omits an app from content types, permissions, dumps
        and syncdb.
        """
        super().import_models()
        self.models_module = None
