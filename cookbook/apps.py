from django.apps import AppConfig


class CookbookConfig(AppConfig):
    """The live cookbook and the invariant lab."""

    name = "cookbook"
    label = "cookbook"

    def import_models(self) -> None:
        """Its models are tables of the practice bank alone. An app without a module of models is
        left out of content types, permissions, dumps and syncdb, which are about the real books.
        """
        super().import_models()
        self.models_module = None
