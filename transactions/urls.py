from django.urls import path

from transactions.payment_files import views as payment_files
from transactions.privacy import views as privacy
from transactions.receipts import views as receipts
from transactions.reports import views as reports
from transactions.search.page import views as search
from transactions.statements import views as statements
from transactions.transfers import views as transfers

app_name = "transactions"
urlpatterns = [
    path("accounts/<uuid:pk>/", statements.statement, name="statement"),
    path("accounts/<uuid:pk>/statement.csv", statements.statement_csv, name="statement_csv"),
    path("transfers/new/", transfers.transfer, name="transfer"),
    path("transfers/files/", payment_files.file_list, name="files"),
    path("transfers/files/new/", payment_files.file_new, name="file_new"),
    path("transfers/files/example.csv", payment_files.file_example, name="file_example"),
    path("transfers/files/<uuid:pk>/", payment_files.file_page, name="file"),
    path("transfers/files/<uuid:pk>/result.csv", payment_files.file_result, name="file_result"),
    path("account/data/", privacy.data, name="data"),
    path("account/leave/", privacy.leave_bank, name="leave"),
    path("privacy/", privacy.privacy, name="privacy"),
    path("search/", search.search, name="search"),
    path("reports/", reports.report_list, name="reports"),
    path("reports/<slug:slug>/", reports.report, name="report"),
    path("reports/<slug:slug>/report.csv", reports.report_csv, name="report_csv"),
    path("transactions/<uuid:pk>/", receipts.receipt, name="detail"),
    path("transactions/<uuid:pk>/note/", receipts.note, name="note"),
    path("transactions/<uuid:pk>/metadata.json", receipts.metadata, name="metadata"),
]
