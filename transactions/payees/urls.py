"""The URLs of payees."""

from django.urls import path

from ledger.web.table_files import paths_of_files
from transactions.payees import views as payees

urlpatterns = [
    path("payees/", payees.payee_list, name="payees"),
    *paths_of_files("payees/payees", payees.list_file, "payees"),
    path("payees/new/", payees.payee_new, name="payee_new"),
    path("payees/<uuid:pk>/", payees.payee_change, name="payee"),
    path("payees/<uuid:pk>/remove/", payees.payee_remove, name="payee_remove"),
]
