"""Adapter of allauth's social accounts: one provider from the settings, and our rules and texts."""

from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from django.db import IntegrityError
from django.db import transaction as db_transaction
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from accounts.sign_in.providers import group_map, linking, proof, sign_out
from accounts.sign_in.providers.current import PROVE, configured, is_configured
from accounts.sign_in.providers.refusals import ProviderRefused
from ledger.web import security_log


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Adapter that connects allauth's flow with the bank's rules."""

    error_messages = {
        **DefaultSocialAccountAdapter.error_messages,
        "no_password": ("Choose a password first, then disconnect the provider."),
        "no_verified_email": "Confirm an email address first, then disconnect the provider.",
        "connected_other": "Another user here is connected with that sign-in.",
    }

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Returns the provider of the settings. Rows in the database are ignored, because a row
        could add another provider.
        """
        if not is_configured():
            return []
        from accounts.sign_in.providers import openid

        app = SocialApp(**openid.app_settings())
        is_meant = provider in (None, app.provider, app.provider_id)
        return [app] if is_meant and client_id in (None, app.client_id) else []

    def list_providers(self, request: HttpRequest) -> list[Any]:
        """Returns the same provider as an instance of allauth's class."""
        return [app.get_provider(request) for app in self.list_apps(request)]

    def authenticate_by_email(self, sociallogin: SocialLogin) -> None:
        """Does nothing, so that an email address is not enough to sign in."""
        return

    def is_email_verified(self, provider: Any, email: str) -> bool:
        """Returns False, because only the token's claim counts."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Applies the bank's rules, which may refuse the user, then sets the user's groups."""
        if sociallogin.state.get("process") == PROVE:
            proof.finish(request, sociallogin)
        linking.check(request, sociallogin)
        sign_out.remember(sociallogin)
        user = sociallogin.user
        is_connecting = sociallogin.state.get("process") == "connect"
        if sociallogin.account.pk and user.is_active and not is_connecting:
            claimed = group_map.groups_claimed(sociallogin.claims)
            group_map.set_groups(user=user, claimed=claimed)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return bool(configured().allows_sign_up)

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]
    ) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.name = data["name"]
        return user

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """Saves a new user with the connection and the address, completely or not at all."""
        try:
            with db_transaction.atomic():
                user: User = super().save_user(request, sociallogin, form)
        except IntegrityError:  # the address was taken in the meantime
            linking.refuse(request, linking.LinkRefusal.TAKEN)
        security_log.record("provider.signed_up", person=user)
        group_map.set_groups(user=user, claimed=group_map.groups_claimed(sociallogin.claims))
        return user

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: SocialAccount) -> str:
        return reverse("socialaccount_connections")

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """Records the reason. The page shows only that the sign-in failed."""
        reason = exception.reason if isinstance(exception, ProviderRefused) else str(error)
        security_log.record("provider.refused", outcome="refused", request=request, reason=reason)
