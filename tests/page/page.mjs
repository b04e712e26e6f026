// The SOS page in a real Chromium, against a real server that is killed now and then.
//
//   cd tests/page && npm ci
//   node page.mjs ../../target/debug/fifteen [NAME...]     all scenarios, or those whose names hold one of these
//   CUTS=1000 node page.mjs ../../target/debug/fifteen cuts
//
// Pictures are left in ../../target/page. Needs Chromium (CHROMIUM, or /usr/bin/chromium).
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const FIFTEEN = process.argv[2]
const WANTED = process.argv.slice(3)
const CUTS = Number(process.env.CUTS || 24)
const ROOT = join(import.meta.dirname, '../..')
const PICTURES = join(ROOT, 'target/page')
const LAHORE = { latitude: 31.5497, longitude: 74.3436, accuracy: 14 }

const freePort = () => new Promise(done => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    server.close(() => done(port))
  })
})

/** A room of its own, whose server can be killed and comes back where it was. */
class Room {
  static async open(change = rules => rules) {
    const room = new Room()
    room.folder = mkdtempSync(join(tmpdir(), 'fifteen-page-'))
    room.port = await freePort()
    const rules = readFileSync(join(ROOT, 'dispatch.toml'), 'utf8')
      .replace('# listen = "127.0.0.1:7117"', `listen = "127.0.0.1:${room.port}"`)
      .replace('# sos = true ', 'sos = true ')
      .replace('# district = "Lahore"', 'district = "Kasur"')
      .replace('every = "5m"', 'every = "0s"')
    writeFileSync(join(room.folder, 'dispatch.toml'), change(rules))
    room.url = `http://127.0.0.1:${room.port}/`
    await room.start()
    return room
  }
  async start() {
    const args = ['serve', '--config', join(this.folder, 'dispatch.toml'), '--data', join(this.folder, 'data'), '--listen', '127.0.0.1:0']
    this.server = spawn(FIFTEEN, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    this.address = await new Promise((done, failed) => {
      let said = ''
      this.server.stdout.on('data', part => {
        said += part
        if (said.includes('\n')) done(said.split('\n')[0].replace('ready ', ''))
      })
      this.server.on('exit', () => failed(new Error('the server ended')))
    })
  }
  async kill() {
    const ended = new Promise(done => this.server.once('exit', done))
    this.server.kill('SIGKILL')
    await ended
  }
  async restart() { await this.kill(); await this.start() }
  says(...args) { return execFileSync(FIFTEEN, [...args, '--connect', this.address], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }) }
  calls() { const said = JSON.parse(this.says('calls', '--json', '--limit', '1000')); return said.calls ?? said }
  show(call) { return JSON.parse(this.says('show', String(call), '--json')) }
  async close() { await this.kill(); rmSync(this.folder, { recursive: true }) }
}

/** Her phone: its own storage, an Urdu page, a position. */
async function phone(browser, room, { where = LAHORE, own = {} } = {}) {
  const context = await browser.newContext({ viewport: { width: 360, height: 640 }, deviceScaleFactor: 2, geolocation: where ?? undefined, permissions: where ? ['geolocation'] : [], serviceWorkers: 'block' })
  const page = await context.newPage()
  const wrong = []
  page.on('pageerror', error => wrong.push(String(error)))
  page.on('console', said => { if (said.type() == 'error' && /Content Security Policy|SyntaxError/.test(said.text())) wrong.push(said.text()) })
  await page.goto(room.url)
  if (Object.keys(own).length) await page.evaluate(own => { localStorage.setItem('own', JSON.stringify({ ...JSON.parse(localStorage.getItem('own')), ...own })) }, own)
  await page.reload()
  return { context, page, wrong }
}

async function hold(page) {
  const box = await page.locator('#press').boundingBox()
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await page.mouse.down()
  await page.waitForTimeout(1050)
  await page.mouse.up()
}
const stands = (page, state, timeout = 20000) => page.waitForSelector(`#state[data-state=${state}]`, { timeout })
const picture = (page, name) => page.screenshot({ path: join(PICTURES, name + '.png'), fullPage: true })
const soon = async (what, found, ms = 20000) => {
  for (const until = Date.now() + ms; ;) {
    const it = await found()
    if (it) return it
    assert.ok(Date.now() < until, `never: ${what}`)
    await new Promise(go => setTimeout(go, 50))
  }
}
/** Where everything on the page stands and how it looks. Not its pixels: Chromium draws one and the same page now and then half a pixel lower. */
const look = page => page.evaluate(() => [...document.querySelectorAll('body *')].map(part => {
  const { x, y, width, height } = part.getBoundingClientRect(), style = getComputedStyle(part)
  return [part.tagName, part.id, x, y, width, height, style.color, style.backgroundColor, style.borderColor, style.opacity, style.visibility, style.font, style.transform].join(' ')
}))
async function pins(page, own, duress) {
  await page.locator('#own summary').click()
  await page.fill('#pin_own', own)
  await page.fill('#pin_duress', duress)
  await page.click('#keep')
  await page.waitForFunction(() => JSON.parse(localStorage.getItem('own')).duress)
  await page.locator('#own summary').click()
}

