from django.urls import path

from transactions import report_views, search_views, views
from transactions.payment_files import views as file_views

app_name = "transactions"
urlpatterns = [
    path("accounts/<uuid:pk>/", views.statement, name="statement"),
    path("accounts/<uuid:pk>/statement.csv", views.statement_csv, name="statement_csv"),
    path("transfers/new/", views.transfer, name="transfer"),
    path("transfers/files/", file_views.file_list, name="files"),
    path("transfers/files/new/", file_views.file_new, name="file_new"),
    path("transfers/files/example.csv", file_views.file_example, name="file_example"),
    path("transfers/files/<uuid:pk>/", file_views.file_page, name="file"),
    path("transfers/files/<uuid:pk>/result.csv", file_views.file_result, name="file_result"),
    path("search/", search_views.search, name="search"),
    path("reports/", report_views.report_list, name="reports"),
    path("reports/<slug:slug>/", report_views.report, name="report"),
    path("reports/<slug:slug>/report.csv", report_views.report_csv, name="report_csv"),
    path("transactions/<uuid:pk>/", views.receipt, name="detail"),
    path("transactions/<uuid:pk>/note/", views.note, name="note"),
    path("transactions/<uuid:pk>/metadata.json", views.metadata, name="metadata"),
]
