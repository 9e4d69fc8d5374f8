package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/passbearer/passbearer/internal/browser"
)

// recorder is a test that remembers its errors and does not fail.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Error(args ...any) { r.errors = append(r.errors, fmt.Sprint(args...)) }
func (r *recorder) Failed() bool      { return false }

// TestReports: for each thing that a page should not do, the test is told.
func TestReports(t *testing.T) {
	b := browser.Start(t)
	for _, test := range []struct {
		name, policy, body string
		statuses           []int
		want               string // in one of the errors; empty: there is none
	}{
		{"nothing", "", `<p>hello</p>`, nil, ""},
		{"data URL", "", `<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=">`, nil, ""},
		{"console.error", "", `<script>console.error("oh", {a: 1}, 2)</script>`, nil, "console: oh Object 2"},
		{"console.assert", "", `<script>console.assert(false, "not so")</script>`, nil, "console: not so"},
		{"exception", "", `<script>nonsense()</script>`, nil, "exception: ReferenceError: nonsense is not defined"},
		{"rejected promise", "", `<script>Promise.reject(new Error("broken"))</script>`, nil, "exception: Error: broken"},
		{"inline script", "script-src 'self'", `<script>1</script>`, nil, "script-src-elem refuses inline"},
		{"inline style", "style-src 'self'", `<p style="color:red">`, nil, "style-src-attr refuses inline"},
		{"violation that is reported alone", "report-only", `<script>1</script>`, nil, "script-src-elem refuses inline"},
		{"request to another host", "", `<img src="http://host.example/x.png">`, []int{0}, "another host: GET http://host.example/x.png"},
		{"request to another port", "", `<script>fetch("http://127.0.0.1:1/").catch(() => 0)</script>`, []int{0}, "another host: GET http://127.0.0.1:1/"},
		{"WebSocket", "", `<script>new WebSocket("ws://host.example/")</script>`, []int{0}, "another host: WebSocket ws://host.example/"},
		{"missing image", "", `<img src="missing">`, nil, "with a status of 404 "},
		{"missing image, expected", "", `<img src="missing">`, []int{404}, ""},
		{"missing image, another expected", "", `<img src="missing">`, []int{401}, "with a status of 404 "},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/missing":
					http.NotFound(w, r)
					return
				case test.policy == "report-only":
					w.Header().Set("Content-Security-Policy-Report-Only", "script-src 'self'")
				case test.policy != "":
					w.Header().Set("Content-Security-Policy", test.policy)
				}
				fmt.Fprintf(w, `<!DOCTYPE html><link rel="icon" href="data:,"><title>done</title>%s`, test.body)
			}))
			t.Cleanup(server.Close)
			r := &recorder{TB: t}
			t.Cleanup(func() { // after those of the page
				found := slices.ContainsFunc(r.errors, func(e string) bool { return test.want != "" && strings.Contains(e, test.want) })
				if found != (test.want != "") || test.want == "" && len(r.errors) > 0 {
					t.Errorf("reported: %q", r.errors)
				}
			})
			p := b.Open(r, server.URL, test.statuses...)
			p.Wait("document.readyState === 'complete'")
		})
	}
}

func TestPage(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!DOCTYPE html><link rel="icon" href="data:,"><input id="name"><button id="greet" onclick="hello.innerText = 'Hello ' + document.querySelector('#name').value">greet</button><p id="hello">`)
	}))
	t.Cleanup(server.Close)
	b := browser.Start(t)
	p := b.Open(t, server.URL)
	p.Type("#name", "johndoe")
	p.Click("#greet")
	p.WaitText("p", "Hello johndoe")
	p.Eval("localStorage.setItem('a', 'b')")
	if got := browser.Value[int](p, "new Promise((done) => done(localStorage.length))"); got != 1 {
		t.Errorf("localStorage has %d entries", got)
	}
	if got := p.Requests(); !slices.Equal(got, []string{"GET " + server.URL + "/"}) {
		t.Errorf("requests: %q", got)
	}
	if got := browser.Value[int](b.Open(t, server.URL), "localStorage.length"); got != 0 {
		t.Errorf("localStorage of another page has %d entries", got)
	}
}
