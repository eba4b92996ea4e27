"""The URLs of the pages of payment files."""

from django.urls import path

from banking.payment_files import views as payment_files
from ledger.web.table_files import paths_of_files

urlpatterns = [
    path("transfers/files/", payment_files.file_list, name="files"),
    *paths_of_files("transfers/files/files", payment_files.list_file, "files"),
    path("transfers/files/new/", payment_files.file_new, name="file_new"),
    path("transfers/files/example.csv", payment_files.file_example, name="file_example"),
    path("transfers/files/<uuid:pk>/", payment_files.file_page, name="file"),
    *paths_of_files("transfers/files/<uuid:pk>/result", payment_files.file_result, "file_result"),
]
