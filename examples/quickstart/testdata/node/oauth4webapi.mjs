import * as oauth from 'oauth4webapi'
import { baseURL, journey } from './journey.mjs'

const server = {
  issuer: baseURL,
  token_endpoint: `${baseURL}/token`,
  revocation_endpoint: `${baseURL}/token/revoke`,
}
const client = { client_id: 'web' }
const none = oauth.None()
const http = { [oauth.allowInsecureRequests]: true }

await journey({
  async signIn(username, password) {
    const response = await oauth.genericTokenEndpointRequest(server, client, none, 'password', { username, password }, http)
    return oauth.processGenericTokenEndpointResponse(server, client, response)
  },
  async call(tokens) {
    const response = await oauth.protectedResourceRequest(
      tokens.access_token, 'GET', new URL('/items/', baseURL), undefined, undefined, http)
    return response.json()
  },
  async refresh(tokens) {
    const response = await oauth.refreshTokenGrantRequest(server, client, none, tokens.refresh_token, http)
    return oauth.processRefreshTokenResponse(server, client, response)
  },
  async signOut(tokens) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, none, tokens.refresh_token, http))
  },
  errorCode: (error) => (error instanceof oauth.ResponseBodyError ? error.error : undefined),
})
