"""Adapter of allauth's social accounts: one provider from the settings, our rules and our texts."""

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
    """An allauth adapter that applies the bank's rules to sign-ins at the provider."""

    error_messages = {
        **DefaultSocialAccountAdapter.error_messages,
        "no_password": ("Choose a password first, then disconnect the provider."),
        "no_verified_email": "Confirm an email address first, then disconnect the provider.",
        "connected_other": "Another user here has already connected this account of the provider.",
    }

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Returns a list with the provider from the settings. The list is empty if no provider is
        configured. Ignores rows in the database, because a row could add another provider.
        """
        if not is_configured():
            return []
        from accounts.sign_in.providers import openid

        app = SocialApp(**openid.app_settings())
        is_meant = provider in (None, app.provider, app.provider_id)
        return [app] if is_meant and client_id in (None, app.client_id) else []

    def list_providers(self, request: HttpRequest) -> list[Any]:
        """Returns a list with the provider from the settings, as an instance of allauth's class."""
        return [app.get_provider(request) for app in self.list_apps(request)]

    def authenticate_by_email(self, sociallogin: SocialLogin) -> None:
        """Returns None, so that an email address is never enough to sign in."""
        return

    def is_email_verified(self, provider: Any, email: str) -> bool:
        """Returns False, so that only the claim in the token decides whether an address is
        verified.
        """
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Applies the bank's rules, which may refuse the user. Then sets the groups of a user who
        signs in.
        """
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
        """Saves a new user with the connection and the address in one transaction, and returns the
        user.
        """
        try:
            with db_transaction.atomic():
                user: User = super().save_user(request, sociallogin, form)
        except IntegrityError:  # another user has registered the address in the meantime
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
        """Records the reason in the security log. The page shows only that the sign-in has
        failed.
        """
        reason = exception.reason if isinstance(exception, ProviderRefused) else str(error)
        security_log.record("provider.refused", outcome="refused", request=request, reason=reason)
