/** What computes gives way to what runs beside it and measures seconds: nodes, and servers that time out. */
import { constants, setPriority } from 'node:os'

setPriority(constants.priority.PRIORITY_LOW)
