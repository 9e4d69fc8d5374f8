import * as oauth from 'oauth4webapi'
import { baseURL, journey } from './journey.mjs'

// The one setting that is not the strictest: the test's server has no TLS.
const http = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(baseURL)
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...http, algorithm: 'oauth2' }))
const client = { client_id: 'demo', [oauth.clockSkew]: 0, [oauth.clockTolerance]: 0 }
const secret = oauth.ClientSecretBasic('demo-secret')

await journey({
  async signIn(username, password) {
    const response = await oauth.genericTokenEndpointRequest(server, client, secret, 'password', { username, password }, http)
    return oauth.processGenericTokenEndpointResponse(server, client, response)
  },
  async call(tokens) {
    const response = await oauth.protectedResourceRequest(
      tokens.access_token, 'GET', new URL('/items/', baseURL), undefined, undefined, http)
    return response.json()
  },
  async verify(token) { // the quickstart is the audience of its own tokens
    const request = new Request(baseURL, { headers: { authorization: `Bearer ${token}` } })
    return (await oauth.validateJwtAccessToken(server, request, server.issuer, http)).sub
  },
  async introspect(token) {
    const response = await oauth.introspectionRequest(server, client, secret, token, http)
    return oauth.processIntrospectionResponse(server, client, response)
  },
  async revoke(token) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, secret, token, http))
  },
  async refresh(tokens) {
    const response = await oauth.refreshTokenGrantRequest(server, client, secret, tokens.refresh_token, http)
    return oauth.processRefreshTokenResponse(server, client, response)
  },
  async signOut(tokens) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, secret, tokens.refresh_token, http))
  },
  errorCode: (error) => (error instanceof oauth.ResponseBodyError ? error.error : undefined),
})
