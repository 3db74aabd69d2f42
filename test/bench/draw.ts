/** `npm run draw`: the picture of one handover in the README, from a real pass against the in-process API. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repository } from '../support/handler.js'
import { recordHandover } from '../support/handover-steps.js'
import { handoverPicture } from './handover-picture.js'

const picture = handoverPicture(await recordHandover())
await writeFile(join(repository, 'docs', 'one-handover.svg'), picture)
