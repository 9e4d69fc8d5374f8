package fiberbearer

import (
	"bytes"
	"io"
	"net/http"
	"net/url"

	"github.com/gofiber/fiber/v3"
)

// request copies c's request, without its body.
//
// fiber's adaptor is not used: it hands on fasthttp's memory, has only the last of two
// Authorization headers (fasthttp 1.69), reads a streamed body whole without a limit,
// and ends the process when a handler panics.
func request(c fiber.Ctx) (*http.Request, error) {
	in := c.Request()
	target := string(in.Header.RequestURI())
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, fiber.ErrBadRequest
	}
	r := &http.Request{
		Method: string(in.Header.Method()), URL: u, RequestURI: target, Host: string(in.Host()),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody,
		RemoteAddr: c.RequestCtx().RemoteAddr().String(), TLS: c.RequestCtx().TLSConnectionState(),
	}
	for name, value := range in.Header.All() {
		r.Header.Add(string(name), string(value))
	}
	r.Header.Del("Host") // as in net/http
	return r.WithContext(c.Context()), nil
}

// readBody gives r the body, which whoever reads it may keep.
func readBody(c fiber.Ctx, r *http.Request) error {
	var body []byte
	if stream := c.Request().BodyStream(); stream == nil {
		body = bytes.Clone(c.Request().Body())
	} else { // which fiber does not bound
		limit := c.App().Config().BodyLimit
		var err error
		if body, err = io.ReadAll(io.LimitReader(stream, int64(limit)+1)); err != nil {
			return fiber.ErrBadRequest
		}
		if len(body) > limit {
			return fiber.ErrRequestEntityTooLarge
		}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// answer is a ResponseWriter that keeps what is written.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newAnswer() *answer { return &answer{header: http.Header{}} }

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 { // not "103 Early Hints"
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// send makes a what c answers, in the place of fields that were there, but beside the cookies and the Vary of others.
func (a *answer) send(c fiber.Ctx) error {
	a.WriteHeader(http.StatusOK)
	out := &c.Response().Header
	if a.body.Len() > 0 && a.header.Get("Content-Type") == "" {
		a.header.Set("Content-Type", http.DetectContentType(a.body.Bytes()))
	}
	for name, values := range a.header {
		if name != "Set-Cookie" && name != "Vary" {
			out.Del(name)
		}
		for _, value := range values {
			out.Add(name, value)
		}
	}
	return c.Status(a.status).Send(a.body.Bytes())
}
