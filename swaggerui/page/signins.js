import { Session } from "./session.js";

// SignIns makes the sign-ins of Swagger UI's Authorize dialog last: by itself
// Swagger UI gets an access token, and sends it until it is refused and after.
export class SignIns {
	#documentURL;
	#sessions = new Map(); // by the security scheme's name

	constructor(documentURL) {
		this.#documentURL = documentURL;
	}

	// plugin is one of Swagger UI's.
	plugin = () => ({
		statePlugins: {
			auth: {
				wrapActions: {
					authorizeRequest: (next) => (request) => next(this.#tokenRequest(request)),
					authorizeOauth2: (next, system) => (signIn) => next(this.#signedIn(signIn, next, system)),
					logout: (next, system) => (names) => this.#signOut(names, next, system),
				},
			},
		},
	});

	// authorize is a requestInterceptor of Swagger UI. Swagger UI has put the access
	// token into those requests that the document says need it.
	authorize = async (request) => {
		for (const session of this.#sessions.values()) {
			if (request.headers.Authorization === session.authorization) {
				if (!(await session.refreshIfDue())) {
					request.userFetch = (url, signed) => session.fetch(url, signed);
				}
				session.sign(request);
				break;
			}
		}
		return request;
	};

	// tokenRequest is the request by which Swagger UI signs in. Its URL is relative to
	// the document, where Swagger UI takes it for relative to the page if the server
	// is. How the client authenticates goes along, since the refresh does it likewise.
	#tokenRequest(request) {
		const { client_id, client_secret } = Object.fromEntries(new URLSearchParams(request.body));
		const client = { Authorization: request.headers?.Authorization, client_id, client_secret };
		return { ...request, url: this.#absolute(request.url), auth: { ...request.auth, client } };
	}

	// signedIn returns what Swagger UI may know of a sign-in: neither the password
	// nor the refresh token.
	#signedIn({ auth: { password, client, ...auth }, token: { refresh_token, ...token } }, show, system) {
		if (auth.schema.get("flow") === "password") {
			this.#sessions.set(auth.name, new Session({
				...this.#endpoints(auth.name, system),
				client,
				tokens: { refresh_token, ...token },
				onRefreshed: ({ refresh_token, ...token }) => {
					showError(system, auth.name);
					show({ auth: { ...auth }, token });
				},
				onFailed: (why) => showError(system, auth.name, why),
				onEnded: (why) => this.#ended(auth.name, why, system),
			}));
		}
		return { auth, token };
	}

	#endpoints(name, system) {
		const flow = system.specSelectors.specJson().getIn(["components", "securitySchemes", name, "flows", "password"]);
		return {
			refreshURL: this.#absolute(flow.get("refreshUrl") ?? flow.get("tokenUrl")),
			revocationURL: this.#absolute(flow.get("x-revocationUrl")),
		};
	}

	#absolute(url) {
		return url && new URL(url, this.#documentURL).href;
	}

	#signOut(names, forget, system) {
		for (const name of names) {
			if (this.#sessions.has(name)) {
				this.#sessions.get(name).signOut();
				this.#sessions.delete(name);
				clearAnswers(system);
			}
		}
		return forget(names);
	}

	// ended shows the dialog again: the user has to sign in, or what they try fails.
	#ended(name, why, system) {
		this.#sessions.delete(name);
		system.authActions.logout([name]);
		showError(system, name, why);
		system.authActions.showDefinitions(system.authSelectors.definitionsToAuthorize());
	}
}

// clearAnswers takes away the answers to the user who signed out, and the commands
// for curl beside them, which have the access token.
function clearAnswers({ specActions, specSelectors }) {
	for (const operation of specSelectors.operations()) {
		const at = [operation.get("path"), operation.get("method")];
		specActions.clearResponse(...at);
		specActions.clearRequest(...at);
		specActions.setMutatedRequest(...at, {});
	}
}

// showError replaces what the dialog and the page's head say about a sign-in.
function showError({ errActions }, name, message) {
	errActions.clear({ authId: name });
	if (message) {
		errActions.newAuthErr({ authId: name, source: "auth", level: "error", message });
	}
}
