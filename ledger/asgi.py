"""The ASGI application, for a web server."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
os.environ.setdefault("LEDGER_ROLE", "web")
application = get_asgi_application()
