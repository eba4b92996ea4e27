"""The stage of a sign-in that requires the second factor.

This module imports the passkey library, so only allauth imports this module, by its name.
"""

from typing import Any

from allauth.mfa.stages import AuthenticateStage

from accounts.sign_in.providers.second_factor import PROVED_KEY, is_trusted


class SecondFactorStage(AuthenticateStage):  # type: ignore[misc]
    """A stage of the sign-in that requires the second factor after the password or after the
    provider's sign-in.
    """

    def handle(self) -> tuple[Any, bool]:
        login = (self.login.signal_kwargs or {}).get("sociallogin")
        if login is not None and is_trusted(getattr(login, "claims", {})):
            self.request.session[PROVED_KEY] = str(self.login.user.pk)
            return None, True
        response, goes_on = super().handle()
        return response, goes_on
