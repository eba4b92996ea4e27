from django.apps import AppConfig


class CookbookConfig(AppConfig):
    """The app of the cookbook, whose pages run recipes, and of the lab, whose pages try to
    break rules.
    """

    name = "cookbook"
    label = "cookbook"

    def import_models(self) -> None:
        """Imports the models and then hides them from Django, because their tables exist only in
        the practice bank. An app without a models module is ignored in content types, permissions,
        dumps and syncdb.
        """
        super().import_models()
        self.models_module = None
