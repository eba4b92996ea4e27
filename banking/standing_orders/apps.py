from django.apps import AppConfig


class StandingOrdersConfig(AppConfig):
    """The app for standing orders: payments that a customer orders once, for one or more dates."""

    name = "banking.standing_orders"
    verbose_name = "Transactions"  # the heading of the app in the admin
