from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("accounts/", views.account_list, name="list"),
    path("accounts/open/", views.open_account, name="open"),
    path("accounts/<uuid:pk>/settings/", views.account_settings, name="settings"),
]
