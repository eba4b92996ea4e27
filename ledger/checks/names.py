"""Checks for settings that Ledger does not read."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage

from ledger import env
from ledger.checks.messages import some, weak, wrong
from ledger.settings import api


def check_names(**_options: Any) -> list[CheckMessage]:
    """Returns a warning for each setting that Ledger does not read, for example a misspelled
    setting.
    """
    return [
        weak("setting", f"Ledger does not read the setting {name}.", hint)
        for name, hint in env.unread().items()
    ]


def check_api_settings(**_options: Any) -> list[CheckMessage]:
    """Returns an error if the settings module replaces REST_FRAMEWORK. Without Ledger's values, the
    API has other tokens, rights, limits and errors.
    """
    missing = sorted(api.REST_FRAMEWORK.keys() - settings.REST_FRAMEWORK.keys())
    if not missing:
        return []
    return [
        wrong(
            "rest_framework",
            f"REST_FRAMEWORK lacks {some(missing)}, which the API needs.",
            'Change single values: REST_FRAMEWORK |= {"PAGE_SIZE": 20}. ledger/settings/api.py has'
            " Ledger's values.",
        )
    ]
