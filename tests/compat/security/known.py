"""What prepare.py found out, and the tests that every client has: one a way to log in, and those that must not get in."""

import base64
import json
import os
import time

import check

with open(os.environ["KT_COMPAT_SECURITY"]) as file:
    KNOWN = json.load(file)
TOPIC = KNOWN["topic"]
WRONG = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def way(listener, mechanism, **changes):
    found = next(w for w in KNOWN["ways"] if w["listener"] == listener and w["mechanism"] == mechanism)
    return found | changes


def unsecured_token(user):
    """A JSON Web Token without a signature."""

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    now = int(time.time())
    return f"{part({'alg': 'none'})}.{part({'sub': user, 'iat': now, 'exp': now + 600})}."


def login(way, tokens):
    """What aiokafka and kafka-python are told of SASL. tokens(user) gives the tokens of a user."""
    if not way["mechanism"]:
        return {}
    if way["mechanism"] == "OAUTHBEARER":
        told = {"sasl_oauth_token_provider": tokens(way["user"])}
    else:
        told = {"sasl_plain_username": way["user"], "sasl_plain_password": way["password"]}
    return told | {"sasl_mechanism": way["mechanism"]}


def add_tests(client, there_and_back, is_refused, denied):
    """there_and_back(way) sends a record and reads it in a group; is_refused(way) says that nobody logs in; denied(way) that a
    user may neither write nor read."""

    def add(name, run):
        check.TESTS.append((f"{client}/{name}", run))

    for w in KNOWN["ways"]:
        add(w["name"], lambda w=w: there_and_back(w))
    for mechanism in WRONG:
        wrong = way("SASL_SSL", mechanism, password="guessed")
        add(f"wrong-password-{mechanism.lower()}", lambda wrong=wrong: is_refused(wrong))
    add("no-such-user", lambda: is_refused(way("SASL_SSL", "SCRAM-SHA-512", user="nobody")))
    add("unknown-authority", lambda: is_refused(way("SSL", "", untrusted=True)))
    add("no-rights", lambda: denied(way("SASL_SSL", "PLAIN", user="mallory", password="mallory-secret")))
