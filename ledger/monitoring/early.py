"""Answers probes, and requests for `/metrics` with a token, before the rest of the site.

The host check, the redirect to HTTPS and the sign-in come later. There, these requests would fail,
because load balancers and Prometheus use an IP address and plain HTTP, and have no session.
"""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from ledger.monitoring import page
from ledger.web import health

PROBES = {"/healthz": health.healthz, "/readyz": health.readyz}


class EarlyMiddleware:
    """Middleware that answers probes and Prometheus. It must precede the middleware that checks the
    host.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info == page.PATH and page.has_token(request):
            return page.answer(request)
        view = PROBES.get(request.path_info, self.get_response)
        if view is health.readyz and "verbose" in request.GET:
            return self._verbose(request)
        return view(request)

    def _verbose(self, request: HttpRequest) -> HttpResponseBase:
        """Returns the detailed page for staff, or the short response if the session cannot be
        read.
        """
        answer = self.get_response(request)  # this reads the session
        is_page = not isinstance(answer, JsonResponse)
        if is_page and answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            return health.readyz(request)
        return answer
