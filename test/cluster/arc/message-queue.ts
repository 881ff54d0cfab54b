/** The messages of one scale set, given to ARC's listener by long polling: one stays the first until it is deleted. */

export interface Message {
  readonly messageId: number
  readonly messageType: 'RunnerScaleSetJobMessages'
  /** A list of what happened to jobs, as JSON. */
  readonly body: string
  readonly statistics: object
}

export interface MessageQueue {
  push(happened: readonly object[], statistics: object): void
  /** Waits for a message, at most for the time of one poll; undefined when there was none. */
  first(): Promise<Message | undefined>
  remove(messageId: number): void
}

/** GitHub's own service answers a poll after this time, too. */
const POLL_MS_MAX = 50_000

export function createMessageQueue(): MessageQueue {
  let messages: readonly Message[] = []
  let waiting: readonly (() => void)[] = []
  let nextId = 1
  return {
    push(happened, statistics) {
      const body = JSON.stringify(happened)
      messages = [...messages, { messageId: nextId++, messageType: 'RunnerScaleSetJobMessages', body, statistics }]
      for (const wake of waiting) wake()
      waiting = []
    },
    async first() {
      if (messages.length === 0) {
        await new Promise<void>((resolve) => {
          waiting = [...waiting, resolve]
          setTimeout(resolve, POLL_MS_MAX)
        })
      }
      return messages[0]
    },
    remove(messageId) {
      messages = messages.filter((message) => message.messageId !== messageId)
    }
  }
}
