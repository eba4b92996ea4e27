"""Why a sign-in through the provider was refused."""

from allauth.socialaccount.providers.base import ProviderException


class ProviderRefused(ProviderException):  # type: ignore[misc]
    """The provider's answer is wrong or missing. `reason` is one plain word for the security log.

    allauth shows its page of failed sign-ins for it; the person sees no reason there.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
