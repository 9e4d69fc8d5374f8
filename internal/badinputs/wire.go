package badinputs

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
)

const answerTimeout = 20 * time.Second

// exchange is a request and what came of it.
type exchange struct {
	sent   string // the beginning, where there is no end
	status int    // 0: the server hung up without an answer
	header http.Header
	body   string
	closes bool // the server hangs up after it

	calls  []call // of the protected handlers
	events []passbearer.Event
	log    string
	stores []string // calls
	hashes uint64
	work   uint64
	read   int64 // bytes of the body
}

// String shows the request, a token in it decoded and nothing of great length, and
// the answer.
func (x *exchange) String() string {
	sent := compactJWT.ReplaceAllStringFunc(x.sent, func(token string) string {
		head, payload, _ := split(token)
		plainHead, err1 := base64.RawURLEncoding.DecodeString(head)
		plain, err2 := base64.RawURLEncoding.DecodeString(payload)
		if err1 != nil || err2 != nil {
			return token
		}
		return fmt.Sprintf("‹%s.%s›", plainHead, plain)
	})
	if len(sent) > 800 {
		sent = fmt.Sprintf("%s… (%d bytes)", sent[:800], len(sent))
	}
	return fmt.Sprintf("%q: %d %v %q", sent, x.status, x.header, x.body)
}

func (x *exchange) answer() answer {
	a, _ := readAnswer(x.body)
	return a
}

// send writes a request as it is, and goes on with more, while it waits for the
// answer: many a request is refused before its end.
func send(addr, request string, more io.Reader) (*exchange, error) {
	x := &exchange{sent: request}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return x, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(answerTimeout))
	written := make(chan struct{})
	go func() {
		defer close(written)
		if _, err := io.WriteString(conn, request); err == nil && more != nil {
			io.Copy(conn, more)
		}
	}()
	err = x.receive(bufio.NewReader(conn))
	conn.Close() // or an endless body would be written on
	<-written
	return x, err
}

// receive leaves the status 0 where the server hangs up.
func (x *exchange) receive(r *bufio.Reader) error {
	for {
		res, err := http.ReadResponse(r, &http.Request{Method: x.method()})
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return nil
		case err != nil:
			return err
		case res.StatusCode < 200:
			continue
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		x.status, x.header, x.body, x.closes = res.StatusCode, res.Header, string(body), res.Close
		return err
	}
}

func (x *exchange) method() string {
	method, _, _ := strings.Cut(x.sent, " ")
	return method
}

// request is one whose body has its length. A header line may hold several, or
// none.
func request(method, target, body string, lines ...string) string {
	head := []string{method + " " + target + " HTTP/1.1", "Host: api", "Connection: close"}
	for _, line := range lines {
		if line != "" {
			head = append(head, line)
		}
	}
	if body != "" || method == "POST" {
		head = append(head, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	return strings.Join(head, "\r\n") + "\r\n\r\n" + body
}

func get(target string, lines ...string) string { return request("GET", target, "", lines...) }

const formType = "Content-Type: application/x-www-form-urlencoded"

// post sends a form, encoded already.
func post(target, form string, lines ...string) string {
	return request("POST", target, form, append([]string{formType}, lines...)...)
}

// form encodes names and values in turn.
func form(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		b.WriteString("&"[:min(i, 1)])
		b.WriteString(url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1]))
	}
	return b.String()
}

func bearer(token string) string { return "Authorization: Bearer " + token }

// basic encodes as RFC 6749 §2.3.1 has it.
func basic(id, secret string) string {
	return basicRaw(url.QueryEscape(id) + ":" + url.QueryEscape(secret))
}

func basicRaw(text string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(text))
}

// newRequest is one without a network.
func newRequest(target, token string) (*http.Request, error) {
	r, err := http.NewRequest("GET", target, nil)
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r, err
}
