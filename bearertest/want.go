package bearertest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// WantChallenge reports an error unless res has that status and, in its
// WWW-Authenticate fields, the challenge that want says as it is sent:
//
//	bearertest.WantChallenge(t, w.Result(), 401, `Bearer`)
//	bearertest.WantChallenge(t, w.Result(), 401, `Bearer error="invalid_token"`)
//	bearertest.WantChallenge(t, w.Result(), 403, `Bearer error="insufficient_scope", scope="items:read"`)
//
// Parameters that want does not name may be there, with one exception: without error
// in want there must be none, for a request without credentials is told none (RFC
// 6750 §3.1). There may be other challenges besides. The fields as a whole have to
// follow RFC 9110 §11.6.1. The body is read only where there is an error to report.
func WantChallenge(t testing.TB, res *http.Response, status int, want string) {
	t.Helper()
	wanted, err := parseLine(want)
	if err != nil || len(wanted) != 1 {
		t.Fatalf("bearertest: WantChallenge wants one challenge, such as `Bearer error=\"invalid_token\"`, and was given `%s`", want)
		return
	}
	found, err := parseChallenges(res.Header)
	switch {
	case err != nil:
	case res.StatusCode != status:
		err = fmt.Errorf("the status is another one")
	default:
		err = missing(wanted[0], found)
	}
	if err != nil {
		t.Errorf("%v\nwant: %d, %s\ngot:  %s", err, status, want, describe(res))
	}
}

// missing says what of want is in none of found.
func missing(want challenge, found []challenge) error {
	err := fmt.Errorf("there is no challenge of the scheme %s", want.Scheme)
	for _, c := range found {
		if !c.is(want.Scheme) {
			continue
		}
		if err = differs(want, c); err == nil {
			return nil
		}
	}
	return err
}

func differs(want, got challenge) error {
	if want.Token68 != got.Token68 {
		return fmt.Errorf("the token68 is %q and not %q", got.Token68, want.Token68)
	}
	if code, ok := got.Params["error"]; ok && want.Params["error"] == "" {
		return fmt.Errorf("there is an error in the challenge: %s", code)
	}
	for name, value := range want.Params {
		switch has, ok := got.Params[name]; {
		case !ok:
			return fmt.Errorf("the challenge has no %s", name)
		case has != value:
			return fmt.Errorf("the challenge's %s is %q and not %q", name, has, value)
		}
	}
	return nil
}

// describe is what there is of res, the beginning of the body included.
func describe(res *http.Response) string {
	var b strings.Builder
	fmt.Fprint(&b, res.StatusCode)
	for _, line := range res.Header.Values("WWW-Authenticate") {
		fmt.Fprintf(&b, ", %s", line)
	}
	if len(res.Header.Values("WWW-Authenticate")) == 0 {
		b.WriteString(", no WWW-Authenticate")
	}
	if res.Body != nil {
		if text, _ := io.ReadAll(io.LimitReader(res.Body, 200)); len(text) > 0 {
			fmt.Fprintf(&b, "\nbody: %s", strings.TrimSpace(string(text)))
		}
	}
	return b.String()
}
