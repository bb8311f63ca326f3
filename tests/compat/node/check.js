// Runs the tests of the Node suite: a line a test, a time limit each, several at once.
import assert from 'node:assert/strict'

const LIMIT = 60_000
const tests = []
const stamp = Date.now() % 100_000_000
let numbers = 0

export const broker = process.argv[2]
export const { equal, deepEqual, rejects, ok } = assert

// A client that throws where nobody catches must not hide the other tests' verdicts.
process.on('uncaughtException', error => console.error(error))
process.on('unhandledRejection', error => console.error(error))

export const test = (title, body) => tests.push({ title, body })
export const name = kind => `js-${kind}-${stamp}-${++numbers}`
export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

/** Waits until a condition holds, and returns what it gave. */
export async function until (what, holds, seconds = 30) {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const got = await holds()
    if (got) return got
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`)
    await sleep(50)
  }
}

async function one ({ title, body }) {
  let timer
  const late = new Promise((resolve, reject) => { timer = setTimeout(() => reject(new Error('took more than a minute')), LIMIT) })
  try {
    await Promise.race([body(), late])
    return `PASS ${title}`
  } catch (error) {
    const line = /with-[a-z-]+\.js:\d+/.exec(error.stack ?? '')?.[0] ?? ''
    const inner = (error.errors ?? error.response?.errors ?? []).map(e => e.message).join('; ')
    return `FAIL ${title} ${line} ${error.name}: ${error.message} ${inner}`.replace(/\s+/g, ' ').slice(0, 300)
  } finally {
    clearTimeout(timer)
  }
}

export async function run () {
  const pick = new RegExp(process.argv[3] ?? '.')
  const waiting = tests.filter(t => pick.test(t.title))
  let failed = false
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const line = await one(next)
      console.log(line)
      failed ||= line.startsWith('FAIL')
    }
  }
  await Promise.all(Array.from({ length: 5 }, worker))
  process.exit(failed ? 1 : 0) // what tests left open does not count
}
