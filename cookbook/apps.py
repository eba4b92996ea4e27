from django.apps import AppConfig
from django.conf import settings


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

    def ready(self) -> None:
        """Adds links to recipes to the panels "Show the work", if the site has the cookbook."""
        if settings.LEDGER_COOKBOOK:
            from cookbook.in_the_bank import lessons_of
            from transactions.work_panel import LESSONS

            LESSONS.append(lessons_of)
