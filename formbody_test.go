package passbearer_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
)

// ofSize pads the form with a parameter nobody knows.
func ofSize(n int) string {
	return canaryForm + "&x=" + strings.Repeat("x", n-len(canaryForm)-3)
}

func TestFormSize(t *testing.T) {
	lengths := map[string]func(*http.Request){
		"as it is": func(*http.Request) {},
		"unknown":  func(r *http.Request) { r.ContentLength = -1 },
		"lying":    func(r *http.Request) { r.ContentLength = 10 },
	}
	for name, set := range lengths {
		t.Run(name, func(t *testing.T) {
			r := formRequest(ofSize(formLimit))
			set(r)
			form, err := passbearer.ParsePasswordForm(r)
			require.NoError(t, err)
			require.Equal(t, "canary-p", form.Password)
			requireRefusedEverywhere(t, tooLargeForm, func() *http.Request { // FB-026
				r := formRequest(ofSize(formLimit + 1))
				set(r)
				return r
			})
		})
	}
	t.Run("one byte at a time", func(t *testing.T) {
		r := formRequest("")
		r.Body = io.NopCloser(iotest.OneByteReader(strings.NewReader(ofSize(formLimit))))
		_, err := passbearer.ParsePasswordForm(r)
		require.NoError(t, err)
	})
	t.Run("over the limit, and broken there", func(t *testing.T) {
		requireRefusedEverywhere(t, tooLargeForm, func() *http.Request {
			r := formRequest("")
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader(ofSize(formLimit+1)), iotest.ErrReader(errors.New("canary"))))
			return r
		})
	})
}

func TestLargeContentLengthIsNotRead(t *testing.T) {
	for _, length := range []int64{formLimit + 1, 1 << 40} {
		requireRefusedEverywhere(t, tooLargeForm, func() *http.Request {
			r := unreadRequest(t)
			r.ContentLength = length
			return r
		})
	}
	r := formRequest(canaryForm)
	r.ContentLength = formLimit
	_, err := passbearer.ParsePasswordForm(r)
	require.NoError(t, err)
}

// endless counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return copy(p, bytes.Repeat([]byte("a"), len(p))), nil
}

func TestEndlessBody(t *testing.T) { // FB-027
	body := new(endless)
	requireRefusedEverywhere(t, tooLargeForm, func() *http.Request {
		body.read = 0
		r := formRequest("")
		r.ContentLength, r.Body = -1, io.NopCloser(body)
		return r
	})
	require.Equal(t, formLimit+1, body.read)
}

func TestMaxBytesReaderBefore(t *testing.T) {
	requireRefusedEverywhere(t, tooLargeForm, func() *http.Request {
		r := formRequest(canaryForm)
		r.Body = http.MaxBytesReader(nil, r.Body, 20)
		return r
	})
	w := serve(http.MaxBytesHandler(formHandler(t, nil), 20), formRequest(canaryForm))
	requireAnswer(t, tooLargeForm, w)
	w = serve(http.MaxBytesHandler(formHandler(t, nil), 100), formRequest("username=u&password=secret"))
	require.Equal(t, 200, w.Code)
}

func TestBrokenBodies(t *testing.T) {
	unreadable := refusal{400, "invalid_request", "The body could not be read"}
	broken := refusal{500, "server_error", "Internal server error"}
	slow := refusal{408, "invalid_request", "The body took too long"}
	tests := []struct {
		name   string
		body   io.Reader
		length int64
		want   refusal
	}{
		{"fails", iotest.ErrReader(errors.New("canary")), -1, unreadable},
		{"fails, length known", iotest.ErrReader(errors.New("canary")), 10, unreadable},
		{"cut off", io.MultiReader(strings.NewReader(canaryForm), iotest.ErrReader(io.ErrUnexpectedEOF)), 99, unreadable},
		{"deadline", iotest.ErrReader(fmt.Errorf("canary: %w", os.ErrDeadlineExceeded)), -1, slow},
		{"deadline amid", io.MultiReader(strings.NewReader(canaryForm), iotest.ErrReader(os.ErrDeadlineExceeded)), 99, slow},
		{"panics", panicReader{"canary"}, -1, broken},
		{"panics with an error", panicReader{os.ErrDeadlineExceeded}, 10, broken},
		{"panics amid", io.MultiReader(strings.NewReader(canaryForm), panicReader{"canary"}), 99, broken},
		{"read before", http.NoBody, 10, broken},
		{"empty", http.NoBody, 0, refusal{400, "invalid_request", "Missing parameter: grant_type"}},
		{"empty, length unknown", http.NoBody, -1, refusal{400, "invalid_request", "Missing parameter: grant_type"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := requireRefusedEverywhere(t, tt.want, func() *http.Request {
				r := formRequest("")
				r.Body, r.ContentLength = io.NopCloser(tt.body), tt.length
				if m, ok := tt.body.(io.Seeker); ok {
					m.Seek(0, io.SeekStart)
				}
				return r
			})
			if tt.want == broken {
				kind := passbearer.EventUnavailable
				if strings.HasPrefix(tt.name, "panics") {
					kind = passbearer.EventPanic
				}
				require.Equal(t, []passbearer.EventKind{kind}, seen.kinds())
				require.Error(t, seen.all[0].Err)
			}
		})
	}
}

type panicReader struct{ value any }

func (p panicReader) Read([]byte) (int, error) { panic(p.value) }

// A form that somebody else has read is a mistake in the program: the client
// could not mend it.
func TestFormReadBefore(t *testing.T) {
	tests := []struct {
		name string
		read func(*http.Request)
		mend string
	}{
		{"ParseForm", func(r *http.Request) { r.ParseForm() }, "form was parsed before"},
		{"FormValue", func(r *http.Request) { r.FormValue("x") }, "form was parsed before"},
		{"PostFormValue", func(r *http.Request) { r.PostFormValue("x") }, "form was parsed before"},
		{"ParseMultipartForm", func(r *http.Request) { r.ParseMultipartForm(1) }, "form was parsed before"},
		{"MultipartForm", func(r *http.Request) { r.MultipartForm = new(multipart.Form) }, "form was parsed before"},
		{"ReadAll", func(r *http.Request) { io.ReadAll(r.Body) }, "body was read before"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := requireRefusedEverywhere(t, refusal{500, "server_error", "Internal server error"}, func() *http.Request {
				r := formRequest(canaryForm)
				tt.read(r)
				return r
			})
			require.ErrorContains(t, seen.all[0].Err, tt.mend)
			require.ErrorContains(t, seen.all[0].Err, "mount it outside")
			require.NotContains(t, seen.all[0].Err.Error(), "canary")
		})
	}
	r := formRequest(canaryForm)
	r.ParseForm()
	_, err := passbearer.ParsePasswordForm(r)
	require.ErrorContains(t, err, "form was parsed before")
}
