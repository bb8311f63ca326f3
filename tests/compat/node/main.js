// Everyday paths of users of kafkajs and @platformatic/kafka: main.js HOST:PORT [REGEX].
import './node20.js'
import { run } from './check.js'
import './with-kafkajs.js'
import './with-kafkajs-admin.js'
import './with-platformatic.js'

await run()
