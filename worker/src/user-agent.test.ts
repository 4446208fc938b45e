import assert from 'node:assert/strict'
import { test } from 'node:test'
import { userAgent, userAgentFromString } from './user-agent.ts'

type Short = [
  browser: string | undefined,
  engine: string | undefined,
  os: string | undefined,
  device: string,
  cpu: string | undefined,
]

const short = (text: string): Short => {
  const { browser, engine, os, device, cpu } = userAgentFromString(text)
  const named = ({ name, version }: { name?: string; version?: string }): string | undefined =>
    name && `${name} ${version ?? ''}`.trim()
  return [
    named(browser),
    named(engine),
    named(os),
    [device.vendor, device.model, device.type].join('/'),
    cpu.architecture,
  ]
}

const CASES: [string, Short][] = [
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 Mobile/15E148 Safari/604.1',
    ['Mobile Safari 16.0', 'WebKit 605.1.15', 'iOS 16.0', 'Apple/iPhone/mobile', undefined],
  ],
  [
    'Mozilla/5.0 (iPad; CPU OS 15_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/114.0.5735.99 Mobile/15E148 Safari/604.1',
    ['Chrome 114.0.5735.99', 'WebKit 605.1.15', 'iOS 15.5', 'Apple/iPad/tablet', undefined],
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15',
    ['Safari 17.1', 'WebKit 605.1.15', 'Mac OS 10.15.7', 'Apple/Macintosh/', undefined],
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91',
    ['Edge 120.0.2210.91', 'Blink 120.0.0.0', 'Windows 10', '//', 'amd64'],
  ],
  [
    'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0',
    ['Firefox 121.0', 'Gecko 121.0', 'Ubuntu', '//', 'amd64'],
  ],
  [
    'Mozilla/5.0 (Linux; Android 13; SM-S901B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Mobile Safari/537.36',
    ['Chrome 112.0.0.0', 'Blink 112.0.0.0', 'Android 13', 'Samsung/SM-S901B/mobile', undefined],
  ],
  [
    'Mozilla/5.0 (Linux; Android 12; SM-X906C Build/QP1A.190711.020; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/80.0.3987.119 Mobile Safari/537.36',
    [
      'Chrome WebView 80.0.3987.119',
      'Blink 80.0.3987.119',
      'Android 12',
      'Samsung/SM-X906C/tablet',
      undefined,
    ],
  ],
  [
    'Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; AS; rv:11.0) like Gecko',
    ['IE 11.0', 'Trident 7.0', 'Windows 7', '//', 'amd64'],
  ],
  ['curl/8.4.0', [undefined, undefined, undefined, '//', undefined]],
]

test('tells browser, engine, system, device and processor', () => {
  for (const [text, expected] of CASES) assert.deepEqual(short(text), expected, text)
})

test('gives every field, also for nothing', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(userAgentFromString(undefined))), {
    ua: '',
    browser: {},
    engine: {},
    os: {},
    device: {},
    cpu: {},
    isBot: false,
  })
  assert.equal(userAgentFromString(CASES[0]![0]).browser.major, '16')
  assert.equal(userAgent({ headers: new Headers({ 'user-agent': 'curl/8' }) }).ua, 'curl/8')
})

test('knows bots', () => {
  for (const bot of [
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'facebookexternalhit/1.1',
    'Slackbot 1.0',
  ]) {
    assert.equal(userAgentFromString(bot).isBot, true, bot)
  }
  assert.equal(userAgentFromString(CASES[0]![0]).isBot, false)
})

test('a very long header costs little', () => {
  const start = performance.now()
  userAgentFromString(`Android ${'; '.repeat(100_000)}Chrome/`)
  userAgentFromString('Opera/'.repeat(20_000))
  assert.ok(performance.now() - start < 500)
})
