"""aiokafka."""

import asyncio
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from aiokafka.helpers import create_ssl_context

from known import KNOWN, TOPIC, add_tests, login, unsecured_token


class Tokens(AbstractTokenProvider):
    def __init__(self, user):
        self.user = user

    async def token(self):
        return unsecured_token(self.user)


def settings(way):
    told = {"bootstrap_servers": way["address"], "security_protocol": way["listener"]}
    if "SSL" in way["listener"]:
        trusted = None if "untrusted" in way else KNOWN["ca"]
        own = KNOWN["client"] if way["certificate"] else None
        told["ssl_context"] = create_ssl_context(cafile=trusted, certfile=own, keyfile=own)
    return told | login(way, Tokens)


def looped(function):
    return lambda way: asyncio.run(asyncio.wait_for(function(way), 50))


@looped
async def there_and_back(way):
    value = uuid.uuid4().hex.encode()
    async with AIOKafkaProducer(**settings(way)) as p:
        await p.send_and_wait(TOPIC, value)
    async with AIOKafkaConsumer(TOPIC, **settings(way), group_id=f"sec-{value.decode()}", auto_offset_reset="earliest") as c:
        while (await c.getone()).value != value:
            pass
        await c.commit()


async def fails(kinds, what, action):
    try:
        await action
    except kinds:
        return
    raise AssertionError(f"{what}: no error")


@looped
async def is_refused(way):
    p = AIOKafkaProducer(**settings(way))
    await fails(KafkaError, "log in", p.start())
    await p.stop()


@looped
async def denied(way):
    p = AIOKafkaProducer(**settings(way))
    await p.start()
    await fails(TopicAuthorizationFailedError, "write", p.send_and_wait(TOPIC, b"x"))
    await p.stop()
    c = AIOKafkaConsumer(TOPIC, **settings(way), group_id="sec-mallory")

    async def read():
        await c.start()
        await c.getone()

    await fails((GroupAuthorizationFailedError, TopicAuthorizationFailedError), "read", read())
    await c.stop()


add_tests("aiokafka", there_and_back, is_refused, denied)
