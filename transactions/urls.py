from django.urls import path

from transactions import views

app_name = "transactions"
urlpatterns = [
    path("accounts/<uuid:pk>/", views.statement, name="statement"),
    path("accounts/<uuid:pk>/statement.csv", views.statement_csv, name="statement_csv"),
    path("transfers/new/", views.transfer, name="transfer"),
    path("transactions/<uuid:pk>/", views.receipt, name="detail"),
]
