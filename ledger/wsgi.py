"""The WSGI application, which a web server loads."""

import os

from django.core.wsgi import get_wsgi_application

from ledger import env
from ledger.logs.start import log_start
from ledger.server.frame_stack import in_one_chunk
from ledger.server.warm_up import warm_up
from ledger.web.body_types import Utf8Request

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
# A blank value is treated as not set.
os.environ["LEDGER_ROLE"] = os.environ.get("LEDGER_ROLE", "").strip() or "web"
handler = get_wsgi_application()
handler.request_class = Utf8Request
application = in_one_chunk(handler)
warm_up()
log_start(env.unread())
