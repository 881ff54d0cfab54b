// A token service as hosted registries have one (CNCF distribution, "Token Authentication Specification"), for one account that may
// do everything it asks for; run beside the registry by support/secured-registry.ts.
// Usage: node token-service.cjs TLS_PORT PLAIN_PORT CERTIFICATE KEY, with SERVICE, ACCOUNT (user:password) in the environment.
const { createPrivateKey, randomUUID, sign, X509Certificate } = require('node:crypto')
const { readFileSync } = require('node:fs')
const http = require('node:http')
const https = require('node:https')

const [tlsPort, plainPort, certificatePath, keyPath] = process.argv.slice(2)
const { SERVICE, ACCOUNT } = process.env
const [cert, key] = [readFileSync(certificatePath), readFileSync(keyPath)]
const LIFE_SECONDS = 60

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const header = encoded({ typ: 'JWT', alg: 'RS256', x5c: [new X509Certificate(cert).raw.toString('base64')] })
const basic = `Basic ${Buffer.from(ACCOUNT).toString('base64')}`

function token(scopes) {
  const now = Math.floor(Date.now() / 1_000)
  const access = scopes.flatMap((scope) => {
    const [, type, name, actions] = /^(\w+):(.+):([\w*,]+)$/.exec(scope) ?? []
    return type === undefined ? [] : [{ type, name, actions: actions.split(',') }]
  })
  const times = { iat: now, nbf: now - LIFE_SECONDS, exp: now + LIFE_SECONDS }
  const claims = { iss: SERVICE, aud: SERVICE, sub: ACCOUNT.split(':')[0], jti: randomUUID(), ...times, access }
  const signed = `${header}.${encoded(claims)}`
  return `${signed}.${sign('sha256', signed, createPrivateKey(key)).toString('base64url')}`
}

function answer(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://token-service')
  const isAsked = request.method === 'GET' && pathname === '/token' && searchParams.get('service') === SERVICE
  if (!isAsked) return response.writeHead(request.method === 'GET' ? 404 : 405).end()
  if (request.headers.authorization !== basic) return response.writeHead(401).end()
  const scopes = searchParams.getAll('scope').flatMap((scope) => scope.split(' '))
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ token: token(scopes), expires_in: LIFE_SECONDS }))
}

https.createServer({ cert, key }, answer).listen(Number(tlsPort))
http.createServer(answer).listen(Number(plainPort))
