"""A session that gets another key, as after a step-up, while it is ended."""

import pytest
from django.contrib.sessions.exceptions import SessionInterrupted

from accounts.models import WebSession
from accounts.sign_in import sessions
from accounts.sign_in.session_store import SIGNED_IN_AT, SessionStore
from tests.attacks.sessions import key_of, person
from tests.attacks.waiting import after_waiting_for
from tests.conftest import signed_in


@pytest.mark.django_db
def test_a_session_that_was_ended_gets_no_other_key() -> None:
    user = person()
    store = SessionStore(key_of(signed_in(user)))
    assert store.get(SIGNED_IN_AT)
    sessions.end_all(user, "by_staff")
    with pytest.raises(SessionInterrupted):
        store.cycle_key()
    assert not WebSession.objects.filter(user=user).exists()


@pytest.mark.django_db(transaction=True)
def test_ending_all_sessions_ends_one_that_is_getting_another_key() -> None:
    user = person()
    store = SessionStore(key_of(signed_in(user)))
    assert store.get(SIGNED_IN_AT)
    after_waiting_for(store.cycle_key, lambda: sessions.end_all(user, "by_staff"))
    assert not WebSession.objects.filter(user=user).exists()


@pytest.mark.django_db
def test_another_key_opens_the_same_session_and_the_former_none() -> None:
    user = person()
    former = key_of(signed_in(user))
    store = SessionStore(former)
    store["kept"] = 1
    store.cycle_key()
    store.save()
    assert store.session_key != former
    assert SessionStore(store.session_key).get("kept") == 1
    assert SessionStore(former).load() == {}
    assert WebSession.objects.filter(user=user).count() == 1
