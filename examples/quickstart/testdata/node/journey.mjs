// journey takes one OAuth client through the quickstart and prints, as one line
// of JSON, what it saw. The client is an object of signIn(username, password),
// call(tokens), refresh(tokens), signOut(tokens) and errorCode(error), and, if it
// can, introspect(token), verify(accessToken) and revoke(accessToken).
export async function journey(client) {
  const refusal = (attempt) =>
    attempt.then(
      () => 'no error',
      (error) => client.errorCode(error) ?? `not a refusal: ${error.stack}`,
    )
  const first = await client.signIn('johndoe', 'secret')
  const items = [await client.call(first)]
  const second = await client.refresh(first)
  items.push(await client.call(second))
  const subjects = client.verify ? [await client.verify(first.access_token), await client.verify(second.access_token)] : undefined
  const introspected = client.introspect ? [await client.introspect(second.access_token), await client.introspect(second.refresh_token)] : undefined
  if (client.revoke) {
    await client.revoke(first.access_token)
    introspected.push(await client.introspect(first.access_token))
  }
  await client.signOut(second)
  if (client.introspect) introspected.push(await client.introspect(second.access_token), await client.introspect(second.refresh_token))
  const afterSignOut = await refusal(client.refresh(second))
  const wrongPassword = await refusal(client.signIn('johndoe', 'wrong'))
  console.log(JSON.stringify({ tokens: [first, second], items, subjects, introspected, afterSignOut, wrongPassword }))
}

export const baseURL = process.argv[2]
