"""The URLs of monthly statements, of statement files, and of the page that checks statements."""

from django.urls import path

from banking.statement_files import views as statement_files
from banking.statement_files.files import LABELS
from ledger.web.table_files import TYPES

urlpatterns = [
    *(
        path(
            f"accounts/<uuid:pk>/statement.{kind}",
            statement_files.chosen_file,
            {"kind": kind},
            name=f"statement_{kind}",
        )
        for kind in LABELS
        if kind not in TYPES
    ),
    path("accounts/<uuid:pk>/statements/", statement_files.monthly_list, name="monthly_statements"),
    path(
        "accounts/<uuid:pk>/statements/<int:number>.<slug:kind>",
        statement_files.monthly_file,
        name="monthly_statement",
    ),
    path("statements/check/", statement_files.check, name="statement_check"),
]
