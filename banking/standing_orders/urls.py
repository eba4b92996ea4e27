"""The URLs of the pages of standing orders."""

from django.urls import path

from banking.standing_orders import views as orders
from ledger.web.table_files import paths_of_files

urlpatterns = [
    path("standing-orders/", orders.order_list, name="standing_orders"),
    *paths_of_files("standing-orders/standing-orders", orders.list_file, "standing_orders"),
    path("standing-orders/new/", orders.order_new, name="standing_order_new"),
    path("standing-orders/<uuid:pk>/", orders.order_detail, name="standing_order"),
    path("standing-orders/<uuid:pk>/amount/", orders.order_amount, name="standing_order_amount"),
    *(
        path(
            f"standing-orders/<uuid:pk>/{action}/",
            orders.order_change,
            {"action": action},
            name=f"standing_order_{action}",
        )
        for action in orders.ACTIONS
    ),
]
