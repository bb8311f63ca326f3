// kafkajs's admin client.
import kafkajs from 'kafkajs'
import { deepEqual, equal, name, ok, rejects, test, until } from './check.js'
import { fill, kafka, topic, using } from './with-kafkajs.js'

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ConfigResourceTypes, ResourcePatternTypes } = kafkajs
const admin = (title, body) => test(`kafkajs-admin/${title}`, () => using(kafka({ retry: { retries: 2 } }).admin(), body))

admin('topics', async a => {
  const made = name('t')
  equal(await a.createTopics({ topics: [{ topic: made, numPartitions: 2, replicationFactor: 1 }] }), true)
  equal(await a.createTopics({ topics: [{ topic: made }] }), false)
  ok((await a.listTopics()).includes(made))
  await a.createPartitions({ topicPartitions: [{ topic: made, count: 4 }] })
  await until('four partitions', async () => (await a.fetchTopicMetadata({ topics: [made] })).topics[0].partitions.length === 4)
  await rejects(a.createPartitions({ topicPartitions: [{ topic: made, count: 2 }] }))
  await a.deleteTopics({ topics: [made] })
  await until('it is gone', async () => !(await a.listTopics()).includes(made))
  await rejects(a.deleteTopics({ topics: [made] }), /does not host this topic-partition/)
})

admin('topic-defaults', async a => {
  const made = name('t')
  await a.createTopics({ waitForLeaders: true, topics: [{ topic: made }] })
  equal((await a.fetchTopicMetadata({ topics: [made] })).topics[0].partitions.length, 4)
})

admin('topic-errors', async a => {
  await rejects(a.createTopics({ topics: [{ topic: 'no such/name' }] }))
  await rejects(a.createTopics({ topics: [{ topic: name('t'), replicationFactor: 7, numPartitions: 1 }] }))
  await rejects(a.fetchTopicMetadata({ topics: [name('none')] }), { type: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

admin('cluster', async a => {
  const got = await a.describeCluster()
  equal(got.brokers.length, 1)
  equal(got.controller, got.brokers[0].nodeId)
  ok(got.clusterId)
})

admin('topic-offsets', async a => {
  const made = await topic(2)
  const before = Date.now() - 60_000
  await fill(made, 2, 10)
  const byPartition = async () => (await a.fetchTopicOffsets(made)).sort((x, y) => x.partition - y.partition)
  const offsets = await byPartition()
  deepEqual(offsets.map(o => [o.high, o.low]), [['5', '0'], ['5', '0']])
  deepEqual((await a.fetchTopicOffsetsByTimestamp(made, before)).map(o => o.offset), ['0', '0'])
  await a.deleteTopicRecords({ topic: made, partitions: [{ partition: 0, offset: '3' }, { partition: 1, offset: '-1' }] })
  deepEqual((await byPartition()).map(o => o.low), ['3', '5'])
})

admin('group-offsets', async a => {
  const [made, groupId] = [await topic(2), name('g')]
  await fill(made, 2, 10)
  await a.setOffsets({ groupId, topic: made, partitions: [{ partition: 0, offset: '2' }, { partition: 1, offset: '3' }] })
  let got = await a.fetchOffsets({ groupId, topics: [made] })
  deepEqual(got[0].partitions.map(p => p.offset), ['2', '3'])
  await a.resetOffsets({ groupId, topic: made, earliest: true })
  got = await a.fetchOffsets({ groupId, topics: [made], resolveOffsets: true })
  deepEqual(got[0].partitions.map(p => p.offset), ['0', '0'])
  got = await a.fetchOffsets({ groupId: name('none'), topics: [made] })
  deepEqual(got[0].partitions.map(p => p.offset), ['-1', '-1'])
})

admin('groups', async a => {
  const [made, groupId] = [await topic(), name('g')]
  await fill(made, 1, 3)
  let count = 0
  await using(kafka().consumer({ groupId }), async c => {
    await c.subscribe({ topic: made, fromBeginning: true })
    await c.run({ eachMessage: async () => { count++ } })
    await until('all messages', () => count === 3)
    const listed = await a.listGroups()
    equal(listed.groups.find(g => g.groupId === groupId).protocolType, 'consumer')
    const { groups } = await a.describeGroups([groupId])
    equal(groups[0].state, 'Stable')
    equal(groups[0].protocol, 'RoundRobinAssigner')
    equal(groups[0].members[0].clientId, 'compat')
    equal(groups[0].members[0].clientHost, '/127.0.0.1')
    await rejects(a.deleteGroups([groupId]))
  })
  const gone = await a.deleteGroups([groupId])
  equal(gone[0].errorCode, 0)
  const { groups } = await a.describeGroups([groupId])
  equal(groups[0].state, 'Dead')
})

admin('configs', async a => {
  const made = await topic(1, { 'retention.ms': '100000' })
  const value = async () => {
    const got = await a.describeConfigs({ includeSynonyms: true, resources: [{ type: ConfigResourceTypes.TOPIC, name: made, configNames: ['retention.ms'] }] })
    return got.resources[0].configEntries[0]
  }
  equal((await value()).configValue, '100000')
  ok((await value()).configSynonyms.length >= 1)
  await a.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: made, configEntries: [{ name: 'retention.ms', value: '200000' }] }] })
  await until('the new value', async () => (await value()).configValue === '200000')
  const all = await a.describeConfigs({ resources: [{ type: ConfigResourceTypes.BROKER, name: '1' }] })
  ok(all.resources[0].configEntries.length > 100)
})

admin('acls', async a => {
  const made = name('t')
  const acl = { resourceType: AclResourceTypes.TOPIC, resourceName: made, resourcePatternType: ResourcePatternTypes.LITERAL, principal: `User:${made}`, host: '*', operation: AclOperationTypes.ALL, permissionType: AclPermissionTypes.ALLOW }
  equal(await a.createAcls({ acl: [acl] }), true)
  const filter = { resourceType: AclResourceTypes.TOPIC, resourceName: made, resourcePatternType: ResourcePatternTypes.ANY, operation: AclOperationTypes.ANY, permissionType: AclPermissionTypes.ANY }
  await until('it is there', async () => (await a.describeAcls(filter)).resources.length === 1)
  const { filterResponses } = await a.deleteAcls({ filters: [filter] })
  equal(filterResponses[0].matchingAcls.length, 1)
})

admin('reassignments', async a => {
  const made = await topic()
  await a.alterPartitionReassignments({ topics: [{ topic: made, partitionAssignment: [{ partition: 0, replicas: [1] }] }] })
  const { topics } = await a.listPartitionReassignments({ topics: [{ topic: made, partitions: [0] }] })
  equal(topics.length, 0)
})
