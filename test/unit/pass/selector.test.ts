import { describe, expect, test } from 'vitest'
import { parseLabelSelector, SelectorError } from '../../../handler/pass/selector.js'

const matches = (text: string, labels: Readonly<Record<string, string>>) => parseLabelSelector(text).matches(labels)

describe('a selector', () => {
  // As TestSelectorMatches and its like in k8s.io/apimachinery/pkg/labels have it.
  test.each<[string, Record<string, string>, boolean]>([
    ['x=y', { x: 'y' }, true],
    ['x==y', { x: 'y' }, true],
    ['x = y', { x: 'y' }, true],
    ['x=y', { x: 'z' }, false],
    ['x=y,z=w', { x: 'y', z: 'w' }, true],
    [' x = y , z = w ', { x: 'y', z: 'w' }, true],
    ['x=y,z=w', { x: 'y', z: 'v' }, false],
    ['x!=y,z!=w', { x: 'z', z: 'a' }, true],
    ['x!=y', { x: 'y' }, false],
    ['x!=y', {}, true],
    ['x=', { x: '' }, true],
    ['x=', { x: 'y' }, false],
    ['x=', {}, false],
    ['x=,z=', { x: '', z: '' }, true],
    ['x', { x: 'anything' }, true],
    ['x', { z: '' }, false],
    ['!x', { z: '' }, true],
    ['! x', { x: '' }, false],
    ['x in (a,b)', { x: 'b' }, true],
    ['x in ( a , b )', { x: 'a' }, true],
    ['x in (a,b)', { x: 'c' }, false],
    ['x in (a,b)', {}, false],
    ['x in (a,)', { x: '' }, true],
    ['x notin (a,b)', { x: 'c' }, true],
    ['x notin (a,b)', {}, true],
    ['x notin (a,b)', { x: 'a' }, false],
    ['x notin (a),z in (b,c),!w', { z: 'c' }, true],
    ['x>1', { x: '2' }, true],
    ['x>1', { x: '1' }, false],
    ['x<1', { x: '-3' }, true],
    ['x>1', { x: 'two' }, false],
    ['x>1', {}, false],
    ['in in (in)', { in: 'in' }, true],
    ['notin notin (x)', { notin: 'y' }, true],
    ['app.kubernetes.io/name=db', { 'app.kubernetes.io/name': 'db' }, true],
    ['constructor', {}, false],
    ['!__proto_', {}, false],
  ])('%j on %j: %s', (text, labels, expected) => {
    if (text === '!__proto_') expect(() => matches(text, labels)).toThrow(SelectorError)
    else expect(matches(text, labels)).toBe(expected)
  })

  test.each([
    ['', "it ends where a label's key should be"],
    [',', 'there is "," where a label\'s key should be'],
    ['x=a,', "it ends where a label's key should be"],
    ['x=a,,z=b', 'there is "," where a label\'s key should be'],
    ['=a', 'there is "=" where a label\'s key should be'],
    ['!', "it ends where a label's key should be"],
    ['!x=a', 'a comma should come before "="'],
    ['x=a=b', 'a comma should come before "="'],
    ['x=a b', 'a comma should come before "b"'],
    ['x a', 'after "x" should come =, ==, !=, in, notin or a comma, not "a"'],
    ['x in a', 'the values of "x" should be in brackets: (x,y)'],
    ['x in ()', 'the brackets after "x" are empty: give values, (x,y)'],
    ['x in (a', 'it ends where ) should be after "a"'],
    ['x in (a b)', 'there is "b" where ) should be after "a"'],
    ['x notin', 'the values of "x" should be in brackets: (x,y)'],
    ['x=-a', '"-a" is no value that label "x" could have'],
    [`x=${'a'.repeat(64)}`, `"${'a'.repeat(64)}" is no value that label "x" could have`],
    ['-x', '"-x" is no label\'s key, such as app or example.com/app'],
    ['a/b/c=d', '"a/b/c" is no label\'s key, such as app or example.com/app'],
    ['x>a', '"a" should be a whole number, to compare "x" with'],
    ['(x)', 'there is "(" where a label\'s key should be'],
  ])('%j is refused, with the part that is wrong', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(new SelectorError(message))
  })

  test('is read in time that grows with its length', () => {
    expect(parseLabelSelector(Array.from({ length: 10_000 }, (_, n) => `a${n}!=b`).join(',')).matches({})).toBe(true)
  })
})
