// Mode "header": the access token is in this page's memory, and the refresh token in a cookie that
// no script can read. A page that was just loaded has none, and asks for one.

let accessToken = "";

export function keep(tokens) {
	accessToken = tokens.access_token;
}

export function forget() {
	accessToken = "";
}

export function authorize(headers) {
	if (accessToken) headers.set("Authorization", `Bearer ${accessToken}`);
}

export function mayRenew() {
	return true;
}
