package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/browser"
)

// page is a browser's page with the application. What a refused request writes to the console is
// expected; no other error is, and nothing that breaks the policy.
type page struct{ *browser.Page }

func open(t *testing.T, b *browser.Browser, address string) page {
	t.Helper()
	p := page{b.Open(t, address, http.StatusBadRequest, http.StatusUnauthorized, http.StatusUnprocessableEntity)}
	p.Wait("!document.querySelector('#sign-in').hidden")
	return p
}

func (p page) signUp(name string) {
	p.Click("a[href='#sign-up']")
	p.Type("#sign-up-username", name)
	p.Type("#sign-up-password", good)
	p.Click("#sign-up button")
	p.WaitText("#name", name)
}

func (p page) signIn(name, password string) {
	p.Type("#sign-in-username", name)
	p.Type("#sign-in-password", password)
	p.Click("#sign-in button")
	p.WaitText("#name", name)
}

func (p page) changePassword(current, chosen string) {
	p.Eval("document.querySelector('#password form').reset()")
	p.Type("#password-current", current)
	p.Type("#password-new", chosen)
	p.Click("#password button")
}

// lookAgain is as if the page had been behind another.
func (p page) lookAgain() { p.Eval("document.dispatchEvent(new Event('visibilitychange'))") }

// requireSignedOut waits for a page that was told so.
func (p page) requireSignedOut() {
	p.WaitText("#status", "You were signed out.")
	p.Wait("!document.querySelector('#sign-in').hidden && document.querySelector('#account').hidden")
}

// refreshes counts the page's requests for another access token.
func (p page) refreshes() (n int) {
	for _, request := range p.Requests() {
		if strings.HasSuffix(request, "/token/refresh") {
			n++
		}
	}
	return n
}

func inEachMode(t *testing.T, f func(*testing.T, *server, *browser.Browser)) {
	b := browser.Start(t)
	for mode := range modes {
		t.Run(mode, func(t *testing.T) { f(t, start(t, options{mode: mode}), b) })
	}
}

func TestBrowserSignsUpAndIn(t *testing.T) {
	inEachMode(t, func(t *testing.T, s *server, b *browser.Browser) {
		p := open(t, b, s.url)
		p.Click("a[href='#sign-up']")
		p.Type("#sign-up-username", "alice")
		p.Type("#sign-up-password", "password")
		p.Click("#sign-up button")
		p.WaitText("#sign-up-password-error", "Use at least 15 characters. Use another password: this is one of the commonest.")
		p.Wait("document.activeElement.id === 'sign-up-password' && document.activeElement.ariaInvalid === 'true'")
		p.Eval("document.activeElement.select()") // what is typed replaces it
		p.Type("#sign-up-password", good)
		p.Click("#sign-up button")
		p.WaitText("#name", "alice")
		p.WaitText("#sessions", "This browser")
		require.Equal(t, "/", browser.Value[string](p.Page, "location.pathname + location.hash"))

		p.Click("#sign-out")
		p.requireSignedOut()
		p.Type("#sign-in-username", "alice")
		p.Type("#sign-in-password", "wrong")
		p.Click("#sign-in button")
		p.WaitText("#sign-in .error", "Incorrect username or password")
		p.Eval("document.querySelector('#sign-in form').reset()")
		p.signIn("alice", good)
	})
}

// TestBrowserKeepsNoToken: a script that finds its way into the page has nothing to carry away.
func TestBrowserKeepsNoToken(t *testing.T) {
	const seen = `(async () => {
		const databases = await indexedDB.databases();
		const own = Object.keys(window).filter((name) => /token/i.test(name));
		return [document.cookie, Object.keys(localStorage), Object.keys(sessionStorage), databases, await caches.keys(), own].flat().join();
	})()`
	inEachMode(t, func(t *testing.T, s *server, b *browser.Browser) {
		p := open(t, b, s.url)
		p.signUp("alice")
		s.expire()
		p.lookAgain()
		p.Wait("document.querySelector('#sessions time')")
		require.Empty(t, browser.Value[string](p.Page, seen))
		require.Empty(t, browser.Value[string](p.Page, "[...document.querySelectorAll('input')].map((i) => i.type === 'password' ? i.value : '').join('')"))
	})
}

// TestBrowserRenewsSilently: several requests are refused at once, and one new access token does for all.
func TestBrowserRenewsSilently(t *testing.T) {
	const manyAtOnce = `import("/api.js").then((api) => Promise.all(Array.from({length: 6}, () => api.call("GET", "/api/me")))).then((all) => all.map((me) => me.username).join())`
	const oneIsLate = `import("/api.js").then(async (api) => {
		const { fetch } = window;
		const { promise, resolve } = Promise.withResolvers();
		window.fetch = async (...request) => {
			window.fetch = fetch;
			const refused = await fetch(...request);
			await promise;
			return refused;
		};
		const late = api.call("GET", "/api/me");
		await api.call("GET", "/api/me");
		resolve();
		return (await late).username;
	})`
	inEachMode(t, func(t *testing.T, s *server, b *browser.Browser) {
		p := open(t, b, s.url)
		p.signUp("alice")
		before := p.refreshes()
		s.expire()
		require.Equal(t, "alice,alice,alice,alice,alice,alice", browser.Value[string](p.Page, manyAtOnce))
		require.Equal(t, before+1, p.refreshes())

		s.expire()
		require.Equal(t, "alice", browser.Value[string](p.Page, oneIsLate))
		require.Equal(t, before+2, p.refreshes(), "whose refusal comes after the renewal is sent again with what there is")

		s.expire()
		p.changePassword("wrong", another)
		p.WaitText("#password-current-error", "This is not your password.")
		require.Equal(t, before+3, p.refreshes())
	})
}

