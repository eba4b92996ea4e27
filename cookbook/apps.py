from django.apps import AppConfig


class CookbookConfig(AppConfig):
    """The app of the cookbook and of the lab. The pages of the cookbook run recipes. The pages of
    the lab try to break rules.
    """

    name = "cookbook"
    label = "cookbook"

    def import_models(self) -> None:
        """Imports the models and then hides them from Django, because their tables exist only in
        the practice bank. Content types, permissions, dumps and syncdb ignore an app without a
        models module.
        """
        super().import_models()
        self.models_module = None
