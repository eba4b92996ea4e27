"""URLs of allauth's social accounts, with allauth's URL names."""

from allauth.socialaccount import views
from django.urls import path

from accounts.security import provider_views
from accounts.security.locked_view import LockedView
from accounts.sign_in.providers.current import PROVIDER_ID

# A fixed argument of the views, with which allauth's `reverse(..., provider_id=...)` finds these
# URLs.
OURS = {"provider_id": PROVIDER_ID}
urlpatterns = [
    path(
        "", LockedView(f"{provider_views.__name__}.Connections"), name="socialaccount_connections"
    ),
    path("cancelled/", views.login_cancelled, name="socialaccount_login_cancelled"),
    path("error/", views.login_error, name="socialaccount_login_error"),
    path("taken/", provider_views.address_taken, name="socialaccount_signup"),
    path("oidc/", provider_views.go_to_provider, OURS, name="openid_connect_login"),
    path("oidc/prove/", provider_views.prove_at_provider, OURS, name="prove_at_provider"),
    path("oidc/callback/", provider_views.come_back, OURS, name="openid_connect_callback"),
]
