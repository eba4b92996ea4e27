"""URLs under /account/. Some of these URLs replace allauth's URLs, so they must precede allauth's
URLs.
"""

from django.urls import path
from django.views.generic import RedirectView

from accounts.security import (
    addresses,
    confirm_address,
    recovery_codes,
    session_views,
    token_views,
    views,
)
from accounts.security.locked_view import LockedView
from ledger.web.lazy_views import LazyView

app_name = "security"
SESSIONS = session_views.__name__
urlpatterns = [
    path("security/", views.security, name="page"),
    path("security/sessions/end/", LockedView(f"{SESSIONS}.end_session"), name="end_session"),
    path(
        "security/sessions/end-others/",
        LockedView(f"{SESSIONS}.end_other_sessions"),
        name="end_other_sessions",
    ),
    path("security/tokens/new/", token_views.make, name="make_token"),
    path("security/tokens/revoke/", token_views.revoke, name="revoke_token"),
    path("security/tokens/revoke-all/", token_views.revoke_all, name="revoke_tokens"),
    path("security/name/", views.choose_name, name="choose_name"),
    path(
        "security/password/remove/",
        LockedView(f"{views.__name__}.drop_password"),
        name="drop_password",
    ),
    # The paths of allauth, so that links by allauth's URL names lead to these views.
    path("password/change/", views.change_password, name="change_password"),
    path("password/set/", views.choose_password, name="choose_password"),
    path("email/", addresses.AddressesView.as_view(), name="addresses"),
    path("confirm-email/", confirm_address.ConfirmAddressView.as_view(), name="confirm_address"),
    path("2fa/", recovery_codes.after_a_change, name="factors"),
    # Instead of allauth's list of passkeys, which the page "Security" also shows.
    path("2fa/webauthn/", RedirectView.as_view(pattern_name="security:page"), name="passkeys"),
    path(
        "2fa/webauthn/login/",
        LazyView("accounts.security.passkey_views.sign_in_by_passkey"),
        name="sign_in_by_passkey",
    ),
    path(
        "2fa/webauthn/reauthenticate/",
        LazyView("accounts.security.passkey_views.StepUpByPasskeyView"),
        name="step_up_by_passkey",
    ),
    path(
        "2fa/recovery-codes/", LockedView(f"{recovery_codes.__name__}.page"), name="recovery_codes"
    ),
    path(
        "2fa/webauthn/keys/<int:pk>/remove/",
        LockedView("accounts.security.passkey_views.RemovePasskeyView"),
        name="remove_passkey",
    ),
]
