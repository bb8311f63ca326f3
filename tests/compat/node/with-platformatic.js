// @platformatic/kafka, which speaks new versions of the protocol.
import { Admin, Consumer, GroupProtocols, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { broker, equal, name, ok, rejects, test, until } from './check.js'

const base = { clientId: 'compat', bootstrapBrokers: [broker] }
const platformatic = (title, body) => test(`platformatic/${title}`, body)

async function using (client, body) {
  try {
    return await body(client)
  } finally {
    await (client instanceof Admin ? client.close() : client.close(true))
  }
}

const withAdmin = body => using(new Admin(base), body)

async function topic (partitions = 1) {
  const made = name('t')
  await withAdmin(a => a.createTopics({ topics: [made], partitions, replicas: 1 }))
  return made
}

const fill = (made, n, options = {}) => using(new Producer({ ...base, serializers: stringSerializers, ...options }), p =>
  p.send({ messages: Array.from({ length: n }, (_, i) => ({ topic: made, key: `${i}`, value: `v${i}`, headers: { h: '1' } })) }))

const consumer = (group, options = {}) => new Consumer({ ...base, groupId: group, deserializers: stringDeserializers, ...options })

async function take (c, made, n) {
  const stream = await c.consume({ topics: [made], mode: 'earliest', autocommit: true, sessionTimeout: 10000, heartbeatInterval: 500, maxWaitTime: 500 })
  const got = []
  stream.on('data', message => got.push(message))
  await until(`${n} messages`, () => got.length >= n)
  await stream.close()
  return got
}

for (const compression of ['none', 'gzip', 'lz4', 'snappy', 'zstd']) {
  if (compression === 'zstd' && Number(process.versions.node.split('.')[0]) < 22) continue
  platformatic(`codec-${compression}`, async () => {
    const made = await topic()
    try {
      await fill(made, 20, { compression })
    } catch (error) {
      if (error.code === 'PLT_KFK_UNSUPPORTED_COMPRESSION') return
      throw error
    }
    const got = await using(consumer(name('g')), c => take(c, made, 20))
    equal(got[19].value, 'v19')
  })
}

platformatic('idempotent', async () => {
  const made = await topic(2)
  await fill(made, 30, { idempotent: true })
  await using(consumer(name('g')), c => take(c, made, 30))
})

for (const [title, groupProtocol] of [['classic', 'classic'], ['next-gen', 'consumer']]) {
  platformatic(`group-${title}`, async () => {
    const [made, group] = [await topic(3), name('g')]
    await fill(made, 30)
    await using(consumer(group, { groupProtocol }), c => take(c, made, 30))
    await withAdmin(async a => {
      const offsets = await a.listConsumerGroupOffsets({ groups: [group] })
      const sum = offsets[0].topics.flatMap(t => t.partitions).reduce((all, p) => all + Number(p.committedOffset), 0)
      equal(sum, 30)
      await until('the group is deleted', async () => { try { await a.deleteGroups({ groups: [group] }); return true } catch { return false } })
    })
  })
}

platformatic('offsets', async () => {
  const made = await topic()
  await fill(made, 5)
  await using(consumer(name('g')), async c => {
    const end = await c.listOffsets({ topics: [made] })
    equal(end.get(made)[0], 5n)
  })
})

platformatic('transaction', async () => {
  const made = await topic()
  await using(new Producer({ ...base, serializers: stringSerializers, idempotent: true, transactionalId: name('x') }), async p => {
    const no = await p.beginTransaction()
    await no.send({ messages: [{ topic: made, value: 'no' }] })
    await no.abort()
    const yes = await p.beginTransaction()
    await yes.send({ messages: [{ topic: made, value: 'yes' }] })
    await yes.commit()
  })
  const got = await using(consumer(name('g'), { isolationLevel: 1 }), c => take(c, made, 1))
  equal(got[0].value, 'yes')
})

platformatic('admin', async () => {
  const made = await topic(2)
  await fill(made, 4)
  await withAdmin(async a => {
    ok((await a.listTopics()).includes(made))
    await a.createPartitions({ topics: [{ name: made, count: 3, assignments: [{ brokerIds: [1] }] }] })
    const meta = await a.metadata({ topics: [made], forceUpdate: true })
    ok(meta.id)
    const configs = await a.describeConfigs({ resources: [{ resourceType: 2, resourceName: made }] })
    ok(configs[0].configs.length > 20)
    await a.incrementalAlterConfigs({ resources: [{ resourceType: 2, resourceName: made, configs: [{ name: 'retention.ms', configOperation: 0, value: '5000' }] }] })
    const dirs = await a.describeLogDirs({ topics: [{ name: made, partitions: [0] }] })
    ok(dirs.length === 1)
    await a.deleteTopics({ topics: [made] })
    await rejects(a.deleteTopics({ topics: [made] }))
  })
})
