// The access token is refreshed this long before it expires, in milliseconds, or
// for a quarter of its lifetime where that is shorter.
const margin = 30_000;

// Session is a sign-in with its tokens, which it keeps in memory alone. It sends
// the refresh token to the two endpoints of the document and nowhere else.
export class Session {
	#settings;
	#accessToken;
	#refreshToken;
	#due = Infinity;
	#expiry = Infinity;
	#refreshing; // the promise of a refresh under way: there is never a second one

	constructor({ refreshURL, revocationURL, client, tokens, onRefreshed, onFailed, onEnded }) {
		this.#settings = { refreshURL, revocationURL, client, onRefreshed, onFailed, onEnded };
		this.#keep(tokens);
	}

	// authorization is the header of requests, or undefined once the session has ended.
	get authorization() {
		return this.#accessToken && `Bearer ${this.#accessToken}`;
	}

	sign(request) {
		request.headers.Authorization = this.authorization;
		if (!this.authorization) {
			delete request.headers.Authorization;
		}
	}

	// refreshIfDue refreshes a token that has expired, or is about to. It reports
	// whether it tried.
	async refreshIfDue() {
		const due = Date.now() >= this.#due;
		if (due) {
			await this.#refresh();
		}
		return due;
	}

	// fetch sends a signed request. An answer of 401 may be news here: the
	// token has no known expiry, the clocks differ, or the server has ended the session.
	// Then it sends the request again, once: the server has not acted upon the first.
	async fetch(url, request) {
		const sent = request.headers.Authorization;
		const response = await fetch(url, request);
		if (response.status !== 401 || !sent) {
			return response;
		}
		if (sent === this.authorization) {
			await this.#refresh();
		}
		if (!this.authorization || sent === this.authorization) {
			return response;
		}
		this.sign(request);
		return fetch(url, request);
	}

	// signOut ends the session here at once, and on the server as soon as that hears it.
	async signOut() {
		const { revocationURL, onFailed } = this.#settings;
		const token = this.#refreshToken;
		this.#forget();
		if (!token || !revocationURL) {
			return;
		}
		const answer = await this.#post(revocationURL, { token, token_type_hint: "refresh_token" });
		if (!answer.ok) {
			onFailed(`Signed out here, but not on the server: ${answer.why}. The session there lasts until it expires.`);
		}
	}

	#refresh() {
		this.#refreshing ??= this.#requestTokens().finally(() => (this.#refreshing = undefined));
		return this.#refreshing;
	}

	async #requestTokens() {
		const { refreshURL, onRefreshed, onFailed } = this.#settings;
		if (!this.#refreshToken) {
			return this.#endIfExpired();
		}
		const answer = await this.#post(refreshURL, { grant_type: "refresh_token", refresh_token: this.#refreshToken });
		if (!this.#refreshToken) {
			return; // signed out meanwhile
		}
		if (answer.ok && answer.body?.access_token) {
			this.#keep(answer.body);
			onRefreshed(answer.body);
		} else if (answer.refused) {
			this.#end(`The session has ended: ${answer.why}. Sign in again.`);
		} else {
			onFailed(`The session could not be refreshed: ${answer.why}. The next request tries again.`);
		}
	}

	#keep({ access_token, refresh_token, expires_in }) {
		this.#accessToken = access_token;
		this.#refreshToken = refresh_token ?? this.#refreshToken;
		const lifetime = expires_in > 0 ? expires_in * 1000 : Infinity;
		this.#expiry = Date.now() + lifetime;
		this.#due = this.#expiry - Math.min(margin, lifetime / 4);
	}

	#endIfExpired() {
		if (Date.now() >= this.#expiry) {
			this.#end("The access token has expired. Sign in again.");
		}
	}

	#end(why) {
		this.#forget();
		this.#settings.onEnded(why);
	}

	#forget() {
		this.#accessToken = this.#refreshToken = undefined;
	}

	// post sends a form with the client's credentials, and does not throw. The answer
	// is refused if the endpoint itself says that trying again cannot help (RFC 6749
	// §5.2), and not a proxy before it.
	async #post(url, form) {
		const { Authorization, client_id, client_secret } = this.#settings.client;
		const fields = Object.entries({ ...form, client_id, client_secret }).filter(([, value]) => value);
		let response, body;
		try {
			response = await fetch(url, {
				method: "POST",
				headers: { Accept: "application/json", ...(Authorization && { Authorization }) },
				body: new URLSearchParams(fields),
				redirect: "error",
				keepalive: true, // goes out though the page is left
			});
			body = await response.json();
		} catch (error) {
			return { ok: false, why: response ? `status ${response.status}` : error.message };
		}
		const told = body?.error_description ?? body?.detail ?? body?.error;
		return {
			ok: response.ok,
			body,
			refused: told !== undefined && (response.status === 400 || response.status === 401),
			why: told ?? `status ${response.status}`,
		};
	}
}
