"""The exception for a refused sign-in through the provider."""

from allauth.socialaccount.providers.base import ProviderException


class ProviderRefused(ProviderException):  # type: ignore[misc]
    """The response of the provider is wrong or missing. `reason` is one word for the security log.

    allauth shows its page for failed sign-ins. The page does not contain the reason.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
