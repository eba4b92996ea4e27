"""The admin site. Staff sign in on the site's own sign-in page, which limits wrong attempts."""

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin

from ledger.text.money import NOTHING

admin.site.site_header = "Ledger"
admin.site.site_title = "Ledger admin"
admin.site.index_title = "Overview"
admin.site.empty_value_display = NOTHING
admin.site.enable_nav_sidebar = False  # there are only four models, and lists need the width
# No model has a page outside the admin. Django's redirect to such a page would fail if the key in
# the URL is not a UUID.
_urls_of_django = admin.site.get_urls
admin.site.get_urls = lambda: [  # type: ignore[method-assign]
    url for url in _urls_of_django() if getattr(url, "name", "") != "view_on_site"
]
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# A person can sign in with a confirmed email address. Staff may change an address only with
# `accounts.services.change_email`.
admin.site.unregister(EmailAddress)
# Staff may not add, read or remove the second factors of other people.
admin.site.unregister(Authenticator)

# A person can also sign in with a connected provider, so only this person may connect or disconnect
# it. The provider itself is configured in the settings, and tokens are not stored.
admin.site.unregister([SocialAccount, SocialApp, SocialToken])
