"""Loads code and templates before the first request, so that the first requests are not slow."""

import gc
from contextlib import suppress

from django.conf import settings
from django.template import TemplateSyntaxError
from django.template.loader import get_template
from django.urls import get_resolver, reverse

from ledger.web.lazy_views import lazy_views
from ledger.web.template_files import template_files


def warm_up() -> None:
    """Loads the URLs with their views, and compiles Ledger's templates. Does nothing if DEBUG is
    on.

    Does not connect to the database, because gunicorn forks the web processes afterwards.
    """
    if settings.DEBUG:  # with DEBUG, the server restarts after each change
        return
    reverse(settings.LOGIN_URL)
    for view in lazy_views(get_resolver()):
        view.load()
    for name, _file in template_files():
        with suppress(TemplateSyntaxError):  # only the page with this template will fail
            get_template(name)
    # Full garbage collections during requests then skip the objects that have been loaded so far.
    gc.freeze()
