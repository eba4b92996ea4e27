"""Runs gunicorn for `WebServer`: `python -m ledger.server.web_process OPTIONS`.

The process loads Django while `serve` prepares the database. After a line on stdin, the process
starts gunicorn. WhiteNoise then searches for the static files, which must be collected by then.
"""

import gc
import os
import sys

import django
from gunicorn.app.wsgiapp import run

from ledger.server.warm_up import warm_up


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
    # A blank value is treated as not set.
    os.environ["LEDGER_ROLE"] = os.environ.get("LEDGER_ROLE", "").strip() or "web"
    gc.disable()  # there is no garbage yet
    django.setup()
    warm_up()
    gc.enable()
    if sys.stdin.readline():  # readline returns "" if `serve` has ended
        run()


if __name__ == "__main__":
    main()
