"""The ASGI application, as in every Django project. Ledger itself runs under WSGI
(docs/running.md).
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
os.environ["LEDGER_ROLE"] = (
    os.environ.get("LEDGER_ROLE", "").strip() or "web"
)  # a blank value is treated as not set
application = get_asgi_application()
