"""Refuses a pending sign-in if the user's credentials have changed since it began."""

from typing import Any

from allauth.account.stages import LoginStage
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect

from accounts.models import User
from accounts.sign_in.addresses import belongs_to

CHANGED = "Your sign-in has changed in the meantime, perhaps on another device. Sign in again."


class UnchangedStage(LoginStage):  # type: ignore[misc]
    """The last stage of a sign-in. It refuses the sign-in if the password, the address or the
    rights have changed since the first stage, or if the user no longer has the entered address.
    """

    key = "unchanged"

    def __init__(self, controller: Any, request: HttpRequest, login: Any) -> None:
        super().__init__(controller, request, login)
        # Every step creates all stages, but only the first step must store the hash
        if login.user is not None:
            self.state.setdefault("began_with", login.user.get_session_auth_hash())

    def handle(self) -> tuple[Any, bool]:
        """Returns two values: a page to show, or None; and whether the sign-in may continue."""
        user, email = self.login.user, self.login.email
        now = User.objects.get(pk=user.pk)
        is_same = now.has_session_hash(self.state["began_with"])
        if is_same and (not email or belongs_to(now, email)):
            return None, True
        messages.warning(self.request, CHANGED, fail_silently=True)
        return redirect("account_login"), False
