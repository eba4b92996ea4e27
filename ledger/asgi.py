"""The ASGI application that Django creates. Ledger itself runs under WSGI (docs/running.md)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
os.environ["LEDGER_ROLE"] = (
    os.environ.get("LEDGER_ROLE", "").strip() or "web"
)  # a blank value counts as not set
application = get_asgi_application()
