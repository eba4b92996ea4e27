from django.apps import AppConfig


class StandingOrdersConfig(AppConfig):
    """Payments that a customer orders once, for one or more dates."""

    name = "banking.standing_orders"
    verbose_name = "Transactions"  # the heading in the admin
