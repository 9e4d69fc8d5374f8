// Verifies access tokens as a resource server would, with jose, by the keys that
// the server's metadata names. It prints their subjects as a line of JSON.
import { createRemoteJWKSet, jwtVerify } from 'jose'

const [baseURL, ...tokens] = process.argv.slice(2)
const metadata = await (await fetch(`${baseURL}/.well-known/oauth-authorization-server`)).json()
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))
const subjects = []
for (const token of tokens) {
  const { payload } = await jwtVerify(token, keys, {
    issuer: metadata.issuer,
    audience: baseURL,
    typ: 'at+jwt',
    algorithms: ['ES256'],
    requiredClaims: ['sub', 'jti', 'iat', 'exp', 'client_id'],
  })
  subjects.push(payload.sub)
}
console.log(JSON.stringify(subjects))
