from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """What people are told of, on pages and by mail."""

    name = "banking.alerts"

    def ready(self) -> None:
        """Listens for sign-ins from new devices."""
        from accounts.models import SignIn
        from accounts.sign_in.events import new_device
        from banking.alerts.services import tell_of_new_device

        new_device.connect(tell_of_new_device, sender=SignIn)
