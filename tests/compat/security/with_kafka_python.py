"""kafka-python."""

import uuid

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from kafka.net.sasl.oauth import AbstractTokenProvider

from check import raises
from known import KNOWN, TOPIC, add_tests, login, unsecured_token


class Tokens(AbstractTokenProvider):
    def __init__(self, user):
        self.user = user

    def token(self):
        return unsecured_token(self.user)


def settings(way):
    told = {"bootstrap_servers": way["address"], "security_protocol": way["listener"]}
    if "SSL" in way["listener"] and "untrusted" not in way:
        told["ssl_cafile"] = KNOWN["ca"]
    if way["certificate"]:
        told |= {"ssl_certfile": KNOWN["client"], "ssl_keyfile": KNOWN["client"]}
    return told | login(way, Tokens)


def there_and_back(way):
    value = uuid.uuid4().hex.encode()
    p = KafkaProducer(**settings(way))
    p.send(TOPIC, value).get(20)
    p.close()
    c = KafkaConsumer(TOPIC, **settings(way), group_id=f"sec-{value.decode()}", auto_offset_reset="earliest", consumer_timeout_ms=20000)
    found = any(record.value == value for record in c)
    c.commit()
    c.close()
    assert found, "the record did not come"


def is_refused(way):
    def run():
        p = KafkaProducer(**settings(way), max_block_ms=5000)
        try:
            p.send(TOPIC, b"x").get(10)
        finally:
            p.close(timeout=1)

    raises(KafkaError, "log in", run)


def denied(way):
    p = KafkaProducer(**settings(way))
    raises(TopicAuthorizationFailedError, "write", lambda: p.send(TOPIC, b"x").get(20))
    p.close(timeout=1)
    c = KafkaConsumer(TOPIC, **settings(way), group_id="sec-mallory")
    raises((GroupAuthorizationFailedError, TopicAuthorizationFailedError), "read", lambda: c.poll(20000))
    c.close(autocommit=False)


add_tests("kafka-python", there_and_back, is_refused, denied)
