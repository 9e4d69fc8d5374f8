package passbearer_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
)

// formSentences are all descriptions that a body can be answered with: none has
// room for what was sent.
func formSentences() map[string]string {
	all := map[string]string{
		"This grant type is not supported here":                         "unsupported_grant_type",
		"Too many scopes":                                               "invalid_scope",
		"Malformed scope":                                               "invalid_scope",
		"resource is not supported: tokens have one audience":           "invalid_target",
		"Too many parameters":                                           "invalid_request",
		"Parameters are separated by &, and a semicolon is written %3B": "invalid_request",
		"A parameter's name is too long":                                "invalid_request",
		"A parameter's name is malformed":                               "invalid_request",
		"Missing parameter: grant_type":                                 "invalid_request",
		"Missing parameter: username":                                   "invalid_request",
		"Missing parameter: password":                                   "invalid_request",
		"The body is over 64 KiB":                                       "invalid_request",
	}
	for _, sentence := range []string{"Repeated parameter", "Bad percent-encoding in parameter", "Not UTF-8: parameter", "NUL in parameter"} {
		all[sentence] = "invalid_request"
		for _, name := range formParams {
			all[sentence+": "+name] = "invalid_request"
		}
	}
	return all
}

// formByTheBook says whether body is a good form, by net/url's reading of it.
func formByTheBook(body string) (*passbearer.PasswordForm, bool) {
	values, err := url.ParseQuery(body)
	if err != nil || len(body) > formLimit {
		return nil, false
	}
	n := 0
	for pair := range strings.SplitSeq(body, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if len(name) > 256 {
			return nil, false
		}
		if pair != "" {
			n++
		}
	}
	text := func(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
	for name, all := range values {
		if len(all) != 1 || !text(name) || !text(all[0]) {
			return nil, false
		}
	}
	asked := strings.FieldsFunc(values.Get("scope"), func(r rune) bool { return r == ' ' })
	var scope []string
	seen := map[string]bool{}
	for _, token := range asked {
		if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return nil, false
		}
		if !seen[token] {
			scope = append(scope, token)
		}
		seen[token] = true
	}
	form := &passbearer.PasswordForm{
		GrantType: values.Get("grant_type"), Username: values.Get("username"), Password: values.Get("password"),
		Scope: passbearer.Scope(strings.Join(scope, " ")), ClientID: values.Get("client_id"), ClientSecret: values.Get("client_secret"),
	}
	grant := form.GrantType == "password" || !values.Has("grant_type")
	return form, grant && form.Username != "" && form.Password != "" && values.Get("resource") == "" && n <= 32 && len(asked) <= 256
}

func FuzzPasswordForm(f *testing.F) {
	for _, body := range []string{
		"", "&", "=", "&=&", canaryForm, "username=u&password=p", "password=a=b;&username=%3B", "%75sername=+%20&password=%2b",
		canaryForm + "&scope=a+b+a&client_id=c&client_secret=s", canaryForm + "&scope=a\x00", canaryForm + "&scope=%22", canaryForm + "&resource=r",
		canaryForm + "&username=", canaryForm + "&x=%ff", canaryForm + "&%00", "grant_type=refresh_token&refresh_token=t", "grant_type=",
		canaryForm + manyParams(29), canaryForm + manyParams(30), canaryForm + "&" + strings.Repeat("n", 257), canaryForm + "&scope=" + strings.Repeat("a+", 257),
	} {
		f.Add(body)
	}
	sentences := formSentences()
	f.Fuzz(func(t *testing.T, body string) {
		got, err := passbearer.ParsePasswordForm(formRequest(body))
		want, good := formByTheBook(body)
		strict, strictErr := passbearer.ParsePasswordFormStrict(formRequest(body))
		if !good {
			var e *passbearer.Error
			require.ErrorAs(t, err, &e)
			require.Nil(t, got)
			require.Equal(t, sentences[e.ErrorDescription], e.ErrorCode)
			require.NotEmpty(t, e.ErrorCode)
			require.Equal(t, &passbearer.Error{StatusCode: e.StatusCode, ErrorCode: e.ErrorCode, ErrorDescription: e.ErrorDescription}, e)
			require.Error(t, strictErr)
			return
		}
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, got.GrantType == "password", strictErr == nil)
		if strictErr == nil {
			require.Equal(t, got, strict)
		}
		values := url.Values{}
		for name, value := range map[string]string{"username": got.Username, "password": got.Password, "scope": string(got.Scope),
			"client_id": got.ClientID, "client_secret": got.ClientSecret, "grant_type": got.GrantType} {
			if value != "" {
				values.Set(name, value)
			}
		}
		if encoded := values.Encode(); len(encoded) <= formLimit { // escapes are longer
			again, err := passbearer.ParsePasswordForm(formRequest(encoded))
			require.NoError(t, err)
			require.Equal(t, got, again)
		}
	})
}
