// What the page shows. All text is set as textContent: nothing that a user has chosen is markup.

import * as api from "./api.js";

const $ = (selector) => document.querySelector(selector);
const views = ["#sign-in", "#sign-up", "#account"].map($);

function show(view) {
	for (const v of views) v.hidden = v !== view;
	$("#who").hidden = view !== $("#account");
}

function say(text) {
	$("#status").textContent = text;
}

// load shows the account, or the way into it. `farewell` is for who was signed in until now.
async function load(farewell = "") {
	try {
		const me = await api.call("GET", "/api/me");
		$("#name").textContent = me.username;
		$("#password [name=username]").defaultValue = me.username;
		$("#admin").hidden = !me.scope.split(" ").includes("admin");
		await listSessions();
		show($("#account"));
	} catch (e) {
		if (!(e instanceof api.SignedOut)) return say(problem(e));
		showVisitor();
		say(farewell);
	}
}

// showVisitor shows one of the two forms, as the address says, and keeps the one that is shown already.
function showVisitor() {
	const view = location.hash === "#sign-up" ? $("#sign-up") : $("#sign-in");
	if (!view.hidden) return;
	for (const form of document.forms) reset(form);
	show(view);
	view.querySelector("input").focus();
}

const ended = "You were signed out.";

// attempt runs what a click asks for. `complain` gets what went wrong.
async function attempt(act, complain) {
	say("");
	try {
		await act();
	} catch (e) {
		if (!(e instanceof api.SignedOut)) return complain(e);
		showVisitor();
		say(ended);
	}
}

function problem(e) {
	if (e instanceof api.Refused) return e.message;
	if (e instanceof TypeError) return "The server cannot be reached. Try again.";
	throw e;
}

function onSubmit(form, act) {
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		if (form.ariaBusy === "true") return; // sent twice by a double click
		complain(form);
		form.ariaBusy = "true";
		try {
			await attempt(
				() => act(form.elements, event.submitter),
				(e) => complain(form, problem(e), e.field),
			);
		} finally {
			form.ariaBusy = null;
		}
	});
}

// complain shows a text next to the field that it is about, or above the form, and takes away any other.
function complain(form, text = "", name = "") {
	for (const p of form.querySelectorAll(".error")) p.textContent = "";
	for (const input of form.querySelectorAll("input")) input.removeAttribute("aria-invalid");
	const input = name && form.elements[name];
	if (!input) {
		form.querySelector(".error").textContent = text;
		return;
	}
	document.getElementById(`${input.id}-error`).textContent = text;
	input.setAttribute("aria-invalid", "true");
	input.focus(); // and its description, which is the text, is read
}

function reset(form) {
	form.reset();
	complain(form);
}

onSubmit($("#sign-in form"), async ({ username, password }) => {
	await api.signIn(username.value, password.value);
	await enter();
});

onSubmit($("#sign-up form"), async ({ username, password }) => {
	await api.call("POST", "/api/users", { username: username.value, password: password.value });
	await api.signIn(username.value, password.value);
	await enter();
});

async function enter() {
	history.replaceState(null, "", "/");
	await load();
	for (const form of document.forms) reset(form); // no password stays in the page
	$("#sessions-title").focus();
}

onSubmit($("#password form"), async ({ current, new: next }) => {
	await api.changePassword(current.value, next.value);
	current.value = next.value = "";
	await listSessions();
	say("Your password is changed.");
});

onSubmit($("#admin form"), async ({ username }, button) => {
	const name = username.value.trim();
	await api.call("POST", `/api/users/${encodeURIComponent(name)}/${button.value}`);
	username.value = "";
	say(`${name} is ${button.value}d.`);
});

function onClick(button, act) {
	button.addEventListener("click", () => attempt(act, (e) => ($("#sessions-error").textContent = problem(e))));
}

onClick($("#sign-out"), async () => {
	await api.signOut();
	await load(ended);
});

onClick($("#end-all"), async () => {
	await api.signOutEverywhere();
	await load(ended);
});

async function listSessions() {
	const sessions = await api.call("GET", "/api/me/sessions");
	$("#sessions").replaceChildren(...sessions.map(sessionItem));
	$("#sessions-error").textContent = "";
}

function sessionItem(session) {
	const device = describe(session.user_agent);
	const about = element("div", element("strong", device), element("span", "since ", time(session.since)));
	if (session.current) return element("li", about, element("em", "This browser"));
	const button = element("button", "End");
	button.type = "button";
	button.className = "quiet";
	button.ariaLabel = `End ${device}, since ${time(session.since).textContent}`;
	onClick(button, async () => {
		await api.call("DELETE", `/api/me/sessions/${session.id}`);
		await listSessions();
		say(`${device} is signed out.`);
		$("#sessions-title").focus(); // the button is gone
	});
	return element("li", about, button);
}

function element(name, ...children) {
	const e = document.createElement(name);
	e.append(...children);
	return e;
}

function time(text) {
	const e = document.createElement("time");
	e.dateTime = text;
	e.textContent = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));
	return e;
}

// describe says in few words what a browser said of itself.
function describe(userAgent) {
	const known = (names) => names.find(([pattern]) => pattern.test(userAgent))?.[1];
	const browser = known([
		[/Edg/, "Edge"],
		[/OPR\//, "Opera"],
		[/Firefox\/|FxiOS\//, "Firefox"],
		[/Chrome\/|CriOS\//, "Chrome"],
		[/Safari\//, "Safari"],
	]);
	const system = known([
		[/iPhone|iPad/, "iOS"],
		[/Android/, "Android"],
		[/Windows/, "Windows"],
		[/Mac OS X/, "macOS"],
		[/CrOS/, "ChromeOS"],
		[/Linux/, "Linux"],
	]);
	if (browser && system) return `${browser} on ${system}`;
	return userAgent.slice(0, 60) || "Unknown program";
}

addEventListener("hashchange", () => {
	if (!$("#account").hidden) return;
	say("");
	showVisitor();
});
document.addEventListener("visibilitychange", () => {
	if (!document.hidden && !$("#account").hidden) load(ended); // it may have ended while nobody looked
});
api.onChangeElsewhere(() => load($("#account").hidden ? "" : ended));
load();
