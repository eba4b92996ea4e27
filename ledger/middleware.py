"""Answers the probes of load balancers before everything else."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from ledger import views

PROBES = {"/healthz": views.healthz, "/readyz": views.readyz}


class ProbeMiddleware:
    """First in the list: a probe comes by IP address, over plain HTTP, signed in as nobody.

    So it meets neither the host check nor the redirect to HTTPS nor the sign-in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = PROBES.get(request.path_info, self.get_response)
        return view(request)
