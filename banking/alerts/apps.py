from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """Alerts that people choose, on pages and by mail."""

    name = "banking.alerts"

    def ready(self) -> None:
        """Connects the signal of a sign-in from a new device."""
        from accounts.models import SignIn
        from accounts.sign_in.events import new_device
        from banking.alerts.services import write_new_device_alert

        new_device.connect(write_new_device_alert, sender=SignIn)
