package passbearer

import (
	"net/http"
	"slices"
)

// recorded is an answer of [Deny], made once: whoever sends forged tokens should
// not make us work.
type recorded struct {
	to            *Error
	status        int
	names, values []string // of the header
	body          []byte
}

func recordDeny(e *Error) *recorded {
	w := httpRecorder{header: make(http.Header)}
	Deny(&w, nil, e)
	a := &recorded{to: e, status: w.status, body: w.body}
	for name, values := range w.header {
		a.names, a.values = append(a.names, name), append(a.values, values[0])
	}
	return a
}

// isAnswerTo reports whether e is answered so: it may differ from what was in
// its cause, which is never sent, and in a scope, which is sent with a 403 only.
func (a *recorded) isAnswerTo(e *Error) bool {
	return a != nil && e.Extra == nil && e.Header == nil && slices.Equal(e.Params, a.to.Params) && e.StatusCode == a.to.StatusCode && e.RetryAfter == a.to.RetryAfter &&
		e.ErrorCode == a.to.ErrorCode && e.ErrorDescription == a.to.ErrorDescription &&
		e.Scheme == a.to.Scheme && e.Realm == a.to.Realm
}

func (a *recorded) answer(w http.ResponseWriter) {
	header, values := w.Header(), slices.Clone(a.values)
	for i, name := range a.names {
		header[name] = values[i : i+1 : i+1]
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// httpRecorder is a ResponseWriter that remembers.
type httpRecorder struct {
	header http.Header
	status int
	body   []byte
}

func (w *httpRecorder) Header() http.Header    { return w.header }
func (w *httpRecorder) WriteHeader(status int) { w.status = status }

func (w *httpRecorder) Write(p []byte) (int, error) {
	w.body = append(w.body, p...)
	return len(p), nil
}
