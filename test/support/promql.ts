/** What tests of PromQL share: Prometheus' own promtool, and the names in an expression. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { repository } from './handler.js'
import { reportSkipped } from './skipped.js'

export const alertsFolder = join(repository, 'jobs/alerts')

/** Of the programs that Debian's packages `prometheus` and `prometheus-alertmanager` hold. Says so if one is missing. */
export function has(program: string, debianPackage: string): boolean {
  const found = spawnSync(program, ['--version']).error === undefined
  if (!found) {
    reportSkipped(
      `NO ${program.toUpperCase()}: tests of jobs/alerts are SKIPPED. On Debian: apt install ${debianPackage}.`,
    )
  }
  return found
}

export interface Verdict {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs it in jobs/alerts. */
export function check(program: 'promtool' | 'amtool', ...words: readonly string[]): Verdict {
  const { status, stdout, stderr } = spawnSync(program, words, { cwd: alertsFolder, encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** The names in an expression that are neither functions, keywords, label names nor parts of texts. */
export function metricsOf(expr: string): readonly string[] {
  const bare = expr
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, '')
    .replace(/\boffset\s+\w+/g, '')
    .replace(/\b(?:by|on|group_left)\s*\([^)]*\)/g, '')
  const words = [...bare.matchAll(/\b[a-z_][\w:]*\b(?!\s*\()/gi)].map(([word]) => word)
  return words.filter((word) => !['and', 'or', 'unless'].includes(word))
}