/** The screen, part for part, and the link, byte for byte, after one PIN and after the other. */
async function sameForBothPins(browser, room, { state, begin }) {
  const seen = []
  for (const pin of ['1111', '2222']) {
    const { page, context } = await phone(browser, room, { own: { lang: 'en', number: '0300 5550123' } })
    await pins(page, '1111', '2222')
    await begin(page)
    await soon('a position', async () => (await page.locator('#state small').textContent()).includes('14 m'))
    const link = []
    const session = await context.newCDPSession(page)
    await session.send('Network.enable')
    const sizes = {}
    session.on('Network.requestWillBeSent', ({ requestId, request }) => {
      if (request.url.includes('/cancel')) sizes[requestId] = [request.method, request.postData.length, Object.keys(request.headers).sort().join()]
    })
    session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => { if (sizes[requestId]) link.push([...sizes[requestId], encodedDataLength]) })
    await page.fill('#pin', '9999')
    await page.click('#back button')
    await soon('that it is wrong', async () => await page.locator('#bad').textContent())
    await page.fill('#pin', pin)
    await page.click('#back button')
    await stands(page, state)
    await page.waitForTimeout(500)
    const dom = (await page.content()).replace(/<script>[^]*<\/script>/, '')
    seen.push({ dom, link, look: await look(page) })
    await picture(page, `${state}-en-${pin}`)
    await context.close()
  }
  assert.equal(seen[0].dom, seen[1].dom)
  assert.deepEqual(seen[0].link, seen[1].link)
  assert.equal(seen[0].link.length, 2)
  assert.deepEqual(seen[0].look, seen[1].look)
  assert.ok(seen[0].look.length > 30)
}

