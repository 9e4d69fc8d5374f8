package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tab is one of several in one browser, with the same cookies: what package browser, whose pages
// share nothing, is not for. Its size and its colours can be changed.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func openTabs(t *testing.T, address string, n int) (tabs []tab) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("Chromium is not installed: apt-get install -y chromium")
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("no-proxy-server", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost"))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(stop)
	for range n {
		var closeTab context.CancelFunc
		ctx, closeTab = chromedp.NewContext(ctx) // of the tab before, in whose browser it is
		t.Cleanup(closeTab)
		require.NoError(t, chromedp.Do(ctx)) // opens it; with a timeout, that would also close it
		b := tab{t, ctx}
		do(b, "open", chromedp.Navigate(address))
		tabs = append(tabs, b)
	}
	return tabs
}

func do[T any](b tab, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, action)
	assert.NoError(b.t, err, what) // not require: tabs are used at once
	return got
}

// wait waits until a JavaScript expression is true.
func (b tab) wait(expression string) {
	b.t.Helper()
	do(b, expression, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(
		"new Promise((done, fail) => { const look = async () => { try { (%s) ? done() : setTimeout(look, 5); } catch (e) { fail(e); } }; look(); })", expression), chromedp.EvalAwaitPromise))
}

func (b tab) eval(expression string) string {
	b.t.Helper()
	return do(b, expression, chromedp.Evaluate[string]("Promise.resolve("+expression+").then(String)", chromedp.EvalAwaitPromise))
}

func (b tab) reload() {
	b.t.Helper()
	do(b, "reload", chromedp.Reload())
}

func (b tab) submit(form string, values map[string]string) {
	b.t.Helper()
	for id, value := range values {
		b.eval(fmt.Sprintf("document.getElementById(%q).value = %q", id, value))
	}
	b.eval(fmt.Sprintf("document.querySelector(%q).requestSubmit()", form))
}

func (b tab) signIn(name, password string) {
	b.t.Helper()
	b.wait("!document.querySelector('#sign-in').hidden")
	b.submit("#sign-in form", map[string]string{"sign-in-username": name, "sign-in-password": password})
	b.waitAccount(name)
}

func (b tab) waitAccount(name string) {
	b.t.Helper()
	b.wait(fmt.Sprintf("!document.querySelector('#account').hidden && document.querySelector('#name').textContent === %q", name))
}

// TestTabs: all tabs of a browser are signed in and out together, and may renew their tokens at once.
func TestTabs(t *testing.T) {
	const ask = `import("/api.js").then((api) => api.call("GET", "/api/me")).then((me) => me.username)`
	const withoutLocks = `Object.defineProperty(navigator, "locks", {value: undefined})`
	for mode := range modes {
		t.Run(mode, func(t *testing.T) {
			s := start(t, options{mode: mode})
			s.visitor(t).signUp("alice")
			s.visitor(t).signUp("bob")
			tabs := openTabs(t, s.url, 3)
			all := func(f func(tab)) {
				t.Helper()
				var running sync.WaitGroup
				for _, b := range tabs {
					running.Go(func() { f(b) })
				}
				running.Wait()
				require.False(t, t.Failed())
			}
			all(func(b tab) { b.wait("!document.querySelector('#sign-in').hidden") })
			tabs[0].signIn("alice", good)
			all(func(b tab) { b.waitAccount("alice") })

			for range 3 {
				s.expire()
				all(func(b tab) { assert.Equal(t, "alice", b.eval(ask)) })
			}

			tabs[0].eval(`(navigator.locks.request("session", () => new Promise((done) => { window.release = done; })), 0)`)
			tabs[0].wait("window.release")
			s.expire()
			tabs[1].eval("(" + strings.Replace(ask, "me.username", "{ document.title = me.username; }", 1) + ", 0)")
			tabs[0].wait("(await navigator.locks.query()).pending.length === 1") // the one tab waits for the other
			tabs[0].eval("release()")
			tabs[1].wait("document.title === 'alice'")

			all(func(b tab) { b.eval(withoutLocks) })
			for range 3 {
				s.expire()
				all(func(b tab) { assert.Equal(t, "alice", b.eval(ask)) })
			}

			// A change of the password beside refreshes with the cookies of before.
			all(tab.reload)
			all(func(b tab) { b.waitAccount("alice") })
			s.expire()
			all(func(b tab) {
				if b == tabs[0] {
					b.submit("#password form", map[string]string{"password-current": good, "password-new": another})
					b.wait("document.querySelector('#status').textContent === 'Your password is changed.'")
					return
				}
				assert.Equal(t, "alice", b.eval(ask))
			})
			all(func(b tab) { assert.Equal(t, "alice", b.eval(ask)) })

			tabs[1].eval("document.querySelector('#sign-out').click()")
			all(func(b tab) { b.wait("document.querySelector('#status').textContent === 'You were signed out.'") })
			tabs[2].signIn("bob", good)
			all(func(b tab) { b.waitAccount("bob") })
		})
	}
}

