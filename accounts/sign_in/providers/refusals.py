"""The exception for a refused sign-in through the provider."""

from allauth.socialaccount.providers.base import ProviderException


class ProviderRefused(ProviderException):  # type: ignore[misc]
    """The response of the provider is wrong or missing. `reason` is one word for the security log.

    The user sees allauth's page for failed sign-ins, without the reason.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
