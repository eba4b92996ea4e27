"""The app of the interface for programs."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """`/api/v1/`: no tables of its own."""

    name = "api"
    verbose_name = "API"
