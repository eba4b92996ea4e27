"""A sign-in that waits for a code or a passkey ends when what it began with has changed."""

from typing import Any

from allauth.account.stages import LoginStage
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect

from accounts.models import User
from accounts.sign_in.addresses import belongs_to

CHANGED = "Your sign-in has changed in the meantime, perhaps on another device. Sign in again."


class UnchangedStage(LoginStage):  # type: ignore[misc]
    """The last step of a sign-in: refuses it if the password, the address or the rights have
    changed since its first step, or the address typed there is no longer the person's.
    """

    key = "unchanged"

    def __init__(self, controller: Any, request: HttpRequest, login: Any) -> None:
        super().__init__(controller, request, login)
        if login.user is not None:  # each step makes all stages; the first one writes this
            self.state.setdefault("began_with", login.user.get_session_auth_hash())

    def handle(self) -> tuple[Any, bool]:
        """A page to show, if any, and whether the sign-in may go on."""
        user, email = self.login.user, self.login.email
        now = User.objects.get(pk=user.pk)
        is_same = now.has_session_hash(self.state["began_with"])
        if is_same and (not email or belongs_to(now, email)):
            return None, True
        messages.warning(self.request, CHANGED, fail_silently=True)
        return redirect("account_login"), False
