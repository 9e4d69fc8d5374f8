import * as openid from 'openid-client'
import { baseURL, journey } from './journey.mjs'

const config = await openid.discovery(new URL(baseURL), 'demo', undefined, openid.ClientSecretBasic('demo-secret'), {
  algorithm: 'oauth2',
  execute: [openid.allowInsecureRequests], // the test's server has no TLS
})

await journey({
  signIn: (username, password) => openid.genericGrantRequest(config, 'password', { username, password }),
  async call(tokens) {
    const response = await openid.fetchProtectedResource(config, tokens.access_token, new URL('/items/', baseURL), 'GET')
    return response.json()
  },
  refresh: (tokens) => openid.refreshTokenGrant(config, tokens.refresh_token),
  introspect: (token) => openid.tokenIntrospection(config, token),
  revoke: (token) => openid.tokenRevocation(config, token),
  signOut: (tokens) => openid.tokenRevocation(config, tokens.refresh_token),
  errorCode: (error) => (error instanceof openid.ResponseBodyError ? error.error : undefined),
})
