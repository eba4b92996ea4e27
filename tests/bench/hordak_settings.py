"""Minimal settings for django-hordak, in a database of its own on the bench's server."""

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

# What `ledger.embedded` asks of any settings.
LEDGER_DATA_DIR = Path(os.environ["LEDGER_DATA_DIR"])
DATABASES = {
    "default": {
        "ENGINE": "ledger.embedded",
        "NAME": "hordak",
        "CONN_MAX_AGE": 60,
        "LEDGER_EMBEDDED": True,
    }
}
