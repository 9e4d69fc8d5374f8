// Mode "cookie": the browser has both tokens, in cookies that no script can read. It sends
// them by itself, so there is nothing to keep and nothing to add.

export function keep() {}

export function forget() {}

export function authorize() {}

// mayRenew tells whether a refused request had a token that has expired. Without a token nobody
// is signed in.
export function mayRenew(answer) {
	return (answer.headers.get("WWW-Authenticate") ?? "").includes('error="invalid_token"');
}
