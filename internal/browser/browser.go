// Package browser drives a headless Chromium in tests.
//
// [Start] starts one for a test and its subtests, with an empty profile, and
// [Browser.Open] opens a page in it that shares nothing with another. At the
// test's end, the test fails if the page wrote an error to its console, broke its
// Content-Security-Policy or sent a request to any host but its own.
//
// The environment variable PASSBEARER_SCREENSHOTS names a folder for
// [Page.Screenshot], which also takes one of each page whose test has failed.
package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// patience is how long any one thing may take.
const patience = 30 * time.Second

// Browser is a running Chromium.
type Browser struct{ ctx context.Context }

// Start starts Chromium, and stops it at the test's end. It skips the test where
// Chromium is not installed.
func Start(t testing.TB) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("run: apt-get install -y chromium")
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(1280, 1024),
		chromedp.NoSandbox, // as root it cannot have one, and it sees the test's own pages alone
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
	)
	// Not t.Context: it ends before the cleanups, in which pages are still looked at.
	allocator, stop := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(stop)
	ctx, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &Browser{ctx}
}

// Page is a page in a [Browser]. Its methods fail the test where they cannot do
// what they say within 30 seconds. One goroutine may use it.
type Page struct {
	t   testing.TB
	ctx context.Context
	log *log
}

// Open opens a URL. The statuses are of those answers that the test provokes, zero
// for none at all: for any other of 400 and more, Chromium writes an error to the
// console.
func (b *Browser) Open(t testing.TB, address string, statuses ...int) *Page {
	t.Helper()
	origin, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, closePage := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(closePage)
	p := &Page{t: t, ctx: ctx, log: newLog(origin.Host, statuses)}
	if err := chromedp.Listen(ctx, p.log.add); err != nil {
		t.Fatalf("open a page: %v", err)
	}
	t.Cleanup(p.check)
	p.do("watch for violations", func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: reportViolations})
		return none, err
	})
	p.do("open "+address, chromedp.Navigate(address))
	return p
}

// reportViolations makes errors on the console of what breaks the policy. Where
// it is a policy for reports alone, Chromium itself writes none.
const reportViolations = `addEventListener("securitypolicyviolation", (v) => console.error(
	"Content-Security-Policy:", v.effectiveDirective, "refuses", v.blockedURI, "at", v.sourceFile + ":" + v.lineNumber, v.sample))`

// check reports what the page should not have done.
func (p *Page) check() {
	p.t.Helper()
	// The events of all that happened so far arrive before this answer.
	if _, err := run(p, chromedp.Title()); err != nil {
		p.t.Errorf("the page is gone: %v", err)
	}
	for _, problem := range p.log.problems() {
		p.t.Error(problem)
	}
	if p.t.Failed() {
		p.Screenshot(strings.ReplaceAll(p.t.Name(), "/", "-") + "-failed")
	}
}

func run[T any](p *Page, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, action)
}

func (p *Page) do(what string, action chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if _, err := run(p, action); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// Click clicks the first element that matches a CSS selector once it is visible.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Type types into the first element that matches a CSS selector once it is
// visible.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	p.do("type into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible))
}

// WaitText waits until an element that matches a CSS selector shows the text.
func (p *Page) WaitText(selector, text string) {
	p.t.Helper()
	p.Wait(fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => e.innerText.includes(%q))", selector, text))
}

// Wait waits until a JavaScript expression is true.
func (p *Page) Wait(expression string) {
	p.t.Helper()
	// Not chromedp.Poll: it evaluates strings, which a policy may refuse.
	poll := fmt.Sprintf(`new Promise((done, fail) => {
		const look = () => { try { (%s) ? done() : requestAnimationFrame(look); } catch (e) { fail(e); } };
		look();
	})`, expression)
	if _, err := run(p, chromedp.Evaluate[chromedp.Void](poll, chromedp.EvalAwaitPromise)); err != nil {
		shown, _ := run(p, chromedp.Evaluate[string]("document.body.innerText"))
		p.t.Fatalf("wait for %s: %v; the page shows:\n%s", expression, err, shown)
	}
}

// Eval evaluates a JavaScript expression, and waits for the promise that it may be.
func (p *Page) Eval(expression string) {
	p.t.Helper()
	p.do("evaluate "+expression, chromedp.Evaluate[chromedp.Void](expression, chromedp.EvalAwaitPromise))
}

// Value returns what a JavaScript expression comes to.
func Value[T any](p *Page, expression string) T {
	p.t.Helper()
	value, err := run(p, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return value
}

// Requests returns the page's requests so far, as "GET http://127.0.0.1:8000/".
func (p *Page) Requests() []string { return p.log.allRequests() }

// Screenshot writes the whole page to NAME.png in the folder that
// PASSBEARER_SCREENSHOTS names, and does nothing without one.
func (p *Page) Screenshot(name string) {
	p.t.Helper()
	folder := os.Getenv("PASSBEARER_SCREENSHOTS")
	if folder == "" {
		return
	}
	picture, err := run(p, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600)
	}
	if err != nil {
		p.t.Errorf("screenshot %s: %v", name, err)
	}
}
