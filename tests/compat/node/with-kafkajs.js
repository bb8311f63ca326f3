// kafkajs: producers, consumers, groups, transactions.
import kafkajs from 'kafkajs'
import { broker, deepEqual, equal, name, ok, rejects, sleep, test, until } from './check.js'

const { Kafka, CompressionTypes, PartitionAssigners } = kafkajs

export const kafka = (options = {}) => new Kafka({ brokers: [broker], clientId: 'compat', logLevel: 0, ...options })

/** Connects a client, and disconnects it at the end. */
export async function using (client, body) {
  await client.connect()
  try {
    return await body(client)
  } finally {
    await client.disconnect()
  }
}

export async function topic (numPartitions = 1, configs = {}) {
  const made = name('t')
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  await using(kafka().admin(), a => a.createTopics({ waitForLeaders: true, topics: [{ topic: made, numPartitions, replicationFactor: 1, configEntries }] }))
  return made
}

/** Sends n messages, the i-th (its value is i) to partition i % partitions. */
export const fill = (made, partitions, n) => using(kafka().producer(), p => p.send({
  topic: made,
  messages: Array.from({ length: n }, (_, i) => ({ key: `k${i}`, value: `${i}`, partition: i % partitions })),
}))

/** Consumes until n messages came; each is { topic, partition, message }. */
async function take (made, n, { group = name('g'), ...options } = {}) {
  const consumer = kafka().consumer({ groupId: group, heartbeatInterval: 300, ...options })
  const got = []
  await using(consumer, async c => {
    await c.subscribe({ topics: [made], fromBeginning: true })
    await c.run({ eachMessage: async m => { got.push(m) } })
    await until(`${n} messages`, () => got.length >= n)
  })
  return got
}

for (const [title, compression] of [['none', CompressionTypes.None], ['gzip', CompressionTypes.GZIP]]) {
  test(`kafkajs/codec-${title}`, async () => {
    const made = await topic()
    await using(kafka().producer(), async p => {
      const sent = await p.send({ topic: made, compression, messages: [{ key: 'k', value: 'x'.repeat(2000), headers: { a: '1', b: ['2', '3'] }, timestamp: '1700000000000' }, { key: null, value: null }] })
      equal(sent[0].errorCode, 0)
      equal(sent[0].baseOffset, '0')
    })
    const got = await take(made, 2)
    equal(got[0].message.value.toString(), 'x'.repeat(2000))
    equal(got[0].message.timestamp, '1700000000000')
    equal(got[0].message.headers.a.toString(), '1')
    equal(got[1].message.value, null)
  })
}

test('kafkajs/send-batch', async () => {
  const [one, two] = [await topic(2), await topic()]
  await using(kafka().producer(), p => p.sendBatch({ acks: 1, topicMessages: [{ topic: one, messages: [{ value: 'a' }, { value: 'b' }] }, { topic: two, messages: [{ value: 'c' }] }] }))
  equal((await take(one, 2)).length, 2)
  equal((await take(two, 1))[0].message.value.toString(), 'c')
})

test('kafkajs/no-acks', async () => {
  const made = await topic()
  await using(kafka().producer(), p => p.send({ topic: made, acks: 0, messages: [{ value: 'v' }] }))
  await take(made, 1)
})

test('kafkajs/idempotent', async () => {
  const made = await topic()
  await using(kafka().producer({ idempotent: true, maxInFlightRequests: 1 }), async p => {
    for (let i = 0; i < 20; i++) await p.send({ topic: made, messages: [{ value: `${i}` }, { value: `${i}` }] })
  })
  equal((await take(made, 40))[39].message.offset, '39')
})

test('kafkajs/auto-create', async () => {
  const made = name('auto')
  await using(kafka().producer(), p => p.send({ topic: made, messages: [{ value: 'v' }] }))
  const meta = await using(kafka().admin(), a => a.fetchTopicMetadata({ topics: [made] }))
  equal(meta.topics[0].partitions.length, 4)
})

