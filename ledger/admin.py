"""The admin site. Its sign-in is the site's own, with the same limits on guessing."""

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
admin.site.enable_nav_sidebar = False  # four models; the lists want the room
# No model has a page of its own outside the admin. Django's redirect to it fails on a key that is
# no UUID.
_urls_of_django = admin.site.get_urls
admin.site.get_urls = lambda: [  # type: ignore[method-assign]
    url for url in _urls_of_django() if getattr(url, "name", "") != "view_on_site"
]
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# A confirmed address is a way to sign in as its person; `accounts.services.change_email` is
# the only way for staff to change one.
admin.site.unregister(EmailAddress)
# Nobody adds, reads or removes somebody else's second factors by hand.
admin.site.unregister(Authenticator)

# A connected provider is a way to sign in too: only its person connects and disconnects it. The
# provider itself is in the settings, and no token is stored.
admin.site.unregister([SocialAccount, SocialApp, SocialToken])
