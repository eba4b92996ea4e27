"""The URLs of the site.

`ledger.monitoring.early` answers some requests before Django searches for a URL: `/healthz`,
`/readyz`, and `/metrics` with a token. `/readyz?verbose` is a page for staff.
"""

from allauth.account.views import logout
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from api.pages import nothing_here
from ledger.monitoring.health.page import database_health
from ledger.monitoring.page import metrics
from ledger.web.csp_report import csp_report
from ledger.web.headers import CSP_REPORT_PATH
from ledger.web.health import readyz_verbose
from ledger.web.security_txt import security_txt
from ledger.web.theme import set_theme

handler400 = "ledger.web.error_pages.bad_request"
handler403 = "ledger.web.error_pages.permission_denied"
handler404 = "ledger.web.error_pages.page_not_found"
handler500 = "ledger.web.error_pages.server_error"
urlpatterns = [
    path("", include("transactions.home.urls")),
    path("readyz", readyz_verbose, name="readyz_verbose"),
    path("metrics", metrics, name="metrics"),
    path("theme/", set_theme, name="theme"),
    path(CSP_REPORT_PATH.removeprefix("/"), csp_report, name="csp_report"),
    path(".well-known/security.txt", security_txt, name="security_txt"),
    path("admin/", include("transactions.staff.urls")),
    path("admin/database/", admin.site.admin_view(database_health), name="admin_database"),
    # The admin's form does not limit guesses of the old password and sends no email.
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/logout/", logout),  # also signs out at the identity provider
    path("admin/", admin.site.urls),
    path("account/", include("accounts.security.urls")),
    path("account/", include("allauth.account.urls")),
    path("account/2fa/", include("accounts.security.factor_urls")),
    # The address of the sign-in page in other Django projects.
    path(
        "accounts/login/",
        login_not_required(RedirectView.as_view(pattern_name="account_login", query_string=True)),
    ),
    path("account/providers/", include("accounts.security.provider_urls")),
    path("api/", include("api.urls")),
    # The address at which REST framework exchanges a password for a token.
    re_path(r"^api-token-auth/?$", nothing_here, name="nothing_here"),
    path("explorer/", include("explorer.urls")),
    path("", include("accounts.urls")),
    path("", include("transactions.urls")),
]
if settings.LEDGER_COOKBOOK:
    urlpatterns.append(path("cookbook/", include("cookbook.urls")))
