/** What the demo shows: plain lines, or colours and a small picture on a terminal. */
import { styleText } from 'node:util'
import { SERVICE, type Traffic, type World } from './demo-world.js'

type Style = Parameters<typeof styleText>[0]

export interface Screen {
  heading(text: string): void
  line(text: string): void
  report(text: string): void
  /** Who receives the Service's traffic. */
  picture(world: World): void
  traffic(traffic: Traffic): void
}

export function openScreen(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Screen {
  const isTerminal = stream.isTTY === true && !env.NO_COLOR
  const paint = (style: Style, text: string) => (isTerminal ? styleText(style, text) : text)
  stream.on('error', () => process.exit(0)) // nobody reads on
  const line = (text = '') => void stream.write(`${text}\n`)
  return {
    heading: (text) => line(`\n${paint('bold', text)}`),
    line,
    report: (text) => {
      for (const one of text.trimEnd().split('\n')) line(one && `  ${paint(styleOf(one), one)}`)
    },
    picture: (world) => {
      if (!isTerminal) return line(`Traffic of Service ${SERVICE}: ${world.endpoints().join(', ') || 'no pod'}`)
      line()
      world.pods.forEach(({ name, behaviour }, n) => {
        const receives = world.endpoints().includes(name)
        const from = n === 0 ? `client ──▶ Service ${SERVICE} ` : ' '.repeat(`client ──▶ Service ${SERVICE} `.length)
        const arrow = receives ? '━━▶' : '   '
        const health = behaviour === 'ok' ? paint('green', '200') : paint('red', '500')
        line(
          `  ${from}${paint('green', arrow)} ${paint(receives ? 'bold' : 'dim', `${name} (${world.role(name)})`)} ${health}`,
        )
      })
      line()
    },
    traffic: ({ answers, refused }) => {
      const parts = [...answers].map(([pod, count]) => `${pod} answered ${count}`)
      line(`Meanwhile a client sent requests to the Service: ${parts.join(', ')}, refused ${refused}`)
    },
  }
}

function styleOf(line: string): Style {
  if (/patched|^Enabling/.test(line)) return 'cyan'
  if (/failure|failing|: [45]\d\d/.test(line)) return 'red'
  if (/passed|: 200/.test(line)) return 'green'
  return 'reset'
}
