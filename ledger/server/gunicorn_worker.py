"""The class of gunicorn's processes, for gunicorn alone.

gunicorn loads it before ledger.wsgi, and it reads Django's settings.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
os.environ.setdefault("LEDGER_ROLE", "web")

from ledger.server.timed_worker import TimedWorker

__all__ = ["TimedWorker"]
