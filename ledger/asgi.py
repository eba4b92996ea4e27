"""The ASGI application, for a web server."""

import os

from django.core.asgi import get_asgi_application

from ledger.server.warm_up import warm_up
from ledger.web.body_types import Utf8AsyncRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
os.environ["LEDGER_ROLE"] = os.environ.get("LEDGER_ROLE", "").strip() or "web"  # blank is not set
application = get_asgi_application()
application.request_class = Utf8AsyncRequest
warm_up()
