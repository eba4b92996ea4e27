"""The pages. `/healthz` and `/readyz` are answered before any of this, see ledger/middleware.py."""

from django.contrib import admin
from django.urls import include, path

from ledger.theme import set_theme
from transactions.views import home

handler500 = "ledger.trouble.server_error"
urlpatterns = [
    path("", home, name="home"),
    path("theme/", set_theme, name="theme"),
    path("admin/", admin.site.urls),
    path("account/", include("allauth.account.urls")),
    path("", include("accounts.urls")),
    path("", include("transactions.urls")),
]
