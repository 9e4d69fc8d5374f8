// Requests to this server. One that is refused because its access token has expired is sent again
// with a new one; the rest of the page knows nothing of tokens.

import * as credentials from "./credentials.js"; // cookie.js or header.js

// Refused is an answer that is none: its message is for people.
export class Refused extends Error {
	constructor({ detail, field }) {
		super(detail ?? "The server has failed. Try again later.");
		this.field = field;
	}
}

// SignedOut means that nobody is signed in any more, or yet.
export class SignedOut extends Error {}

// call sends a request, with a body as JSON, and returns what the answer's JSON says. What sets
// cookies goes through `within`.
export async function call(method, path, body, within = (send) => send()) {
	let before;
	const send = () => {
		before = renewals;
		const headers = new Headers();
		if (body !== undefined) headers.set("Content-Type", "application/json");
		credentials.authorize(headers);
		return fetch(path, { method, headers, body: JSON.stringify(body) });
	};
	let answer = await within(send);
	if (answer.status === 401 && credentials.mayRenew(answer)) {
		if (before === renewals) await renew(); // or it was renewed while this request was on its way
		answer = await within(send);
	}
	if (answer.status === 401) throw new SignedOut();
	return read(answer);
}

async function read(answer) {
	const text = await answer.text();
	let content = {};
	try {
		content = text === "" ? {} : JSON.parse(text);
	} catch {
		// of a proxy, in HTML
	}
	if (!answer.ok) throw new Refused(content);
	return content;
}

// exclusively lets one tab of this browser at a time do what sets cookies. Otherwise a tab that is
// refused with the cookies of before could delete those that another one has just got. Should it
// happen all the same, in a browser without locks, the server gives the same successor of a refresh
// token to all who ask within ten seconds.
function exclusively(f) {
	return navigator.locks ? navigator.locks.request("session", f) : f();
}

let renewing;
let renewals = 0;

// renew gets a new access token, once for all requests of this page that wait for one.
function renew() {
	renewing ??= exclusively(async () => {
		// keepalive: a tab that is closed meanwhile leaves its cookies.
		const answer = await fetch("/token/refresh", { method: "POST", keepalive: true });
		if (answer.status === 400) throw new SignedOut();
		credentials.keep(await read(answer));
		renewals++;
	}).finally(() => {
		renewing = undefined;
	});
	return renewing;
}

export async function signIn(username, password) {
	const body = new URLSearchParams({ grant_type: "password", username, password });
	await exclusively(async () => {
		credentials.keep(await read(await fetch("/token", { method: "POST", body })));
	});
	tabs.postMessage("changed");
}

export async function signOut() {
	await exclusively(async () => read(await fetch("/token/sign-out", { method: "POST", keepalive: true })));
	forget();
}

export async function signOutEverywhere() {
	await call("DELETE", "/api/me/sessions", undefined, exclusively);
	forget();
}

export async function changePassword(current, next) {
	credentials.keep(await call("POST", "/api/me/password", { current, new: next }, exclusively));
}

function forget() {
	credentials.forget();
	tabs.postMessage("changed");
}

// Another tab that signs in or out says so, since all have the same cookies.
const tabs = new BroadcastChannel("session");

export function onChangeElsewhere(f) {
	tabs.onmessage = () => {
		credentials.forget();
		f();
	};
}
