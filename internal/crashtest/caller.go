package crashtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
)

// answerTimeout is for one request, over which the server counts as hanging. A
// request is never given up before: come late, it would look like theft.
const answerTimeout = 30 * time.Second

// caller sends requests to one server.
type caller struct {
	http *http.Client
	base string
}

func newCaller(base string) caller {
	return caller{&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: answerTimeout}, base}
}

// inProcess calls a handler without a network.
func inProcess(h http.Handler) caller {
	return caller{&http.Client{Transport: handlerTransport{h}}, "http://in.process"}
}

type handlerTransport struct{ handler http.Handler }

func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	t.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

// answer is what came of one request.
type answer struct {
	err    error // there was no answer
	status int
	event  passbearer.EventKind
	cause  string

	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`
	reply
}

// Format hides the tokens.
func (a answer) Format(s fmt.State, _ rune) {
	if a.err != nil {
		fmt.Fprintf(s, "no answer: %v", a.err)
		return
	}
	fmt.Fprintf(s, "%d %s (%s: %s)", a.status, a.Error, a.event, a.cause)
}

func (a answer) ok() bool { return a.err == nil && a.status == http.StatusOK }

// again reports whether the request is to be sent once more, unchanged.
func (a answer) again() bool { return a.err != nil || a.status == http.StatusServiceUnavailable }

// dead reports whether the refresh token was refused for good.
func (a answer) dead() bool { return a.status == http.StatusBadRequest && a.Error == "invalid_grant" }

// sid is that of the session, which the access token names.
func (a answer) sid() string {
	sid, _, _ := strings.Cut(a.Access, ".")
	return sid
}

// epoch is the user's at sign-in, and 1 more.
func (a answer) epoch() string {
	parts := strings.Split(a.Access, ".")
	return parts[min(1, len(parts)-1)]
}

// post sends the parameters, names and values in turn.
func (c caller) post(path string, pairs ...string) (a answer) {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	res, err := c.http.PostForm(c.base+path, form)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{err: err}
	}
	a.status, a.event, a.cause = res.StatusCode, passbearer.EventKind(res.Header.Get(eventHeader)), res.Header.Get(causeHeader)
	if err := json.Unmarshal(body, &a); err != nil && a.status != http.StatusServiceUnavailable {
		a.err = fmt.Errorf("an answer of status %d is no JSON: %w", a.status, err)
	}
	return a
}

func (c caller) signIn(user, client string) answer {
	return c.post("/token", "grant_type", "password", "username", user, "password", "any", "client_id", client)
}

func (c caller) refresh(token, client string) answer {
	return c.post("/token", "grant_type", "refresh_token", "refresh_token", token, "client_id", client)
}

func (c caller) signOut(token, client string) answer {
	return c.post(pathRevoke, "token", token, "client_id", client)
}
