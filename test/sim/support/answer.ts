/** What a request to the simulated API server or registry gets. */
export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export const refusal = (status: number, message: string, reason?: string): Answer => ({
  status,
  body: { kind: 'Status', status: 'Failure', code: status, message, reason }
})