// TestLooks takes pictures of all that the page shows, if PASSBEARER_SCREENSHOTS names a folder, and
// looks itself for what is wider than the screen.
func TestLooks(t *testing.T) {
	s := start(t, options{})
	secret := s.admin(t, "root")
	b := openTabs(t, s.url, 1)[0]
	b.wait("!document.querySelector('#sign-in').hidden")
	b.look("sign-in")
	b.submit("#sign-in form", map[string]string{"sign-in-username": "root", "sign-in-password": "wrong"})
	b.wait("document.querySelector('#sign-in .error').textContent !== ''")
	b.look("sign-in-refused")
	b.eval("location.hash = '#sign-up'")
	b.wait("!document.querySelector('#sign-up').hidden")
	b.submit("#sign-up form", map[string]string{"sign-up-username": "alice", "sign-up-password": "password"})
	b.wait("document.querySelector('#sign-up-password-error').textContent !== ''")
	b.look("sign-up-refused")
	b.eval("location.hash = '#sign-in'")
	b.signIn("root", secret)

	for _, agent := range []string{"Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 Version/26.0 Mobile/15E148 Safari/604.1",
		"a-long-name-without-spaces/" + strings.Repeat("x", 60)} {
		s.visitor(t).require(200, "POST /token", tokenRequest("root", secret), "User-Agent", agent)
	}
	b.reload()
	b.wait("document.querySelectorAll('#sessions li').length === 3")
	b.submit("#password form", map[string]string{"password-current": "wrong", "password-new": another})
	b.wait("document.querySelector('#password-current-error').textContent !== ''")
	b.eval("document.querySelector('#status').textContent = 'Your password is changed.'")
	b.look("account")
}

func (b tab) look(name string) {
	b.t.Helper()
	for _, width := range []int64{1280, 390, 320} {
		for _, scheme := range []string{"light", "dark"} {
			do(b, "size", call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: width < 500}))
			do(b, "colours", call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}))
			require.Equal(b.t, fmt.Sprint(width), b.eval("document.documentElement.scrollWidth"), "%s is wider than the screen", name)
			if folder := os.Getenv("PASSBEARER_SCREENSHOTS"); folder != "" && width != 320 {
				picture := do(b, "picture", chromedp.FullScreenshot(100))
				require.NoError(b.t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("app-%s-%d-%s.png", name, width, scheme)), picture, 0o600))
			}
		}
	}
}

func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[R] {
	return func(ctx context.Context, target *chromedp.Target) (R, error) {
		return cdp.Call(ctx, target, command, params)
	}
}

// TestAccessibleNames: what a screen reader says of everything that can be used.
func TestAccessibleNames(t *testing.T) {
	s := start(t, options{})
	secret := s.admin(t, "root")
	s.visitor(t).require(200, "POST /token", tokenRequest("root", secret), "User-Agent", "two")
	b := openTabs(t, s.url, 1)[0]
	b.wait("!document.querySelector('#sign-in').hidden")
	require.Equal(t, []string{"textbox Username", "textbox Password", "button Sign in", "link Create one"}, b.controls())
	b.eval("location.hash = '#sign-up'")
	b.wait("!document.querySelector('#sign-up').hidden")
	require.Equal(t, []string{"textbox Username", "textbox Password", "button Create account", "link Sign in"}, b.controls())
	b.eval("location.hash = '#sign-in'")
	b.signIn("root", secret)
	controls := b.controls()
	ending := slices.IndexFunc(controls, func(c string) bool { return strings.HasPrefix(c, "button End two, since ") })
	require.NotEqual(t, -1, ending, controls)
	require.Equal(t, []string{"button Sign out", "button Sign out everywhere", "textbox Current password", "textbox New password",
		"button Change password", "textbox Username", "button Disable", "button Enable"}, slices.Delete(controls, ending, ending+1))
}

// controls are the role and the accessible name of all that can be used, in their order.
func (b tab) controls() (all []string) {
	b.t.Helper()
	for _, node := range do(b, "accessibility", call(accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})).Nodes {
		if node.Ignored || node.Role == nil {
			continue
		}
		switch role := text(node.Role); role {
		case "textbox", "button", "link":
			all = append(all, role+" "+text(node.Name))
		}
	}
	return all
}

func text(v *accessibility.Value) (s string) {
	if v != nil {
		_ = json.Unmarshal(v.Value, &s)
	}
	return s
}
