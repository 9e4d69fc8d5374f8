// journey takes one OAuth client through the quickstart and prints, as one line
// of JSON, what it saw. The client is an object of signIn(username, password),
// call(tokens), refresh(tokens), signOut(tokens) and errorCode(error).
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
  await client.signOut(second)
  const afterSignOut = await refusal(client.refresh(second))
  const wrongPassword = await refusal(client.signIn('johndoe', 'wrong'))
  console.log(JSON.stringify({ tokens: [first, second], items, afterSignOut, wrongPassword }))
}

export const baseURL = process.argv[2]
