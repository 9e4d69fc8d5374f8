import { ResourceOwnerPassword } from 'simple-oauth2'
import { baseURL, journey } from './journey.mjs'

const client = new ResourceOwnerPassword({
  client: { id: 'demo', secret: 'demo-secret' },
  auth: { tokenHost: baseURL, tokenPath: '/token', revokePath: '/token/revoke' },
})

await journey({
  async signIn(username, password) {
    return (await client.getToken({ username, password })).token
  },
  async call(tokens) {
    const response = await fetch(`${baseURL}/items/`, { headers: { authorization: `Bearer ${tokens.access_token}` } })
    return response.json()
  },
  async refresh(tokens) {
    return (await client.createToken(tokens).refresh()).token
  },
  signOut: (tokens) => client.createToken(tokens).revoke('refresh_token'),
  errorCode: (error) => (error.isBoom ? error.data.payload.error : undefined),
})
