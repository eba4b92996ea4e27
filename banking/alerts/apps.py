from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """The app for alerts. Users choose kinds of alerts, read their alerts on pages, and receive
    emails about them.
    """

    name = "banking.alerts"

    def ready(self) -> None:
        """Connects the signal for a sign-in from a new device, so that an alert is written."""
        from accounts.models import SignIn
        from accounts.sign_in.events import new_device
        from banking.alerts.services import write_new_device_alert

        new_device.connect(write_new_device_alert, sender=SignIn)
