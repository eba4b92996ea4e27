"""Creates the message for a settings module that needs a package which is not installed."""

import traceback

from django.apps import apps
from django.conf import settings

INSTALL = (
    " Install its package into .venv, or correct the name. docs/django.md lists packages that"
    " Ledger replaces, and docs/new-app.md adds an app."
)


def message_for(error: ModuleNotFoundError, module: str) -> str | None:
    """Returns the message for a missing module, or None if only other code needs the module. There
    is a message if the settings module `module` imports the missing module, or if INSTALLED_APPS or
    DATABASE_ROUTERS contains the missing module or a module inside it.
    """
    name = error.name or ""
    *_, (frame, _line) = traceback.walk_tb(error.__traceback__)
    if frame.f_globals.get("__name__") == module:
        return f"The settings module {module} imports {name}, but there is no such module.{INSTALL}"
    if not settings.configured:
        return None
    for setting in ("DATABASE_ROUTERS",) if apps.apps_ready else ("INSTALLED_APPS",):
        for entry in getattr(settings, setting):
            if f"{entry}.".startswith(f"{name}."):
                return (
                    f"{setting} in {settings.SETTINGS_MODULE} contains {entry}, but there is"
                    f" no module {name}.{INSTALL}"
                )
    return None
