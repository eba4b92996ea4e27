"""The ASGI application, as Django creates it. Ledger runs under WSGI: see docs/running.md."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
os.environ["LEDGER_ROLE"] = os.environ.get("LEDGER_ROLE", "").strip() or "web"  # blank is not set
application = get_asgi_application()
