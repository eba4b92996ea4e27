"""The page `/.well-known/security.txt` (RFC 9116), which shows where to report a security
problem.
"""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

# The RFC recommends less than a year. The date is calculated for each request, so the page never
# expires.
VALID_FOR = timedelta(days=180)


@login_not_required
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Returns the page with the contact in `LEDGER_SECURITY_CONTACT`. Raises Http404 without this
    setting.
    """
    if not settings.LEDGER_SECURITY_CONTACT:
        raise Http404
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        f"Contact: {settings.LEDGER_SECURITY_CONTACT}",
        f"Expires: {(midnight + VALID_FOR).isoformat()}",
        "Preferred-Languages: en",
    ]
    if settings.LEDGER_URL:
        lines.append(f"Canonical: {settings.LEDGER_URL}{request.path}")
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
