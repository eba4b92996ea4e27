"""The URLs of the app. Each feature in a separate app adds its URLs in its module `urls`."""

from importlib import import_module

from django.apps import apps
from django.urls import path
from django.utils.module_loading import module_has_submodule

from ledger.web.table_files import paths_of_files
from transactions.closing import views as closing
from transactions.privacy import views as privacy
from transactions.receipts import views as receipts
from transactions.reports import save_views
from transactions.reports import views as reports
from transactions.search.page import views as search
from transactions.statements import views as statements
from transactions.transfers import views as transfers

app_name = "transactions"
PACKAGES = ("transactions.", "banking.")
FEATURES = [
    import_module(f"{app.name}.urls")
    for app in apps.get_app_configs()
    if app.name.startswith(PACKAGES) and module_has_submodule(app.module, "urls")
]
urlpatterns = [
    path("accounts/<uuid:pk>/", statements.statement, name="statement"),
    path("accounts/<uuid:pk>/close/", closing.close_account, name="close"),
    *paths_of_files("accounts/<uuid:pk>/statement", statements.statement_file, "statement"),
    path("transfers/new/", transfers.transfer, name="transfer"),
    path("account/data/", privacy.data, name="data"),
    path("account/leave/", privacy.leave_bank, name="leave"),
    path("privacy/", privacy.privacy, name="privacy"),
    path("search/", search.search, name="search"),
    *paths_of_files("search/results", search.results_file, "search"),
    path("reports/", reports.report_list, name="reports"),
    path("reports/<slug:slug>/", reports.report, name="report"),
    path("reports/<slug:slug>/save/", save_views.save, name="save_report"),
    path("reports/saved/<uuid:pk>/remove/", save_views.remove, name="remove_report"),
    *paths_of_files("reports/<slug:slug>/report", reports.report_file, "report"),
    path("transactions/<uuid:pk>/", receipts.receipt, name="detail"),
    *paths_of_files("transactions/<uuid:pk>/sides", receipts.sides_file, "sides"),
    path("transactions/<uuid:pk>/note/", receipts.note, name="note"),
    path("transactions/<uuid:pk>/metadata.json", receipts.metadata, name="metadata"),
    *(address for feature in FEATURES for address in feature.urlpatterns),
]
