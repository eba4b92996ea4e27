"""The two steps of a sign-in through the provider: the redirect to the provider and the return."""

from types import ModuleType
from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.ratelimit import consume_or_429
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.views import ConnectionsView
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.sign_in.providers import linking, proof
from accounts.sign_in.providers.current import PROVE, configured, is_configured
from accounts.sign_in.providers.refusals import ProviderRefused


class Connections(ConnectionsView):  # type: ignore[misc]
    """The page that connects and disconnects the provider. Responds with 404 if no provider is
    configured.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not is_configured():
            raise Http404
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return {**context, "connected": list(context["form"].accounts)}


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def go_to_provider(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Shows a confirmation page for a GET request. A POST request redirects to the provider.

    Users must reauthenticate with a password or second factor before they connect the provider.
    Each redirect counts as an attempt to sign in from the visitor's IP address.
    """
    openid = _openid()
    adapter = openid.OpenIDAdapter(request, provider_id)
    limited: HttpResponse | None = consume_or_429(request, action="login")
    if limited:
        return limited
    try:
        if _is_connecting(request):
            raise_if_reauthentication_required(request, app="allauth.socialaccount")
            linking.check_may_connect(request)
        response: HttpResponse = openid.go(request, adapter)
    except ImmediateHttpResponse as refusal:
        response = refusal.response
    except ProviderRefused as error:
        provider = adapter.get_provider()
        response = render_authentication_error(request, provider, exception=error)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def prove_at_provider(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Shows a confirmation page for a GET request. A POST request redirects to the provider for
    reauthentication. Users who can reauthenticate here are redirected to the page for passwords and
    factors.
    """
    adapter = _openid().OpenIDAdapter(request, provider_id)
    if not proof.only_at_provider(request.user):
        return redirect("account_reauthenticate")
    provider = adapter.get_provider()
    back = get_next_redirect_url(request)
    if request.method != "POST":
        return render(request, "socialaccount/prove.html", {"provider": provider, "back": back})
    try:
        response: HttpResponse = provider.redirect(request, PROVE, back)
    except ProviderRefused as error:
        response = render_authentication_error(request, provider, exception=error)
    return response


@login_not_required
@require_safe
def come_back(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Handles the return from the provider: signs the user in, signs the user up, or connects the
    provider. Shows an error page if the response of the provider is not valid.
    """
    openid = _openid()
    adapter = openid.OpenIDAdapter(request, provider_id)
    issuer = request.GET.get("iss")  # RFC 9207: the issuer of the response
    if issuer is not None and issuer != configured().issuer:
        error = ProviderRefused("wrong_issuer")
        provider = adapter.get_provider()
        response: HttpResponse = render_authentication_error(request, provider, exception=error)
    else:
        response = openid.come_back(request, adapter)
    return response


@login_not_required
@require_safe
def address_taken(request: HttpRequest) -> HttpResponse:
    """Redirects to the sign-in page. allauth opens this URL if another person has registered the
    address during a sign-up at the provider. allauth's own view is a form that would accept an
    unconfirmed address.
    """
    request.session.pop("socialaccount_sociallogin", None)
    return redirect(reverse(settings.LOGIN_URL))


def _openid() -> ModuleType:
    """Returns the module for sign-ins at the provider, which is imported at the first sign-in.

    Raises: Http404 if no provider is configured.
    """
    if not is_configured():
        raise Http404
    from accounts.sign_in.providers import openid

    return openid


def _is_connecting(request: HttpRequest) -> bool:
    process = request.POST.get("process") or request.GET.get("process")
    return bool(process == AuthProcess.CONNECT)
