"""Loads ahead what a web process would otherwise load in its first requests."""

import gc
from contextlib import suppress

from django.conf import settings
from django.template import TemplateSyntaxError
from django.template.loader import get_template
from django.urls import get_resolver, reverse

from ledger.web.lazy_views import lazy_views
from ledger.web.template_files import template_files


def warm_up() -> None:
    """Loads the addresses with their views, and compiles our templates; nothing with DEBUG.

    Opens no connection to the database: gunicorn calls it before it forks the web processes.
    """
    if settings.DEBUG:  # the server restarts after each change
        return
    reverse(settings.LOGIN_URL)
    for view in lazy_views(get_resolver()):
        view.load()
    for name, _file in template_files():
        with suppress(TemplateSyntaxError):  # the page that uses it will fail, no other
            get_template(name)
    # Full garbage collections, in the middle of a request, then skip what was loaded so far.
    gc.freeze()
