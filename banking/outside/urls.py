"""The URLs of the pages of outside accounts."""

from django.urls import path

from banking.outside import views as outside
from ledger.web.table_files import paths_of_files

urlpatterns = [
    path("outside/", outside.account_list, name="outside"),
    *paths_of_files("outside/outside-accounts", outside.list_file, "outside"),
    path("outside/new/", outside.account_new, name="outside_new"),
    path("outside/upload/", outside.upload, name="outside_upload"),
    path("outside/imports/<uuid:pk>/", outside.import_page, name="outside_import"),
    path("outside/imports/<uuid:pk>/columns/", outside.columns, name="outside_columns"),
    path("outside/<uuid:pk>/", outside.account_page, name="outside_account"),
    *paths_of_files("outside/<uuid:pk>/entries", outside.entries_file, "outside_entries"),
    path("outside/<uuid:pk>/change/", outside.account_change, name="outside_change"),
    path("outside/<uuid:pk>/remove/", outside.account_remove, name="outside_remove"),
]