test('kafkajs/unknown-topic', async () => {
  await using(kafka({ retry: { retries: 1 } }).producer({ allowAutoTopicCreation: false }), p =>
    rejects(p.send({ topic: name('none'), messages: [{ value: 'v' }] }), /does not host this topic-partition/))
})

test('kafkajs/too-large', async () => {
  const made = await topic(1, { 'max.message.bytes': '500' })
  await using(kafka({ retry: { retries: 1 } }).producer(), p =>
    rejects(p.send({ topic: made, messages: [{ value: 'x'.repeat(2000) }] }), { type: 'MESSAGE_TOO_LARGE' }))
})

test('kafkajs/each-batch', async () => {
  const [made, group] = [await topic(2), name('g')]
  await fill(made, 2, 100)
  const seen = new Set()
  await using(kafka().consumer({ groupId: group }), async c => {
    await c.subscribe({ topic: made, fromBeginning: true })
    await c.run({
      autoCommitThreshold: 10,
      eachBatch: async ({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale }) => {
        for (const message of batch.messages) {
          if (!isRunning() || isStale()) break
          seen.add(`${batch.partition}/${message.offset}`)
          resolveOffset(message.offset)
          await heartbeat()
        }
        await commitOffsetsIfNecessary()
      },
    })
    await until('all messages', () => seen.size === 100)
  })
  const offsets = await using(kafka().admin(), a => a.fetchOffsets({ groupId: group, topics: [made] }))
  equal(offsets[0].partitions.reduce((sum, p) => sum + Number(p.offset), 0), 100)
})

test('kafkajs/commit-and-return', async () => {
  const [made, group] = [await topic(), name('g')]
  await fill(made, 1, 10)
  await using(kafka().consumer({ groupId: group }), async c => {
    let count = 0
    await c.subscribe({ topic: made, fromBeginning: true })
    await c.run({ autoCommit: false, eachMessage: async () => { count++ } })
    await until('all messages', () => count === 10)
    await c.commitOffsets([{ topic: made, partition: 0, offset: '4', metadata: 'note' }])
  })
  equal((await take(made, 6, { group }))[0].message.offset, '4')
})

test('kafkajs/seek', async () => {
  const made = await topic()
  await fill(made, 1, 10)
  const got = []
  await using(kafka().consumer({ groupId: name('g') }), async c => {
    await c.subscribe({ topic: made, fromBeginning: true })
    await c.run({ eachMessage: async ({ message }) => { got.push(message.offset) } })
    await until('all messages', () => got.length === 10)
    c.seek({ topic: made, partition: 0, offset: '7' })
    await until('the last three again', () => got.length >= 13)
  })
  deepEqual(got.slice(10), ['7', '8', '9'])
})

test('kafkajs/pause-and-resume', async () => {
  const made = await topic(2)
  const got = []
  await using(kafka().consumer({ groupId: name('g'), maxWaitTimeInMs: 200 }), async c => {
    await c.subscribe({ topic: made, fromBeginning: true })
    await c.run({ eachMessage: async ({ partition }) => { got.push(partition) } })
    await fill(made, 2, 4)
    await until('all messages', () => got.length === 4)
    c.pause([{ topic: made, partitions: [1] }])
    await fill(made, 2, 4)
    await until('those of the other partition', () => got.length === 6)
    await sleep(500)
    deepEqual(got.slice(4), [0, 0])
    c.resume([{ topic: made, partitions: [1] }])
    await until('the rest', () => got.length === 8)
  })
})

