"""The pages. `/healthz` and `/readyz` are answered before any of this, see ledger/middleware.py."""

from django.contrib import admin
from django.urls import include, path

from ledger.theme import set_theme
from transactions.admin_find import find_anything
from transactions.views import home

handler500 = "ledger.trouble.server_error"
urlpatterns = [
    path("", home, name="home"),
    path("theme/", set_theme, name="theme"),
    path("admin/search/", admin.site.admin_view(find_anything), name="admin_search"),
    path("admin/", admin.site.urls),
    path("account/", include("allauth.account.urls")),
    path("cookbook/", include("ledger.cookbook.urls")),
    path("", include("accounts.urls")),
    path("", include("transactions.urls")),
]
