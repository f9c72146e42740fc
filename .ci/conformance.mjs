// .ci/conformance.mjs FOLDER: one line for each scenario that the suite ran, then the counts. Fails if any failed.
// A scenario without a single good check proved nothing and counts as failed, unless the suite skipped all of it.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const [folder] = process.argv.slice(2)
const stamp = /-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d+Z$/
let passed = 0
let failed = 0

/** The folders of runs, those of scenarios with a «/» in their names too. */
function runs(of, under = '') {
  return readdirSync(join(of, under), { withFileTypes: true }).filter(entry => entry.isDirectory()).flatMap(entry => {
    const name = join(under, entry.name)
    return existsSync(join(of, name, 'checks.json')) ? [name] : runs(of, name)
  })
}

for (const side of readdirSync(folder).sort()) {
  console.log(`\n${side}`)
  let ran = 0
  for (const run of runs(join(folder, side)).sort()) {
    ran += 1
    const checks = JSON.parse(readFileSync(join(folder, side, run, 'checks.json'), 'utf8'))
    const of = status => checks.filter(check => check.status === status)
    const [good, bad, warned, skipped] = ['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED'].map(of)
    const onlyWire = good.every(check => check.id === 'wire-schema-valid')
    const ok = bad.length === 0 && (!onlyWire || skipped.length > 0)
    const scenario = run.replace(stamp, '').replace(/^server-(?=.)/, '')
    if (ok) passed += 1
    else failed += 1
    const word = !ok ? 'FAILED ' : onlyWire ? 'skipped' : 'ok     '
    const notes = [warned.length && `${warned.length} warned`, skipped.length && `${skipped.length} skipped`]
    console.log(`  ${word} ${scenario} (${[`${good.length} checks`, ...notes.filter(Boolean)].join(', ')})`)
    for (const check of [...bad, ...warned]) {
      console.log(`          ${check.status.toLowerCase()} ${check.id}: ${check.errorMessage ?? check.description}`)
    }
  }
  // The suite's own verdict.
  const code = readFileSync(join(folder, side, 'exit-code'), 'utf8').trim()
  if (ran === 0 || (code !== '0' && failed === 0)) {
    failed += 1
    console.log(`  FAILED  the suite itself ended with ${code} after ${ran} scenarios`)
  }
}
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
