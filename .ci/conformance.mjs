// .ci/conformance.mjs FOLDER: one line for each scenario that the suite ran, then the counts. Fails if any failed, or if
// fewer ran than there are: a suite that ran nothing proved nothing.
// A scenario without a single good check proved nothing either and counts as failed, unless it is one of those below that
// the suite itself skips as a whole.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const [folder] = process.argv.slice(2)
const stamp = /-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d+Z$/

/** How many scenarios each side has at each revision (requirements/REVISION.yaml): required and not scored. */
const SCENARIOS = {
  '2025-11-25-server': 30 + 3,
  '2025-11-25-client': 18 + 7,
  '2026-07-28-server': 37 + 13,
  '2026-07-28-client': 32 + 7,
}

/** What the suite skips as a whole, and why. */
const SKIPPED = {
  '2026-07-28-server': {
    'tasks-status-notifications': 'the suite still has to be rewritten for subscriptions/listen (SEP-2663), and says so',
  },
}

let passed = 0
let failed = 0
let skips = 0

/** The folders of runs, those of scenarios with a «/» in their names too. */
function runs(of, under = '') {
  return readdirSync(join(of, under), { withFileTypes: true }).filter(entry => entry.isDirectory()).flatMap(entry => {
    const name = join(under, entry.name)
    return existsSync(join(of, name, 'checks.json')) ? [name] : runs(of, name)
  })
}

/** Notes a failure that is no scenario's. */
function fault(told) {
  failed += 1
  console.log(`  FAILED  ${told}`)
}

for (const [side, least] of Object.entries(SCENARIOS)) {
  console.log(`\n${side}`)
  if (!existsSync(join(folder, side))) {
    fault('it did not run')
    continue
  }
  const ran = new Set()
  const mayBeSkipped = { ...SKIPPED[side] }
  for (const run of runs(join(folder, side)).sort()) {
    const checks = JSON.parse(readFileSync(join(folder, side, run, 'checks.json'), 'utf8'))
    const of = status => checks.filter(check => check.status === status)
    const [good, bad, warned, skipped] = ['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED'].map(of)
    const scenario = run.replace(stamp, '').replace(/^server-(?=.)/, '')
    ran.add(scenario)
    const proved = good.some(check => check.id !== 'wire-schema-valid')
    const why = proved ? undefined : mayBeSkipped[scenario]
    delete mayBeSkipped[scenario]
    const ok = bad.length === 0 && (proved || (why !== undefined && skipped.length > 0))
    if (!ok) failed += 1
    else if (proved) passed += 1
    else skips += 1
    const word = !ok ? 'FAILED ' : proved ? 'ok     ' : 'skipped'
    const notes = [warned.length && `${warned.length} warned`, skipped.length && `${skipped.length} skipped`]
    const told = why ? `: ${why}` : ''
    console.log(`  ${word} ${scenario} (${[`${good.length} checks`, ...notes.filter(Boolean)].join(', ')})${told}`)
    for (const check of [...bad, ...warned, ...(ok ? [] : skipped)]) {
      console.log(`          ${check.status.toLowerCase()} ${check.id}: ${check.errorMessage ?? check.description}`)
    }
  }
  for (const scenario of Object.keys(mayBeSkipped)) fault(`${scenario} is not in the suite any more: it need not be excused`)
  if (ran.size < least) fault(`${ran.size} scenarios ran, and there are ${least}`)
  // The suite's own verdict.
  const code = readFileSync(join(folder, side, 'exit-code'), 'utf8').trim()
  if (code !== '0' && failed === 0) fault(`the suite itself ended with ${code} after ${ran.size} scenarios`)
}
console.log(`\n${passed} passed, ${failed} failed, ${skips} skipped by the suite itself`)
process.exit(failed === 0 ? 0 : 1)
