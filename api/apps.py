"""The app of the API."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The app of `/api/v1/`. It has no tables."""

    name = "api"
    verbose_name = "API"
