"""Functions that end a person's access while one of their requests is running."""

from accounts.models import User, WebSession
from accounts.services import set_sign_in, sign_out_everywhere
from accounts.sign_in.sessions import end_session


def _close(person: User) -> None:
    set_sign_in(user=person.pk, is_open=False)


def _sign_out(person: User) -> None:
    sign_out_everywhere(user=User.objects.get(pk=person.pk))


def _end_session(person: User) -> None:
    end_session(person, WebSession.objects.get(user=person).pk)


def _change_password(person: User) -> None:
    changed = User.objects.get(pk=person.pk)
    changed.set_password("another long password")
    changed.save(update_fields=["password"])


ENDS = {
    "sign-in closed": _close,
    "signed out everywhere": _sign_out,
    "session ended": _end_session,
    "password changed": _change_password,
}