func TestBrowserEndsAnotherSession(t *testing.T) {
	inEachMode(t, func(t *testing.T, s *server, b *browser.Browser) {
		one, two := open(t, b, s.url), open(t, b, s.url)
		one.signUp("alice")
		two.signIn("alice", good)
		s.visitor(t).require(200, "POST /token", tokenRequest("alice", good), "User-Agent", "<img src=x onerror=alert(1)>")

		one.lookAgain()
		one.Wait("document.querySelectorAll('#sessions li').length === 3")
		one.WaitText("#sessions li:first-child", "<img src=x onerror=alert(1)>") // as text
		one.Click("#sessions li:nth-child(2) button")
		one.WaitText("#status", "Chrome on Linux is signed out.")
		one.Wait("document.querySelectorAll('#sessions li').length === 2")
		one.Wait("document.activeElement.id === 'sessions-title'")

		two.changePassword(good, another) // any request will do
		two.requireSignedOut()
		one.WaitText("#name", "alice")
	})
}

func TestBrowserSignsOutEverywhere(t *testing.T) {
	inEachMode(t, func(t *testing.T, s *server, b *browser.Browser) {
		one, two := open(t, b, s.url), open(t, b, s.url)
		one.signUp("alice")
		two.signIn("alice", good)
		one.Click("#end-all")
		one.requireSignedOut()
		two.lookAgain()
		two.requireSignedOut()
	})
}

func TestBrowserChangesPassword(t *testing.T) {
	inEachMode(t, func(t *testing.T, s *server, b *browser.Browser) {
		one, two := open(t, b, s.url), open(t, b, s.url)
		one.signUp("alice")
		two.signIn("alice", good)
		one.changePassword(good, "alice")
		one.WaitText("#password-new-error", "Use at least 15 characters. Use more than your name")
		one.changePassword(good, another)
		one.WaitText("#status", "Your password is changed.")
		one.Wait("document.querySelectorAll('#sessions li').length === 1")
		one.lookAgain()
		one.WaitText("#name", "alice")

		two.lookAgain()
		two.requireSignedOut()
		two.signIn("alice", another)
	})
}

func TestBrowserOfAnAdmin(t *testing.T) {
	inEachMode(t, func(t *testing.T, s *server, b *browser.Browser) {
		alice := open(t, b, s.url)
		alice.signUp("alice")
		require.True(t, browser.Value[bool](alice.Page, "document.querySelector('#admin').hidden"))
		root := page{b.Open(t, s.url, 400, 401, 404, 409)}
		root.signIn("root", s.admin(t, "root"))

		press := func(name, action, selector, text string) {
			root.Eval("document.querySelector('#admin form').reset()")
			root.Type("#admin-username", name)
			root.Click(fmt.Sprintf("#admin button[value=%s]", action))
			root.WaitText(selector, text)
		}
		press("nobody", "disable", "#admin-username-error", "There is no user of this name.")
		press("root", "disable", "#admin-username-error", "This is you.")
		press("alice", "disable", "#status", "alice is disabled.")
		alice.changePassword(good, another)
		alice.requireSignedOut()
		alice.Type("#sign-in-username", "alice")
		alice.Type("#sign-in-password", good)
		alice.Click("#sign-in button")
		alice.WaitText("#sign-in .error", "Incorrect username or password")

		press("alice", "enable", "#status", "alice is enabled.")
		alice.Eval("document.querySelector('#sign-in form').reset()")
		alice.signIn("alice", good)
	})
}

// TestBrowserByKeyboard signs in, ends a session and signs out by keys alone.
func TestBrowserByKeyboard(t *testing.T) {
	const focused, tab, enter = ":focus", "\t", "\r"
	s := start(t, options{})
	p := open(t, browser.Start(t), s.url)
	s.visitor(t).signUp("alice")
	p.Wait("document.activeElement.id === 'sign-in-username'") // where the page puts whoever opens it
	p.Type(focused, "alice"+tab)
	p.Wait("document.activeElement.id === 'sign-in-password'")
	p.Type(focused, good+enter)
	p.WaitText("#name", "alice")
	p.Wait("document.activeElement.id === 'sessions-title' && document.querySelectorAll('#sessions li').length === 2")
	p.Type(focused, tab)
	p.Wait("document.activeElement.matches('#sessions button')")
	p.Screenshot("app-keyboard")
	p.Type(focused, enter)
	p.Wait("document.activeElement.id === 'sessions-title' && document.querySelectorAll('#sessions li').length === 1")
	for _, id := range []string{"end-all", "password-current", "password-new"} {
		p.Type(focused, tab)
		p.Wait("document.activeElement.id === '" + id + "'")
	}
	p.Eval("document.querySelector('#sign-out').focus()")
	p.Type(focused, enter)
	p.requireSignedOut()
}