for (const [title, assigner] of [['roundrobin', PartitionAssigners.roundRobin]]) {
  test(`kafkajs/group-of-two-${title}`, async () => {
    const [made, group] = [await topic(4), name('g')]
    const owned = new Map()
    const member = async id => {
      const c = kafka().consumer({ groupId: group, partitionAssigners: [assigner], heartbeatInterval: 300, rebalanceTimeout: 10000 })
      c.on(c.events.GROUP_JOIN, e => owned.set(id, (e.payload.memberAssignment[made] ?? []).length))
      await c.connect()
      await c.subscribe({ topic: made, fromBeginning: true })
      await c.run({ eachMessage: async () => {} })
      return c
    }
    const one = await member('one')
    await until('the first owns all', () => owned.get('one') === 4)
    const two = await member('two')
    await until('each owns two', () => owned.get('one') === 2 && owned.get('two') === 2)
    await two.disconnect()
    await until('the first owns all again', () => owned.get('one') === 4)
    await one.disconnect()
  })
}

test('kafkajs/pattern-subscription', async () => {
  const made = await topic()
  await fill(made, 1, 3)
  const got = []
  await using(kafka().consumer({ groupId: name('g') }), async c => {
    await c.subscribe({ topic: new RegExp(`^${made}$`), fromBeginning: true })
    await c.run({ eachMessage: async m => { got.push(m) } })
    await until('all messages', () => got.length === 3)
  })
})

test('kafkajs/transaction-commit-abort', async () => {
  const made = await topic(2)
  await using(kafka().producer({ transactionalId: name('x'), maxInFlightRequests: 1, idempotent: true }), async p => {
    const no = await p.transaction()
    await no.send({ topic: made, messages: [{ value: 'no', partition: 0 }] })
    await no.abort()
    for (let i = 0; i < 3; i++) {
      const yes = await p.transaction()
      await yes.send({ topic: made, messages: [{ value: 'yes', partition: 0 }, { value: 'yes', partition: 1 }] })
      await yes.commit()
    }
  })
  const got = await take(made, 6, { readUncommitted: false })
  deepEqual(got.map(m => m.message.value.toString()), Array(6).fill('yes'))
  equal((await take(made, 7, { readUncommitted: true })).length, 7)
})

test('kafkajs/transaction-offsets', async () => {
  const [from, to, group] = [await topic(), await topic(), name('g')]
  await fill(from, 1, 10)
  await using(kafka().producer({ transactionalId: name('x'), maxInFlightRequests: 1, idempotent: true }), async p => {
    const txn = await p.transaction()
    await txn.send({ topic: to, messages: [{ value: 'copy' }] })
    await txn.sendOffsets({ consumerGroupId: group, topics: [{ topic: from, partitions: [{ partition: 0, offset: '10' }] }] })
    await txn.commit()
  })
  await using(kafka().admin(), a => until('the offset', async () =>
    (await a.fetchOffsets({ groupId: group, topics: [from] }))[0].partitions[0].offset === '10'))
  await take(to, 1)
})

test('kafkajs/fenced-producer', async () => {
  const [made, transactionalId] = [await topic(), name('x')]
  const options = { transactionalId, maxInFlightRequests: 1, idempotent: true }
  await using(kafka({ retry: { retries: 1 } }).producer(options), async first => {
    const old = await first.transaction()
    await old.send({ topic: made, messages: [{ value: 'zombie' }] })
    await using(kafka().producer(options), async second => {
      const txn = await second.transaction()
      await txn.send({ topic: made, messages: [{ value: 'heir' }] })
      await txn.commit()
    })
    await rejects(old.commit())
  })
  equal((await take(made, 1))[0].message.value.toString(), 'heir')
})

test('kafkajs/stop-and-run-again', async () => {
  const made = await topic()
  await fill(made, 1, 5)
  let count = 0
  await using(kafka().consumer({ groupId: name('g') }), async c => {
    await c.subscribe({ topic: made, fromBeginning: true })
    await c.run({ eachMessage: async () => { count++ } })
    await until('all messages', () => count === 5)
    await c.stop()
    await fill(made, 1, 5)
    await c.run({ eachMessage: async () => { count++ } })
    await until('the new ones', () => count === 10)
    const described = await c.describeGroup()
    equal(described.state, 'Stable')
  })
  ok(count === 10)
})
