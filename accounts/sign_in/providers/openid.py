"""Implements the two steps of a sign-in at the provider: the redirect and the return. The classes
are allauth's classes for OpenID Connect. In addition, they verify every token.
"""

import secrets
import time
from typing import Any

from allauth.account.internal.emailkit import valid_email_or_none
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers import registry
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest, HttpResponse

from accounts.sign_in.providers import id_token
from accounts.sign_in.providers.current import (
    ASKED_AT,
    PROVE,
    PROVIDER_ID,
    configured,
    uid_of,
)
from accounts.sign_in.providers.discovery import discover, endpoint, fetch_json
from accounts.sign_in.providers.linking import ASK_AGAIN, acceptable_name
from accounts.sign_in.providers.refusals import ProviderRefused

YES = (True, "true", "1")  # Cognito and Entra send some boolean values as text


class OpenIDAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """An adapter that sends the requests of one sign-in to the provider. `nonce` is the nonce of
    this sign-in.
    """

    nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        return discover(configured().issuer)

    @property
    def access_token_url(self) -> str:
        return endpoint(configured().issuer, "token_endpoint")

    @property
    def authorize_url(self) -> str:
        return endpoint(configured().issuer, "authorization_endpoint")

    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Returns the sign-in at the provider, with the claims of the verified ID token.

        If the token contains no email, requests the email from the userinfo endpoint. The response
        must have the same subject.

        Raises: ProviderRefused if a check fails.
        """
        provider, raw = configured(), kwargs["response"].get("id_token")
        keys_url = endpoint(provider.issuer, "jwks_uri")
        claims = id_token.verify(raw, provider=provider, keys_url=keys_url, nonce=self.nonce)
        if "email" not in claims:
            claims = {**self._userinfo(token.token, claims["sub"]), **claims}
        login = self.get_provider().sociallogin_from_response(request, claims)
        login.claims, login.id_token = claims, raw
        return login

    def _userinfo(self, access_token: str, subject: str) -> dict[str, Any]:
        url = endpoint(configured().issuer, "userinfo_endpoint")
        found = fetch_json(url, headers={"Authorization": f"Bearer {access_token}"})
        if found.get("sub") != subject:
            raise ProviderRefused("wrong_subject")
        return found


class OpenIDProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """The provider. It starts a sign-in with PKCE and a nonce, and reads the claims."""

    oauth2_adapter_class = OpenIDAdapter

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Returns the parameters that a visitor may choose: the next page, and whether to sign in
        or to connect.

        Ignores `scope` and `auth_params` in the URL, which allauth accepts. With these parameters,
        a link could replace the nonce or the redirect URL.
        """
        chosen: dict[str, Any] = super().get_redirect_from_request_kwargs(request)
        wanted = {"next_url": chosen["next_url"]} if chosen.get("next_url") else {}
        connects = chosen.get("process") == AuthProcess.CONNECT
        return {**wanted, "process": AuthProcess.CONNECT if connects else AuthProcess.LOGIN}

    def redirect(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: Any = None,
    ) -> HttpResponse:
        """Returns the redirect to the provider, with a nonce that is stored in the session with the
        state.
        """
        nonce, kept = secrets.token_urlsafe(32), {ASKED_AT: int(time.time())}
        sent = {"nonce": nonce}
        # The provider must show its sign-in page even if a user is signed in there: for
        # reauthentication, and if the wrong user is signed in there.
        if process == PROVE:
            sent |= {"prompt": "login", "max_age": "0"}
        elif request.session.pop(ASK_AGAIN, False) or process == AuthProcess.CONNECT:
            sent |= {"prompt": "login"}
        response: HttpResponse = super().redirect(
            request, process, next_url, data, nonce=nonce, auth_params=sent, **kept
        )
        return response

    def get_scope(self) -> list[str]:
        return list(configured().scopes)

    def extract_uid(self, data: dict[str, Any]) -> str:
        return uid_of(data)

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Returns the data to store: only the issuer, the subject and the email at the provider."""
        return {"iss": data["iss"], "sub": data["sub"], "email": _email_of(data)}

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"email": _email_of(data), "name": acceptable_name(data.get("name"))}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        if not (email := _email_of(data)):
            return []
        verified = data.get(configured().verified_claim) in YES
        return [EmailAddress(email=email, verified=verified, primary=True)]


class ComingBack(OAuth2CallbackView):  # type: ignore[misc]
    """The view to which the provider redirects the browser with a code. Each sign-in uses a new
    instance.
    """

    def _get_state(self, request: HttpRequest, provider: Any) -> tuple[Any, Any]:
        """Removes the state from the session and returns the state. Also passes the nonce in the
        state to the adapter, which allauth does not do.
        """
        state, refused = super()._get_state(request, provider)
        self.adapter.nonce = (state or {}).get("nonce", "")
        return state, refused


def go(request: HttpRequest, adapter: OpenIDAdapter) -> HttpResponse:
    """Returns the redirect to the provider.

    Raises: ProviderRefused.
    """
    response: HttpResponse = OAuth2LoginView.adapter_view(adapter)(request)
    return response


def come_back(request: HttpRequest, adapter: OpenIDAdapter) -> HttpResponse:
    """Completes a sign-in with the parameters from the provider. Returns the response with the next
    page.
    """
    response: HttpResponse = ComingBack.adapter_view(adapter)(request)
    return response


def _email_of(data: dict[str, Any]) -> str:
    """Returns the email address in lowercase, or "" if it is missing or invalid."""
    email = data.get("email")
    valid = valid_email_or_none(email) if isinstance(email, str) else None
    return valid.lower() if valid else ""


def app_settings() -> dict[str, Any]:
    """Returns the provider in the settings in the format of allauth's SocialApp."""
    provider = configured()
    return {
        "provider": OpenIDProvider.id,
        "provider_id": PROVIDER_ID,
        "name": provider.name,
        "client_id": provider.client_id,
        "secret": provider.client_secret,
        "settings": {"server_url": provider.issuer, "oauth_pkce_enabled": True},
    }


# Registers the provider. allauth otherwise finds providers in INSTALLED_APPS, and every command
# would import it.
registry.register(OpenIDProvider)
