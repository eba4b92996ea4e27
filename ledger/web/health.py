"""The health probes: whether the process is running, and whether it is ready for requests."""

import json
from dataclasses import asdict
from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.db import OperationalError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from ledger.db import replicas
from ledger.db.commits.synchronous import problem_with_confirmation
from ledger.db.history import signed_facts
from ledger.db.outages.probe import (
    problem_with_clock,
    problem_with_writes,
    refusal_of_reader,
    short_connection,
    unapplied_migrations,
)
from ledger.db.outages.reasons import for_everybody
from ledger.db.rights import row_security
from ledger.db.server import pooler, zones
from ledger.db.server.embedded import embedded_server
from ledger.jobs import records
from ledger.version import REVISION, VERSION
from ledger.web import outages

SECONDS = 2
NOT_COLLECTED = (
    "The static files were not collected before this process started, so pages fail. Run manage.py"
    " prepare, and restart."
)
# Pages that show the state of the site to staff. They do not write. A write would wait while no
# standby confirms commits, which is when staff need these pages.
STATUS_PAGES = ("/readyz", "/metrics")
CHECKS = (
    problem_with_writes,
    row_security.problem_with,
    signed_facts.problem_with,
    pooler.problem_with,
)


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Returns status 200 while the process is running. Does not check the database."""
    return JsonResponse({"status": "alive"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Returns status 200 if the database answers within two seconds and is prepared, otherwise
    status 503.

    If no standby confirms commits, or if the clocks differ, the status is still 200 and the
    response contains a warning. A missing standby affects all processes, and a load balancer must
    not end all of them.
    """
    problem, warning = _problem_and_warning(request)
    if problem:
        return JsonResponse({"status": "not ready", "problem": problem}, status=503)
    return JsonResponse({"status": "ready"} | ({"warning": warning} if warning else {}))


@login_not_required
@require_safe
def readyz_verbose(request: HttpRequest) -> JsonResponse:
    """Returns the response of `readyz`. For signed-in staff, adds the version and the delay of each
    replica. If the database is ready, also adds the last run of each scheduled job and the time
    zone check.
    """
    answer = readyz(request)
    if not request.user.is_staff:
        return answer
    found = replicas.lag_of(replicas.replicas()) if replicas.aliases() else []
    details: dict[str, object] = {
        "version": VERSION, "revision": REVISION,
        "replicas": [asdict(replica) for replica in found],
    }  # fmt: skip
    if answer.status_code == HTTPStatus.OK:  # otherwise the database is down or a table is missing
        details["jobs"] = [asdict(job) for job in records.status_of()]
        with short_connection(SECONDS) as connection:
            details["time_zone"] = zones.problem_with_zone(connection)
    whole = {**json.loads(answer.content), **details}
    answer.content = json.dumps(whole, cls=DjangoJSONEncoder)
    return answer


def _problem_and_warning(request: HttpRequest) -> tuple[str | None, str | None]:
    warning = None
    try:
        with short_connection(SECONDS) as found:
            missing = unapplied_migrations(found)
            trouble = None
            if not missing:
                trouble = next(filter(None, (check(found) for check in CHECKS)), None)
                server = embedded_server()
                warning = (
                    problem_with_confirmation(found)
                    or (server and server.problem_with_standby())
                    or problem_with_clock(found)
                )
        trouble = trouble or pooler.leak_between(lambda: short_connection(SECONDS))
    except OperationalError as error:
        outages.log_failure(request, error)
        # The error contains hosts and users, which must not be visible to the public.
        known = pooler.refusal_in(error) or refusal_of_reader(error)
        why = f": {reason}" if (reason := for_everybody(error)) else ""
        return known or f"The database cannot be reached{why}.", None
    if missing:
        return f"Migrations are not applied ({len(missing)}), the first is {missing[0]}.", None
    return trouble or _problem_with_static_files(), warning


def _problem_with_static_files() -> str | None:
    """Returns a message if this process has read an empty list of collected files. Otherwise
    returns None.
    """
    is_empty = getattr(staticfiles_storage, "hashed_files", None) == {}
    return NOT_COLLECTED if is_empty and not settings.DEBUG else None
