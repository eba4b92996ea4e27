"""The class of gunicorn's processes, for gunicorn alone.

gunicorn loads it before ledger.wsgi, and it reads Django's settings.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
os.environ["LEDGER_ROLE"] = os.environ.get("LEDGER_ROLE") or "web"  # empty is not set

from ledger.server.timed_worker import TimedWorker

__all__ = ["TimedWorker"]
