"""Settings of allauth and Django for signing in, which are the same for every bank."""

# Users sign in with their email address through allauth. allauth's backend extends Django's
# backend, so it also works in the admin.
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 20  # per person
# A new user types an emailed code before the first page. Therefore sign-up can show the same page
# for an address that is already registered. The owner of that address gets a different email
# (docs/security.md).
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
# The page after a user has confirmed an additional email address.
ACCOUNT_EMAIL_CONFIRMATION_AUTHENTICATED_REDIRECT_URL = "/account/email/"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True  # email users when their password or addresses change
# accounts.sign_in.mailed_codes limits the number of emails to an address. The limits here are only
# per IP address.
ACCOUNT_RATE_LIMITS = {
    "login_failed": "",
    "change_password": "",
    "reauthenticate": "",
    "confirm_email": "",
    "request_login_code": "20/m/ip",
    "reset_password": "20/m/ip",
}
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
# The longest time for which an emailed code may be valid (OWASP ASVS 5.0, 6.5.5).
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 10 * 60
PASSWORD_RESET_TIMEOUT = 24 * 60 * 60  # the maximum of NIST SP 800-63B-4 for emailed codes
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True  # twice; see accounts.security.confirm_address
ACCOUNT_SESSION_REMEMBER = False  # the cookie ends with the browser
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # a recent step-up is needed before addresses change
ACCOUNT_FORMS = {
    "login": "accounts.forms.SignInForm",
    "reauthenticate": "accounts.forms.StepUpForm",
    "signup": "accounts.forms.SignupForm",
    "request_login_code": "accounts.forms.AskForCodeForm",
    "confirm_login_code": "accounts.forms.SignInCodeForm",
    "confirm_email_verification_code": "accounts.forms.ConfirmAddressForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
}
SOCIALACCOUNT_ADAPTER = "accounts.sign_in.providers.adapter.ProviderAdapter"
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True  # before connecting or disconnecting a provider
SOCIALACCOUNT_STORE_TOKENS = False
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["name", "email"]},
    },
    {"NAME": "accounts.sign_in.passwords.Length"},
    {"NAME": "accounts.sign_in.passwords.Guessable"},
]

# Second factors (docs/security.md). A passkey always verifies its owner with a PIN, finger or face,
# so a user can sign in with only a passkey. Before that, `accounts.security.forms` requires a
# confirmed email address.
MFA_ADAPTER = "accounts.adapter.FactorAdapter"
# accounts.sign_in.recovery_codes replaces allauth's recovery codes, because those can be computed
# from a stored seed.
MFA_SUPPORTED_TYPES = ["totp", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_TOTP_ISSUER = "Ledger"
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "authenticate": "accounts.security.forms.SecondCodeForm",
    "reauthenticate": "accounts.security.forms.StepUpCodeForm",
    "activate_totp": "accounts.security.forms.AddAppForm",
    "add_webauthn": "accounts.security.forms.AddPasskeyForm",
    "authenticate_webauthn": "accounts.security.forms.SecondPasskeyForm",
    "signup_webauthn": "accounts.security.forms.FirstPasskeyForm",
    "login_webauthn": "accounts.security.forms.SignInByPasskeyForm",
    "reauthenticate_webauthn": "accounts.security.forms.StepUpByPasskeyForm",
    "edit_webauthn": "accounts.security.forms.RenamePasskeyForm",
}
