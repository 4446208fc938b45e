// Which lines of output carry the mark of a request.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { markLines } from './console-mark.ts'

test('each line that begins in a text is marked', () => {
  assert.equal(markLines('a\n', '<1>', true), '<1>a\n')
  assert.equal(markLines('a\nb\n\nc', '<1>', true), '<1>a\n<1>b\n<1>\n<1>c')
  assert.equal(markLines('rest\nnext\n', '<1>', false), 'rest\n<1>next\n')
})
