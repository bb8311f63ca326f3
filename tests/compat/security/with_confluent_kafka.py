"""confluent-kafka (librdkafka)."""

import uuid

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from check import equal
from known import KNOWN, TOPIC, add_tests


def settings(way):
    told = {"bootstrap.servers": way["address"], "security.protocol": way["listener"], "log_level": 0}
    if "SSL" in way["listener"] and "untrusted" not in way:
        told["ssl.ca.location"] = KNOWN["ca"]
    if way["certificate"]:
        told |= {"ssl.certificate.location": KNOWN["client"], "ssl.key.location": KNOWN["client"]}
    if way["mechanism"] == "OAUTHBEARER":
        told |= {"enable.sasl.oauthbearer.unsecure.jwt": True, "sasl.oauthbearer.config": f"principal={way['user']}"}
    elif way["mechanism"]:
        told |= {"sasl.username": way["user"], "sasl.password": way["password"]}
    if way["mechanism"]:
        told["sasl.mechanism"] = way["mechanism"]
    return told


def send(way, value, **options):
    told = []
    p = Producer(settings(way) | options)
    p.produce(TOPIC, value, on_delivery=lambda error, message: told.append(error))
    p.flush(20)
    return told


def there_and_back(way):
    value = uuid.uuid4().hex
    equal(send(way, value), [None], "delivery")
    c = Consumer(settings(way) | {"group.id": f"sec-{value}", "auto.offset.reset": "earliest"})
    c.subscribe([TOPIC])
    while (message := c.poll(20)) is not None:
        assert message.error() is None, message.error()
        if message.value().decode() == value:
            c.commit(message, asynchronous=False)
            c.close()
            return
    raise AssertionError("the record did not come")


def is_refused(way):
    errors = []
    p = Producer(settings(way) | {"error_cb": lambda error: errors.append(error.code())})
    try:
        p.list_topics(timeout=5)
        raise AssertionError("is let in")
    except KafkaException:
        p.poll(1)
    expected = KafkaError._SSL if "untrusted" in way else KafkaError._AUTHENTICATION
    assert expected in errors, errors


def denied(way):
    equal([e.code() for e in send(way, "x")], [KafkaError.TOPIC_AUTHORIZATION_FAILED], "delivery")
    c = Consumer(settings(way) | {"group.id": "sec-mallory"})
    c.subscribe([TOPIC])
    codes = set()
    while not codes & {KafkaError.GROUP_AUTHORIZATION_FAILED}:
        message = c.poll(20)
        assert message is not None, codes
        assert message.error(), "a record came"
        codes.add(message.error().code())
    c.close()


add_tests("confluent-kafka", there_and_back, is_refused, denied)
