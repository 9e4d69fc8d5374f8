import * as openid from 'openid-client'
import { baseURL, journey } from './journey.mjs'

const config = new openid.Configuration(
  {
    issuer: baseURL,
    token_endpoint: `${baseURL}/token`,
    revocation_endpoint: `${baseURL}/token/revoke`,
  },
  'web',
  undefined,
  openid.ClientSecretBasic('s3cret'),
)
openid.allowInsecureRequests(config)

await journey({
  signIn: (username, password) => openid.genericGrantRequest(config, 'password', { username, password }),
  async call(tokens) {
    const response = await openid.fetchProtectedResource(config, tokens.access_token, new URL('/items/', baseURL), 'GET')
    return response.json()
  },
  refresh: (tokens) => openid.refreshTokenGrant(config, tokens.refresh_token),
  signOut: (tokens) => openid.tokenRevocation(config, tokens.refresh_token),
  errorCode: (error) => (error instanceof openid.ResponseBodyError ? error.error : undefined),
})
