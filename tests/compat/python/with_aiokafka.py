"""aiokafka: producers, consumers, groups, transactions, admin."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import MessageSizeTooLargeError, ProducerFenced

from check import BROKER, equal, name, test


def looped(function):
    def run():
        asyncio.run(asyncio.wait_for(function(), 50))

    run.__name__ = function.__name__
    run.__module__ = function.__module__
    return test(run)


async def topic(partitions=1, **configs):
    made = name("t")
    a = AIOKafkaAdminClient(bootstrap_servers=BROKER)
    await a.start()
    await a.create_topics([NewTopic(made, partitions, 1, topic_configs=configs)])
    while not await leaders(a, made, partitions):
        await asyncio.sleep(0.05)
    await a.close()
    return made


async def leaders(a, made, partitions):
    described = (await a.describe_topics([made]))[0]
    return described["error_code"] == 0 and len(described["partitions"]) == partitions and all(p["leader"] >= 0 for p in described["partitions"])


async def fill(made, count, **options):
    async with AIOKafkaProducer(bootstrap_servers=BROKER, **options) as p:
        for i in range(count):
            await p.send_and_wait(made, b"%d" % i, partition=0)


def consumer(*topics, **options):
    settings = dict(bootstrap_servers=BROKER, auto_offset_reset="earliest", heartbeat_interval_ms=300)
    return AIOKafkaConsumer(*topics, **(settings | options))


@looped
async def produce_gzip_idempotent():
    made = await topic()
    await fill(made, 20, compression_type="gzip", enable_idempotence=True)
    async with consumer(made) as c:
        equal([(await c.getone()).offset for _ in range(20)], list(range(20)), "offsets")


@looped
async def too_large():
    made = await topic(**{"max.message.bytes": "300"})
    async with AIOKafkaProducer(bootstrap_servers=BROKER) as p:
        try:
            await p.send_and_wait(made, b"x" * 1000)
        except MessageSizeTooLargeError:
            return
        raise AssertionError("no error")


@looped
async def group_commit_seek():
    made, group = await topic(), name("g")
    await fill(made, 10)
    part = TopicPartition(made, 0)
    async with consumer(made, group_id=group, enable_auto_commit=False) as c:
        for _ in range(10):
            await c.getone()
        await c.commit({part: 4})
        equal(await c.committed(part), 4, "committed")
        c.seek(part, 8)
        equal((await c.getone()).offset, 8, "after seek")
        equal(await c.end_offsets([part]), {part: 10}, "end")
    async with consumer(made, group_id=group) as c:
        equal((await c.getone()).offset, 4, "first after the commit")


@looped
async def group_of_two():
    made, group = await topic(4), name("g")
    async with consumer(made, group_id=group) as one:
        await asyncio.wait_for(_owns(one, 4), 30)
        async with consumer(made, group_id=group) as two:
            await asyncio.wait_for(_owns(one, 2), 30)
            await asyncio.wait_for(_owns(two, 2), 30)
        await asyncio.wait_for(_owns(one, 4), 30)


async def _owns(c, count):
    while len(c.assignment()) != count:
        await c.getmany(timeout_ms=100)


@looped
async def transactions():
    made = await topic()
    ident = name("x")
    first = AIOKafkaProducer(bootstrap_servers=BROKER, transactional_id=ident)
    await first.start()
    async with first.transaction():
        await first.send_and_wait(made, b"yes")
    await first.begin_transaction()
    await first.send_and_wait(made, b"no")
    await first.abort_transaction()
    second = AIOKafkaProducer(bootstrap_servers=BROKER, transactional_id=ident)
    await second.start()
    async with second.transaction():
        await second.send_and_wait(made, b"again")
    try:
        async with first.transaction():
            await first.send_and_wait(made, b"zombie")
        raise AssertionError("a fenced producer committed")
    except ProducerFenced:
        pass
    await second.stop()
    await first.stop()
    async with consumer(made, isolation_level="read_committed") as c:
        equal([(await c.getone()).value for _ in range(2)], [b"yes", b"again"], "committed")


@looped
async def admin_everyday():
    made, group = await topic(2), name("g")
    await fill(made, 4)
    a = AIOKafkaAdminClient(bootstrap_servers=BROKER)
    await a.start()
    assert made in await a.list_topics()
    await a.create_partitions({made: NewPartitions(3)})
    async with consumer(made, group_id=group) as c:
        await c.getone()
        await c.commit()
        assert group in [g[0] for g in await a.list_consumer_groups()]
        assert (await a.describe_consumer_groups([group]))[0]
    offsets = await a.list_consumer_group_offsets(group)
    assert offsets[TopicPartition(made, 0)].offset >= 1, offsets
    assert (await a.describe_cluster())["brokers"]
    await a.delete_topics([made])
    await a.close()
