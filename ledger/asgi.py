"""The ASGI application of the Django project. Ledger's web server uses WSGI instead
(docs/running.md).
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
os.environ["LEDGER_ROLE"] = (
    os.environ.get("LEDGER_ROLE", "").strip() or "web"
)  # a blank value is treated as not set
application = get_asgi_application()
