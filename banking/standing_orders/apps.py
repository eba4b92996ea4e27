from django.apps import AppConfig


class StandingOrdersConfig(AppConfig):
    """Payments that a customer orders once, for many days."""

    name = "banking.standing_orders"
    verbose_name = "Transactions"  # the heading in the admin
