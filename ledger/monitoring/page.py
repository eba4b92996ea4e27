"""The page `/metrics`, and the check whether a request may read the page.

Prometheus sends a token (LEDGER_METRICS_TOKEN). Signed-in staff can open the page in a browser. All
other requests get status 404.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.core import GaugeMetricFamily, Metric

from ledger.db.commits import synchronous
from ledger.metrics import figures, processes
from ledger.metrics.exposition import text_of
from ledger.monitoring import books, build, confirming, scheduled, server, standbys
from ledger.monitoring.polling import Poller

PATH = "/metrics"
BEARER = "Bearer "
QUESTIONS = {
    "server": server.figures,
    "confirmation": synchronous.confirmation,
    "replicas": standbys.place_of_writer,
    "holds": books.holds,
    "audits": books.audits,
    "seal": books.seal,
    "jobs": scheduled.figures,
    **figures.QUESTIONS,
}
FAMILIES: dict[str, Callable[..., Iterator[Metric]]] = {
    "server": server.families,
    "confirmation": confirming.families,
    "holds": books.families_of_holds,
    "audits": books.families_of_audits,
    "seal": books.families_of_seal,
    "jobs": scheduled.families,
    **figures.FAMILIES,
}
_poller = Poller(QUESTIONS)


def has_token(request: HttpRequest) -> bool:
    """Returns whether the request contains one of the tokens in the settings. Compares in constant
    time.
    """
    given = request.headers.get("Authorization", "")
    if not given.startswith(BEARER):
        return False
    sent = given.removeprefix(BEARER).strip()
    matches = [constant_time_compare(sent, token) for token in settings.LEDGER_METRICS_TOKEN]
    return any(matches)


@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Shows the metrics to signed-in staff. Middleware has already checked their second factor,
    because `LEDGER_STAFF_PATHS` contains this page.

    Raises Http404 for all other users.
    """
    if not request.user.is_staff:
        raise Http404
    return answer(request)


@require_safe
def answer(_request: HttpRequest) -> HttpResponse:
    """Returns all metrics in Prometheus's text format, also during a database outage."""
    found, seconds = _poller.answers()
    response = HttpResponse(
        text_of(processes.families, lambda: _families(found, seconds)),
        content_type=CONTENT_TYPE_LATEST,
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _families(found: Mapping[str, Any], seconds: float) -> Iterator[Metric]:
    yield build.family()
    yield GaugeMetricFamily(
        "ledger_db_up", "1: the database answered within a second.", float("server" in found)
    )
    yield GaugeMetricFamily(
        "ledger_figures_seconds", "How long the database took for these values.", seconds
    )
    read = GaugeMetricFamily(
        "ledger_figures_read", "0: these values are missing.", labels=["figures"]
    )
    for name in QUESTIONS:
        read.add_metric([name], float(name in found))
    yield read
    for name, families in FAMILIES.items():
        if name in found:
            yield from families(found[name])
    yield from standbys.families(found.get("replicas", (None, None)))
