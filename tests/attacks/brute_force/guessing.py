"""A stranger who guesses Ana's password and codes, and Ana who signs in."""

from typing import Any

from django.core import mail
from django.core.cache import cache
from django.test import Client

from tests.sign_in import mailed_code

LOGIN = "/account/login/"
PASSWORD = "seven blue lamps at dusk"
ANA = "ana@example.com"
WRONG = "a wrong guess"
SECOND = "/account/2fa/authenticate/"
HERE = "198.51.100.7"  # the IP address of Ana and of her neighbour


def guess(address: str, email: str = ANA, password: str = WRONG, **extra: Any) -> Any:
    return Client(REMOTE_ADDR=address).post(LOGIN, {"login": email, "password": password}, **extra)


def sign_in(client: Client, password: str = PASSWORD) -> bool:
    client.post(LOGIN, {"login": ANA, "password": password})
    return client.get("/").status_code == 200


def attack_from_everywhere(guesses: int = 25) -> None:
    for n in range(guesses):
        guess(f"203.0.113.{n}")


def choose_password_by_mail(client: Client) -> str:
    client.post("/account/password/reset/", {"email": ANA})
    (link,) = [line for line in mail.outbox[-1].body.splitlines() if "/reset/key/" in line]
    page = client.get("/" + link.split("/", 3)[3], follow=True)
    new = "another lamp at the quay"
    client.post(page.redirect_chain[-1][0], {"password1": new, "password2": new})
    return new


def send_wrong_codes(email: str, sign_ins: int = 2) -> None:
    """Sends wrong codes as a neighbour. Each sign-in by mail accepts three codes."""
    for _ in range(sign_ins):
        cache.clear()  # the requests per minute have another limit
        thief = Client(REMOTE_ADDR=HERE)
        thief.post("/account/login/code/", {"email": email})
        for _ in range(3):
            thief.post("/account/login/code/confirm/", {"code": "AAAA-AAAA"})


def sign_in_by_mail(client: Client) -> bool:
    cache.clear()
    client.post("/account/login/code/", {"email": ANA})
    client.post("/account/login/code/confirm/", {"code": mailed_code()})
    return client.get("/").status_code == 200