const scenarios = {
  async 'a press is taken, followed and heard of'(browser, room) {
    const { page, context, wrong } = await phone(browser, room)
    await picture(page, 'ready-ur')
    const order = []
    page.on('request', request => { if (request.url().includes('/v1/')) order.push(request.url().replace(/.*\/v1\//, '').replace(/[0-9a-f-]{36}/, 'ID')) })
    await hold(page)
    await stands(page, 'taken')
    const [call] = room.calls()
    assert.equal(call.flags.sos, true)
    const { place } = await soon('her place', () => { const shown = room.show(call.call); return shown.place?.lat && shown })
    assert.ok(Math.abs(place.lat - LAHORE.latitude) < 1e-6, JSON.stringify(place))
    assert.equal(order[0], 'sos', 'the press is the first packet: ' + order)
    assert.ok(order.includes('sos/ID/events') && order.includes('sos/ID/trail'), String(order))
    await context.setGeolocation({ ...LAHORE, latitude: 31.56 })
    await page.waitForTimeout(5200)
    await context.setGeolocation({ ...LAHORE, latitude: 31.57 })
    await soon('that she moved', () => room.show(call.call).place.lat > 31.565)
    room.says('op', 'ack', String(call.call), 'KSR-1')
    await stands(page, 'acknowledged')
    room.says('op', 'enroute', String(call.call), 'KSR-1')
    await stands(page, 'en_route')
    await picture(page, 'en-route-ur')
    room.says('op', 'onscene', String(call.call), 'KSR-1')
    await stands(page, 'on_scene')
    room.says('op', 'close', String(call.call), 'helped')
    await stands(page, 'closed')
    assert.deepEqual(wrong, [])
  },

  async 'in a flood her press is taken at once, and her phone works its way back in front'(browser) {
    const room = await Room.open(rules => rules.replace('flood_per_second = 20 ', 'flood_per_second = 1 '))
    try {
      const others = Array.from({ length: 12 }, () => fetch(room.url + 'v1/sos', { method: 'POST', body: JSON.stringify({ key: crypto.randomUUID() }) }))
      for (const answer of await Promise.all(others)) assert.equal(answer.status, 201)
      const { page, wrong } = await phone(browser, room, { own: { number: '0300 5550123' } })
      await hold(page)
      await stands(page, 'taken')
      const hers = await soon('her call', () => room.calls().find(call => call.call == 13))
      await soon('that it is in front', () => room.calls().find(call => call.call == hers.call).priority == 1)
      assert.ok(room.calls().some(call => call.priority == 2), 'the others stand behind')
      const told = room.show(hers.call).timeline.map(line => line.text).join('; ')
      assert.match(told, /priority 2.*no flood.*priority 1/)
      assert.deepEqual(wrong, [])
    } finally { await room.close() }
  },

  async 'an answer whose body never comes whole holds nothing up'(browser, room) {
    const pass = async (asked, answering) => {
      const parts = []
      for await (const part of asked) parts.push(part)
      const onwards = await fetch(room.url.slice(0, -1) + asked.url, { method: asked.method, body: asked.method == 'POST' ? Buffer.concat(parts) : undefined })
      answering.writeHead(onwards.status, { 'content-type': onwards.headers.get('content-type') ?? 'text/plain' })
      if (asked.url == '/v1/sos') return answering.write('{"id"')
      for await (const part of onwards.body) answering.write(part)
      answering.end()
    }
    const port = await freePort()
    const between = createHttp((asked, answering) => { pass(asked, answering).catch(() => answering.destroy()) }).listen(port, '127.0.0.1')
    try {
      // Without a position nothing else draws the page.
      const { page, wrong } = await phone(browser, { url: `http://127.0.0.1:${port}/` }, { where: null })
      await hold(page)
      await stands(page, 'taken', 5000)
      room.says('op', 'ack', String(room.calls()[0].call), 'KSR-1')
      await stands(page, 'acknowledged')
      assert.deepEqual(wrong, [])
    } finally { between.close(); between.closeAllConnections() }
  },

  async 'a place is rated, and once'(browser, room) {
    const { page, wrong } = await phone(browser, room)
    await page.locator('#rate summary').click()
    await page.click('#rate [data-r=unsafe]')
    await soon('that it is kept', async () => (await page.locator('#rated').textContent()).length > 5)
    assert.equal(await page.locator('#rated').textContent(), 'محفوظ کر لیا گیا، آپ کی شناخت کے بغیر۔')
    await picture(page, 'rated-ur')
    assert.equal(room.calls().length, 0, 'it is no call')
    assert.deepEqual(wrong, [])
  },

  async 'another press of the same phone joins its call and goes on telling where she is'(browser, room) {
    const { page, context } = await phone(browser, room)
    await hold(page)
    await stands(page, 'taken')
    await soon('her place', () => room.show(room.calls()[0].call).place?.lat)
    // A phone that forgot its press, and not who it is.
    await page.evaluate(async () => { (await store).transaction('press', 'readwrite').objectStore('press').delete('now') })
    await page.waitForTimeout(1100)
    await context.setGeolocation({ ...LAHORE, latitude: 31.6 })
    await page.reload()
    await stands(page, 'ready')
    await hold(page)
    await stands(page, 'taken')
    const [call, ...others] = room.calls()
    assert.deepEqual(others, [])
    await soon('where she is since', () => room.show(call.call).place.lat == 31.6)
  },

  async 'nothing waits for a position'(browser, room) {
    const { page } = await phone(browser, room, { where: null })
    await page.evaluate(() => {
      window.sent = null
      const before = window.fetch
      window.fetch = (...all) => { window.sent ??= performance.now(); return before(...all) }
      document.querySelector('#press').addEventListener('pointerdown', () => { window.down = performance.now() }, true)
    })
    await hold(page)
    await stands(page, 'taken')
    const ms = await page.evaluate(() => window.sent - window.down - 1000)
    console.log(`    the packet left ${ms.toFixed(1)} ms after the second was over`)
    assert.equal(room.calls().length, 1)
  },

  async 'offline, and then the network is back'(browser, room) {
    const { page, context } = await phone(browser, room, { where: null, own: { lang: 'en' } })
    await context.setOffline(true)
    await hold(page)
    await stands(page, 'unsent')
    assert.equal(await page.locator('#tel').getAttribute('href'), 'tel:15')
    assert.match(await page.locator('#sms').getAttribute('href'), /^sms:15\?body=SOS/)
    await picture(page, 'unsent-en')
    assert.equal(room.calls().length, 0)
    await context.setOffline(false)
    await stands(page, 'taken')
    assert.equal(room.calls().length, 1)
  },

  async 'the page is closed while it sends'(browser, room) {
    const { page, context } = await phone(browser, room, { where: null })
    await context.setOffline(true)
    await hold(page)
    await stands(page, 'sending')
    await page.close()
    await context.setOffline(false)
    const again = await context.newPage()
    await again.goto(room.url)
    await stands(again, 'taken')
    assert.equal(room.calls().length, 1)
    await again.reload()
    await stands(again, 'taken')
    assert.equal(room.calls().length, 1)
  },

  async 'the page opens without a network'(browser, room) {
    const context = await browser.newContext({ viewport: { width: 360, height: 640 } })
    const page = await context.newPage()
    await page.goto(room.url)
    await page.evaluate(() => navigator.serviceWorker.ready)
    await soon('that it is kept', () => page.evaluate(async () => !!await caches.match('/')))
    await room.kill()
    await page.reload()
    await stands(page, 'ready')
    await hold(page)
    await stands(page, 'unsent')
    await room.start()
    await stands(page, 'taken', 40000)
    assert.equal(room.calls().length, 1)
  },

  async 'taken back, and under duress: her screen and her link show the same'(browser, room) {
    await sameForBothPins(browser, room, { state: 'cancelled', begin: async page => { await hold(page); await stands(page, 'taken') } })
    const flags = room.calls().map(call => call.flags)
    assert.deepEqual(flags.map(flags => [!!flags.cancelled, !!flags.duress]).sort(), [[false, true], [true, false]])
  },

  async 'a safety timer asks her, is stopped, and is a call when nobody answers'(browser, room) {
    const { page, context, wrong } = await phone(browser, room, { own: { lang: 'en', number: '0300 5550123' } })
    await page.click('#timer button')
    assert.match(await page.locator('#timer_bad').textContent(), /PIN/)
    await pins(page, '1111', '2222')
    await page.selectOption('#minutes', '20')
    await picture(page, 'timer-ready-en')
    await page.click('#timer button')
    await stands(page, 'running')
    assert.match(await page.locator('#state small').textContent(), /In 20 min/)
    await picture(page, 'timer-running-en')
    await page.reload()
    await stands(page, 'running')
    await page.fill('#pin', '1111')
    await page.click('#back button')
    await stands(page, 'safe')
    await picture(page, 'timer-safe-en')
    await page.click('#anew')
    // Not set yet, for there is no network: the button is there all the same, and goes first.
    await context.setOffline(true)
    await page.click('#timer button')
    await stands(page, 'sending')
    await hold(page)
    await context.setOffline(false)
    await stands(page, 'taken')
    assert.deepEqual(room.calls().map(call => call.kind), ['sos'])
    room.says('op', 'close', String(room.calls()[0].call), 'helped')
    await stands(page, 'closed')
    await page.click('#anew')
    const open = () => room.calls().filter(call => call.stage != 'closed')
    // What is asked two minutes before the end, four seconds from now.
    await page.evaluate(() => press(4 / 60))
    await stands(page, 'running')
    await stands(page, 'asked')
    await picture(page, 'timer-asked-en')
    assert.deepEqual(open(), [])
    // The button is there all the time, and one woman is one call.
    await hold(page)
    await stands(page, 'taken')
    assert.deepEqual(open().map(call => call.kind), ['sos'])
    assert.deepEqual(wrong, [])
    await context.close()
    // Six seconds, and the browser is killed before.
    const own = await browserOfItsOwn()
    const killed = await phone(own.browser, room)
    await pins(killed.page, '1111', '2222')
    await killed.page.evaluate(() => press(6 / 60 - 2))
    await soon('that it is set', () => killed.page.evaluate(() => now.taken))
    assert.equal(open().length, 1)
    own.kill()
    const second = await soon('a call of it', () => room.calls().find(call => call.kind == 'safety_timer'))
    assert.equal(second.priority, 1)
    await soon('where she was', () => room.show(second.call).place?.lat)
  },

  async 'a safety timer stopped and ended under duress: her screen and her link show the same'(browser, room) {
    await sameForBothPins(browser, room, { state: 'safe', begin: async page => { await page.click('#timer button'); await stands(page, 'running') } })
    const flags = room.calls().map(call => !!call.flags.duress)
    assert.deepEqual(flags, [true], 'the room can tell')
  },

  async 'a practice reaches nobody'(browser, room) {
    const { page } = await phone(browser, room, { own: { try: true } })
    await picture(page, 'practice-ur')
    await hold(page)
    await stands(page, 'practice')
    assert.equal(room.calls().length, 0)
  },

  async 'it fits a small screen in each language'(browser, room) {
    for (const lang of ['ur', 'pnb', 'en']) {
      const { page, context } = await phone(browser, room, { own: { lang } })
      await page.setViewportSize({ width: 320, height: 568 })
      const { wide, dir, press } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, dir: document.documentElement.dir, press: document.querySelector('#press').getBoundingClientRect().bottom }))
      assert.ok(wide <= 320, `${lang} is ${wide} wide`)
      assert.ok(press <= 568, `${lang}: the button ends at ${press}`)
      assert.equal(dir, lang == 'en' ? 'ltr' : 'rtl')
      await page.locator('#own summary').click()
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 320, lang + ' with its details open')
      await picture(page, 'small-' + lang)
      await context.close()
    }
  },

  async 'over a slow network'(browser, room) {
    const context = await browser.newContext({ viewport: { width: 360, height: 640 } })
    const page = await context.newPage()
    const session = await context.newCDPSession(page)
    await session.send('Network.enable')
    await session.send('Network.emulateNetworkConditions', { offline: false, latency: 2000, downloadThroughput: 50000 / 8, uploadThroughput: 50000 / 8 })
    let bytes = 0
    session.on('Network.loadingFinished', ({ encodedDataLength }) => { bytes += encodedDataLength })
    const start = Date.now()
    await page.goto(room.url, { waitUntil: 'commit' })
    await page.waitForFunction(() => document.querySelector('#press span')?.textContent)
    const usable = Date.now() - start
    await hold(page)
    const pressed = Date.now()
    await stands(page, 'taken')
    console.log(`    at 50 kbit/s and 2 s a round trip: usable after ${usable} ms, taken ${Date.now() - pressed} ms after the press, ${bytes} bytes`)
    assert.equal(room.calls().length, 1)
  },

  async 'cuts'(browser, room) {
    // One phone, pressed again and again, each time through another kind of cut.
    const { page, context } = await phone(browser, room, { where: null, own: { lang: 'en' } })
    let kind = 0, expected = 0, sent = 0
    await page.route('**/v1/sos', async route => {
      sent++
      const cut = kind
      kind = null
      if (cut == 'lost') return route.abort()
      if (cut == 'busy') return route.fulfill({ status: 503, body: '{}' })
      // The room has it, and her phone never hears so.
      if (cut == 'unheard') { await route.fetch().catch(() => {}); return route.abort() }
      if (cut == 'killed') { room.killing = room.restart(); return route.abort() }
      if (cut == 'killed after') { await route.fetch().catch(() => {}); room.killing = room.restart(); return route.abort() }
      return route.continue().catch(() => {})
    })
    const kinds = ['lost', 'busy', 'unheard', 'killed', 'killed after', 'offline']
    for (let cut = 0; cut < CUTS; cut++) {
      kind = kinds[cut % kinds.length]
      // Another device each time, or the press would join the open call.
      await page.evaluate(() => { own.device = uuid(); if (now) document.querySelector('#anew').onclick() })
      await page.waitForSelector('#press:visible')
      if (kind == 'offline') { await context.setOffline(true); setTimeout(() => context.setOffline(false), 300) }
      await page.evaluate(() => press())
      expected++
      await stands(page, 'taken', 60000)
      await room.killing
      room.killing = null
    }
    const calls = room.calls()
    const ids = new Set(calls.map(call => call.call))
    console.log(`    ${CUTS} cuts, ${sent} presses sent, ${ids.size} calls`)
    assert.equal(ids.size, expected, 'nothing lost, nothing doubled')
  },
}

const CHROMIUM = {
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
}
/** A second one, to be killed. */
async function browserOfItsOwn() {
  const server = await chromium.launchServer(CHROMIUM)
  const browser = await chromium.connect(server.wsEndpoint())
  return { browser, kill: () => server.process().kill('SIGKILL') }
}

mkdirSync(PICTURES, { recursive: true })
const browser = await chromium.launch(CHROMIUM)
let failed = 0
for (const [name, scenario] of Object.entries(scenarios)) {
  if (WANTED.length && !WANTED.some(word => name.includes(word))) continue
  const room = await Room.open()
  try {
    await scenario(browser, room)
    console.log(`ok  ${name}`)
  } catch (error) {
    failed++
    console.log(`NOT ok  ${name}\n${error.stack}`)
  }
  for (const context of browser.contexts()) await context.close()
  await room.close()
}
await browser.close()
process.exit(failed ? 1 : 0)
