"""Browsers report here what the content security policy stopped. Anybody can post such a report.

So a report costs little: a small body, no session, no database, and a few lines a minute in the
security log for all reports together. A line has the directive, the host that was asked, and the
page by its name: no path and no query, which may contain a secret or a search.
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

MOST_BYTES = 16 * 1024
MOST_REPORTS = 10  # of one body, which may have many
LINES_A_MINUTE = 30  # of one process
MINUTE = 60.0
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Violation:
    """What was stopped: by which directive, from which host, on which page."""

    directive: str
    blocked: str
    page: str


class MinuteLimit:
    """Counts events of a process by the minute."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.lock = Lock()
        self.began, self.count = 0.0, 0

    def allows(self, now: float) -> bool:
        """Counts one event. Returns False if this minute has had enough of them."""
        with self.lock:
            if now - self.began >= MINUTE:
                self.began, self.count = now, 0
            self.count += 1
            return self.count <= self.most


limit = MinuteLimit(LINES_A_MINUTE)


@login_not_required
@csrf_exempt
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Logs the violations of a report. Answers 204, or 413 and 400 to what is no report."""
    body = request.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        return HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        violations = list(_violations(json.loads(body)))
    except (ValueError, RecursionError):  # also bytes that are no UTF-8
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    for violation in violations[:MOST_REPORTS]:
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
    """The violations of either format: of `report-uri`, or of `report-to`."""
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
    """The host of a URL; a word such as "inline" or "eval" stays, which Chromium says instead."""
    return _parts(blocked)[0] or blocked


def _parts(url: str) -> tuple[str, str]:
    """Host and path of a URL; both empty if it is none."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.path
    except ValueError:
        return "", ""
