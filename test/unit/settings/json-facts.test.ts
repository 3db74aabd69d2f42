import { expect, test } from 'vitest'
import { mistakeInFacts } from '../../../handler/settings/json-facts.js'

test.each([
  ['status=UP\nnothing', 'line 2: "nothing" should be PATH=VALUE'],
  ['status=UP\n\n  \n nothing \n', 'line 4: "nothing" should be PATH=VALUE'],
  ['\n\nnothing\nstatus=UP', 'line 3: "nothing" should be PATH=VALUE'],
])('The wrong one of several lines is named by its number in the annotation, empty lines counted: %j', (text, said) => {
  expect(mistakeInFacts(text, JSON.stringify)?.says.startsWith(said)).toBe(true)
})

test.each(['nothing', '\nnothing\n', 'status=UP\n\nkey=value'])(
  'No line is named where there is one, or none is wrong: %j',
  (text) => {
    expect(mistakeInFacts(text, JSON.stringify)).toBeUndefined()
  },
)
