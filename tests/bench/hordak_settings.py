"""Minimal settings for django-hordak, in a separate database on the bench's server."""

import os
from pathlib import Path

SECRET_KEY = "bench"
USE_TZ = True
TIME_ZONE = "UTC"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "mptt",
    "djmoney",
    "hordak",
]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
CURRENCIES = ("USD",)
DEFAULT_CURRENCY = HORDAK_INTERNAL_CURRENCY = "USD"

# The settings that `ledger.embedded` requires.
LEDGER_DATA_DIR = Path(os.environ["LEDGER_DATA_DIR"])
DATABASES = {
    "default": {
        "ENGINE": "ledger.embedded",
        "NAME": "hordak",
        "CONN_MAX_AGE": 60,
        "LEDGER_EMBEDDED": True,
    }
}
