"""The view to which browsers report violations of the content security policy.

Anybody can send reports, so a report must be cheap: the body is small, and there is no session and
no database query. All reports together add only a few lines per minute to the security log. A line
contains the directive, the blocked host and the name of the page, but no path or query string,
which may contain a secret or a search.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ledger.web import security_log
from ledger.web.page_names import page_name

MAX_BYTES = 16 * 1024
MAX_REPORTS = 10  # maximum number of reports that are logged from one body
LINES_PER_MINUTE = 30  # per process
MINUTE = 60.0
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Violation:
    """A CSP violation: the directive, the blocked host and the page."""

    directive: str
    blocked: str
    page: str


class MinuteLimit:
    """A limit on the number of events per minute in this process."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.lock = Lock()
        self.began, self.count = 0.0, 0

    def allows(self, now: float) -> bool:
        """Counts one event. Returns False if there were too many events in this minute."""
        with self.lock:
            if now - self.began >= MINUTE:
                self.began, self.count = now, 0
            self.count += 1
            return self.count <= self.most


limit = MinuteLimit(LINES_PER_MINUTE)


@login_not_required
@csrf_exempt
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Logs the violations in a report and returns status 204. Returns 413 if the body is too large,
    and 400 if the body is not a report.
    """
    body = request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        return HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        violations = list(_violations(json.loads(body)))
    except (ValueError, RecursionError):  # ValueError also means that the bytes are not UTF-8
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    for violation in violations[:MAX_REPORTS]:
        if limit.allows(monotonic()):
            security_log.record(
                "csp.violated",
                outcome="refused",
                request=request,
                directive=violation.directive,
                blocked=violation.blocked,
                page=violation.page,
            )
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _violations(report: Any) -> Iterator[Violation]:
    """Yields the violations in a report in the format of `report-uri` or `report-to`."""
    for each in report if isinstance(report, list) else [report]:
        if not isinstance(each, Mapping):
            continue
        found = each.get("csp-report") or each.get("body")
        if isinstance(found, Mapping):
            yield Violation(
                directive=_text(found, "effective-directive", "effectiveDirective"),
                blocked=_origin(_text(found, "blocked-uri", "blockedURL")),
                page=page_name(_parts(_text(found, "document-uri", "documentURL"))[1]) or UNKNOWN,
            )


def _text(found: Mapping[str, Any], *names: str) -> str:
    texts = (found.get(name) for name in names)
    return next((text for text in texts if isinstance(text, str) and text), UNKNOWN)


def _origin(blocked: str) -> str:
    """Returns the host of a URL. Chromium sends a word such as "inline" or "eval" instead of some
    URLs. Such a word is returned unchanged.
    """
    return _parts(blocked)[0] or blocked


def _parts(url: str) -> tuple[str, str]:
    """Returns the host and the path of a URL, or ("", "") for any other text."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.path
    except ValueError:
        return "", ""
