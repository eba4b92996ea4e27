"""The URLs of allauth's second factors. `allauth.mfa.urls` is not used, because it would import the
passkey library in every command. A test compares these URLs with allauth's URLs.
"""

from django.urls import path

from accounts.security.locked_view import LockedView
from ledger.web.lazy_views import LazyView

BASE, TOTP = "allauth.mfa.base.views", "allauth.mfa.totp.views"
PASSKEYS = "allauth.mfa.webauthn.views"
urlpatterns = [
    path("", LazyView(f"{BASE}.index"), name="mfa_index"),
    path("authenticate/", LazyView(f"{BASE}.authenticate"), name="mfa_authenticate"),
    path("reauthenticate/", LazyView(f"{BASE}.reauthenticate"), name="mfa_reauthenticate"),
    path("totp/activate/", LockedView(f"{TOTP}.activate_totp"), name="mfa_activate_totp"),
    path("totp/deactivate/", LockedView(f"{TOTP}.deactivate_totp"), name="mfa_deactivate_totp"),
    path("webauthn/", LazyView(f"{PASSKEYS}.list_webauthn"), name="mfa_list_webauthn"),
    path("webauthn/add/", LockedView(f"{PASSKEYS}.add_webauthn"), name="mfa_add_webauthn"),
    path(
        "webauthn/reauthenticate/",
        LazyView(f"{PASSKEYS}.reauthenticate_webauthn"),
        name="mfa_reauthenticate_webauthn",
    ),
    path(
        "webauthn/keys/<int:pk>/remove/",
        LazyView(f"{PASSKEYS}.remove_webauthn"),
        name="mfa_remove_webauthn",
    ),
    path(
        "webauthn/keys/<int:pk>/edit/",
        LockedView(f"{PASSKEYS}.edit_webauthn"),
        name="mfa_edit_webauthn",
    ),
    path("webauthn/login/", LazyView(f"{PASSKEYS}.login_webauthn"), name="mfa_login_webauthn"),
    path("webauthn/signup/", LazyView(f"{PASSKEYS}.signup_webauthn"), name="mfa_signup_webauthn"),
]
