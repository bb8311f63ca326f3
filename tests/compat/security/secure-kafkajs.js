// kafkajs: secure-kafkajs.js HOST:PORT [REGEX]. It is run from a folder that has kafkajs and the suite node's check.js.
import { readFileSync } from 'node:fs'
import kafkajs from 'kafkajs'
import { name, rejects, run, test, until } from './check.js'

const known = JSON.parse(readFileSync(process.env.KT_COMPAT_SECURITY))
const pem = path => readFileSync(path, 'utf8')

function unsecuredToken (user) {
  const part = value => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  return `${part({ alg: 'none' })}.${part({ sub: user, iat: now, exp: now + 600 })}.`
}

function client (way) {
  const options = { brokers: [way.address], clientId: 'sec', logLevel: 0, retry: { retries: way.wrong ? 0 : 5 } }
  if (way.listener.endsWith('SSL')) {
    options.ssl = way.untrusted ? {} : { ca: [pem(known.ca)] }
    if (way.certificate) Object.assign(options.ssl, { cert: pem(known.client), key: pem(known.client) })
  }
  if (way.mechanism === 'OAUTHBEARER') {
    options.sasl = { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: unsecuredToken(way.user) }) }
  } else if (way.mechanism) {
    options.sasl = { mechanism: way.mechanism.toLowerCase(), username: way.user, password: way.password }
  }
  return new kafkajs.Kafka(options)
}

const way = (listener, mechanism, changes) => ({ ...known.ways.find(w => w.listener === listener && w.mechanism === mechanism), ...changes })

for (const w of known.ways) {
  test(`kafkajs/${w.name}`, async () => {
    const value = name('v')
    const producer = client(w).producer()
    await producer.connect()
    await producer.send({ topic: known.topic, messages: [{ value }] })
    await producer.disconnect()
    const consumer = client(w).consumer({ groupId: `sec-${value}` })
    const got = []
    await consumer.connect()
    await consumer.subscribe({ topics: [known.topic], fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => { got.push(message.value.toString()) } })
    await until('the record', () => got.includes(value))
    await consumer.disconnect()
  })
}

const refused = (title, w, error) => test(`kafkajs/${title}`, () => rejects(client({ ...w, wrong: true }).producer().connect(), error))
for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
  refused(`wrong-password-${mechanism.toLowerCase()}`, way('SASL_SSL', mechanism, { password: 'guessed' }), { name: 'KafkaJSSASLAuthenticationError' })
}
refused('no-such-user', way('SASL_SSL', 'SCRAM-SHA-512', { user: 'nobody' }), { name: 'KafkaJSSASLAuthenticationError' })
refused('unknown-authority', way('SSL', '', { untrusted: true }), /certificate/)

test('kafkajs/no-rights', async () => {
  const mallory = client(way('SASL_SSL', 'PLAIN', { user: 'mallory', password: 'mallory-secret', wrong: true }))
  const producer = mallory.producer()
  await producer.connect()
  await rejects(producer.send({ topic: known.topic, messages: [{ value: 'x' }] }), /Topic authorization failed/)
  await producer.disconnect()
  const consumer = mallory.consumer({ groupId: 'sec-mallory' })
  await consumer.connect()
  await rejects(consumer.subscribe({ topics: [known.topic] }), /Topic authorization failed/)
  await consumer.disconnect()
})

await run()
