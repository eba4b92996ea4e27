"""Pages under /account/. They stand before those of allauth, two of which they replace."""

from django.urls import path
from django.views.generic import RedirectView

from accounts.security import views

app_name = "security"
# allauth's own lists of factors show the same as the page "Security".
_to_security = RedirectView.as_view(pattern_name="security:page")
urlpatterns = [
    path("security/", views.security, name="page"),
    path("2fa/", _to_security),
    path("2fa/webauthn/", _to_security),
]
