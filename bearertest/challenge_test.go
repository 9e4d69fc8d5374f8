package bearertest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/bearertest"
)

type params = map[string]string

func TestParseChallenges(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string
		want  []bearertest.Challenge
		err   string
	}{
		{name: "no field"},
		{"scheme alone", []string{`Bearer`}, []bearertest.Challenge{{Scheme: "Bearer"}}, ""},
		{"scheme and space", []string{`Bearer `}, []bearertest.Challenge{{Scheme: "Bearer"}}, ""},
		{"parameters", []string{`Bearer realm="api", error="invalid_token"`}, []bearertest.Challenge{{"Bearer", "", params{"realm": "api", "error": "invalid_token"}}}, ""},
		{"token in the place of a quoted string", []string{`Bearer realm=api,max_age=60`}, []bearertest.Challenge{{"Bearer", "", params{"realm": "api", "max_age": "60"}}}, ""},
		{"names in any case", []string{`Bearer Realm="A"`}, []bearertest.Challenge{{"Bearer", "", params{"realm": "A"}}}, ""},
		{"blanks around the equals sign", []string{"Bearer realm\t= \"a\""}, []bearertest.Challenge{{"Bearer", "", params{"realm": "a"}}}, ""},
		{"quoted pairs", []string{`Bearer realm="a \"b\" \\ \c", x="1"`}, []bearertest.Challenge{{"Bearer", "", params{"realm": `a "b" \ c`, "x": "1"}}}, ""},
		{"comma and scheme in quotes", []string{`Bearer realm="a, Basic realm=b"`}, []bearertest.Challenge{{"Bearer", "", params{"realm": "a, Basic realm=b"}}}, ""},
		{"empty value", []string{`Bearer realm=""`}, []bearertest.Challenge{{"Bearer", "", params{"realm": ""}}}, ""},
		{"several in one", []string{`DPoP algs="ES256 EdDSA", Bearer, Basic realm="x", charset="UTF-8"`},
			[]bearertest.Challenge{{"DPoP", "", params{"algs": "ES256 EdDSA"}}, {Scheme: "Bearer"}, {"Basic", "", params{"realm": "x", "charset": "UTF-8"}}}, ""},
		{"several fields", []string{`Bearer`, `DPoP algs="ES256"`}, []bearertest.Challenge{{Scheme: "Bearer"}, {"DPoP", "", params{"algs": "ES256"}}}, ""},
		{"token68", []string{`Negotiate abc/+==, Bearer a="b"`}, []bearertest.Challenge{{"Negotiate", "abc/+==", nil}, {"Bearer", "", params{"a": "b"}}}, ""},
		{"token68 with one equals sign", []string{`Negotiate a=`}, []bearertest.Challenge{{"Negotiate", "a=", nil}}, ""},
		{"empty elements", []string{`,, Bearer ,realm="a",, ,`}, []bearertest.Challenge{{"Bearer", "", params{"realm": "a"}}}, ""},

		{"empty field", []string{``}, nil, "no challenge"},
		{"only commas", []string{`, ,`}, nil, "no challenge"},
		{"parameter first", []string{`realm="a"`}, nil, "the parameter realm belongs to no challenge"},
		{"parameter after token68", []string{`Negotiate abc, realm="a"`}, nil, "the parameter realm belongs to no challenge"},
		{"parameter twice", []string{`Bearer a="1", A="2"`}, nil, "the parameter a is there twice"},
		{"quote not closed", []string{`Bearer realm="a`}, nil, "not closed"},
		{"escaped end", []string{`Bearer realm="a\"`}, nil, "not closed"},
		{"no comma", []string{`Bearer a="1" b="2"`}, nil, `a comma is missing before "b=`},
		{"no value", []string{`Bearer a="1", b=`}, nil, "the parameter b: it has no value"},
		{"control character", []string{"Bearer a=\"\x01\""}, nil, "control character"},
		{"no scheme", []string{`"Bearer"`}, nil, "a scheme is expected"},
		{"second field is bad", []string{`Bearer`, `Bearer a="`}, nil, "not closed"},
		{"text after the scheme", []string{`Bearer "a"`}, nil, "a comma is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := bearertest.ParseChallenges(http.Header{"Www-Authenticate": tt.lines})
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

// What this library sends is read as what it meant.
func TestOwnChallenges(t *testing.T) {
	e := passbearer.Error{Scheme: "Bearer", Realm: "my api", ErrorCode: "insufficient_scope", ErrorDescription: "A, b=c", Scope: "a b", Params: [][2]string{{"max_age", "60"}}}
	got, err := bearertest.ParseChallenges(http.Header{"Www-Authenticate": {e.Challenge()}})
	require.NoError(t, err)
	require.Equal(t, []bearertest.Challenge{{"Bearer", "", params{
		"realm": "my api", "error": "insufficient_scope", "error_description": "A, b=c", "scope": "a b", "max_age": "60"}}}, got)
}

// recorder keeps what a failed test would print.
type recorder struct {
	testing.TB
	text          string
	failed, ended bool
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failed, r.text = true, r.text+fmt.Sprintf(format, args...)
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	r.ended = true
	runtime.Goexit()
}

// run is how a test runs: in a goroutine that Fatalf ends.
func (r *recorder) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func answer(status int, lines ...string) *http.Response {
	w := httptest.NewRecorder()
	for _, line := range lines {
		w.Header().Add("WWW-Authenticate", line)
	}
	w.WriteHeader(status)
	io.WriteString(w, `{"detail":"no"}`)
	return w.Result()
}

func TestWantChallenge(t *testing.T) {
	const invalid = `Bearer realm="api", error="invalid_token"`
	for _, tt := range []struct {
		name   string
		res    *http.Response
		status int
		want   string
		err    string // empty: the test goes on
	}{
		{"as it is", answer(401, invalid), 401, invalid, ""},
		{"a part", answer(401, invalid), 401, `bearer error=invalid_token`, ""},
		{"without credentials", answer(401, `Bearer realm="api"`), 401, `Bearer`, ""},
		{"among others", answer(401, `Basic realm="x"`, `DPoP algs="ES256", `+invalid), 401, `Bearer error="invalid_token"`, ""},
		{"the second of that scheme", answer(401, `Bearer realm="a", `+invalid), 401, `Bearer realm="api", error="invalid_token"`, ""},
		{"token68", answer(401, `Negotiate abc=`), 401, `Negotiate abc=`, ""},

		{"another status", answer(403, invalid), 401, invalid, "the status is another one"},
		{"admitted", answer(200), 401, `Bearer`, "got:  200, no WWW-Authenticate\nbody: {\"detail\":\"no\"}"},
		{"no challenge", answer(401), 401, `Bearer`, "there is no challenge of the scheme Bearer"},
		{"another scheme", answer(401, `Basic realm="x"`), 401, `Bearer`, "there is no challenge of the scheme Bearer"},
		{"an error too many", answer(401, invalid), 401, `Bearer`, "there is an error in the challenge: invalid_token"},
		{"another error", answer(401, invalid), 401, `Bearer error="x"`, `the challenge's error is "invalid_token" and not "x"`},
		{"no scope", answer(401, invalid), 401, `Bearer error="invalid_token", scope="a"`, "the challenge has no scope"},
		{"another token68", answer(401, `Negotiate abc=`), 401, `Negotiate abcd`, `the token68 is "abc=" and not "abcd"`},
		{"malformed", answer(401, `Bearer realm="api`), 401, `Bearer`, "its quote is not closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := &recorder{TB: t}
			got.run(func() { bearertest.WantChallenge(got, tt.res, tt.status, tt.want) })
			require.Equal(t, tt.err != "", got.failed, got.text)
			require.Contains(t, got.text, tt.err)
			require.False(t, got.ended)
			if got.failed {
				for _, line := range tt.res.Header["Www-Authenticate"] {
					require.Contains(t, got.text, line, "the message says what was there")
				}
				require.Contains(t, got.text, tt.want)
			}
		})
	}
}

func TestWantIsNoChallenge(t *testing.T) {
	for _, want := range []string{``, `error="invalid_token"`, `Bearer, Basic realm="x"`} {
		got := &recorder{TB: t}
		got.run(func() { bearertest.WantChallenge(got, answer(401, `Bearer`), 401, want) })
		require.True(t, got.ended, want)
		require.Contains(t, got.text, "wants one challenge")
	}
}

// What was read can be written and read again, and is the same.
func FuzzParseChallenges(f *testing.F) {
	for _, line := range []string{`Bearer`, `Bearer realm="a\"b", error=x , DPoP algs="ES256"`, `Negotiate abc==, Basic realm=""`, `,a b=, c =d`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got, err := bearertest.ParseChallenges(http.Header{"Www-Authenticate": {line}})
		if err != nil {
			return
		}
		written := make([]string, 0, len(got))
		for _, c := range got {
			written = append(written, c.String())
		}
		again, err := bearertest.ParseChallenges(http.Header{"Www-Authenticate": {strings.Join(written, ", ")}})
		require.NoError(t, err, "%q", written)
		require.Equal(t, got, again)
		apart, err := bearertest.ParseChallenges(http.Header{"Www-Authenticate": written})
		require.NoError(t, err)
		require.True(t, slices.EqualFunc(again, apart, func(a, b bearertest.Challenge) bool { return a.String() == b.String() }))
	})
}
