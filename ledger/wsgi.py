"""The WSGI application, for a web server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
os.environ.setdefault("LEDGER_ROLE", "web")
application = get_wsgi_application()
