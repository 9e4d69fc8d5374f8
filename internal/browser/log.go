package browser

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	devtools "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// log is what a page did, from the events of its Chromium.
type log struct {
	host     string // the page's own
	statuses []int  // provoked by the test

	mu       sync.Mutex
	requests []string
	wrong    []string
}

func newLog(host string, statuses []int) *log { return &log{host: host, statuses: statuses} }

// add is called with each event.
func (l *log) add(event any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		l.request(e.Request.Method, e.Request.URL)
	case *network.EventWebSocketCreated:
		l.request("WebSocket", e.URL)
	case *runtime.EventExceptionThrown:
		l.problem("exception: %s", exceptionText(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "assert" {
			l.problem("console: %s", consoleText(e.Args))
		}
	case *devtools.EventEntryAdded:
		if e.Entry.Level == "error" && !l.provoked(e.Entry) {
			l.problem("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	}
}

func (l *log) request(method, address string) {
	l.requests = append(l.requests, method+" "+address)
	u, err := url.Parse(address)
	if err != nil || u.Host != l.host && u.Scheme != "data" && u.Scheme != "blob" {
		l.problem("request to another host: %s %s", method, address)
	}
}

// provoked tells whether an entry is of an answer with a status that the test
// expects.
func (l *log) provoked(e *devtools.Entry) bool {
	return e.Source == "network" && slices.ContainsFunc(l.statuses, func(status int) bool {
		if status == 0 {
			return strings.Contains(e.Text, "net::ERR_")
		}
		return strings.Contains(e.Text, fmt.Sprintf("with a status of %d ", status))
	})
}

func (l *log) problem(format string, args ...any) {
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

func (l *log) problems() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.wrong)
}

func (l *log) allRequests() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.requests)
}

func exceptionText(d *runtime.ExceptionDetails) string {
	if d.Exception != nil && d.Exception.Description != "" {
		return d.Exception.Description
	}
	return d.Text
}

func consoleText(args []*runtime.RemoteObject) string {
	var words []string
	for _, arg := range args {
		if arg.Description != "" {
			words = append(words, arg.Description)
			continue
		}
		words = append(words, strings.Trim(string(arg.Value), `"`))
	}
	return strings.Join(words, " ")
}
