"""Secrets that attacks plant. The secrets are in a separate file, because error pages of DEBUG show
source lines.
"""

PASSWORD, TOKEN, COOKIE = "seven blue lamps at dusk", "token-5d41402abc4b", "cookie-7d793037a076"
AMOUNT, ADDRESS = "987654.32", "victim@example.com"
SECRETS = (PASSWORD, TOKEN, COOKIE, AMOUNT, ADDRESS, "987,654.32")
