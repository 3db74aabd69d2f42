// Loaded before the program: its clocks stand still, so that ages, durations and times are the same in each run.
const { NOW = '' } = process.env
const nowMs = Date.parse(NOW)
const RealDate = Date

globalThis.Date = class extends RealDate {
  constructor(...args) {
    super(...(args.length > 0 ? args : [nowMs]))
  }

  static now() {
    return nowMs
  }
}
performance.now = () => 0
