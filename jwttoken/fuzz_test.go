package jwttoken_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
)

// FuzzVerifyToken replaces part of a good token. Whatever is not that token must be refused.
func FuzzVerifyToken(f *testing.F) {
	tokens := newTokens(f, nil)
	good := must(tokens.IssueToken(ctx, passbearer.Claims{Subject: "u1", ID: "j1"}))
	for _, s := range []string{"", ".", "=", "\n", "A", "e30", good} {
		for _, at := range []uint16{0, 1, 40, 100, 1000} {
			f.Add(at, uint16(0), s)
			f.Add(at, uint16(1), s)
		}
	}
	f.Fuzz(func(t *testing.T, at, cut uint16, s string) {
		i := int(at) % (len(good) + 1)
		token := good[:i] + s + good[min(len(good), i+int(cut)):]
		c, err := tokens.VerifyToken(ctx, token)
		if (err == nil) != (token == good) || (c == nil) != (err != nil) {
			t.Fatalf("token %q: %v, %v", token, c, err)
		}
		if err != nil && !errors.Is(err, passbearer.ErrInvalidToken) {
			t.Fatalf("error %v", err)
		}
	})
}

// FuzzHeader: the header is the one thing that is parsed of anybody's token.
func FuzzHeader(f *testing.F) {
	tokens := newTokens(f, nil)
	good := strings.Split(must(tokens.IssueToken(ctx, passbearer.Claims{Subject: "u1", ID: "j1"})), ".")
	for _, text := range unfinished {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		head := base64.RawURLEncoding.EncodeToString([]byte(text))
		if _, err := tokens.VerifyToken(ctx, head+"."+good[1]+"."+good[2]); err == nil && head != good[0] {
			t.Errorf("the header %q has the signature of another", text)
		}
	})
}

func TestUnfinishedJSON(t *testing.T) {
	tokens := newTokens(t, nil)
	for _, text := range unfinished {
		head := base64.RawURLEncoding.EncodeToString([]byte(text))
		for _, token := range []string{head + ".e30.AAAA", sign(goodHead, text)} {
			_, err := tokens.VerifyToken(ctx, token)
			require.ErrorIs(t, err, passbearer.ErrInvalidToken, text)
		}
	}
}

func FuzzPayload(f *testing.F) {
	tokens := newTokens(f, nil)
	f.Add(payload())
	f.Add(payload("x", `{"a":["\u00e9\ud83d\ude00",1e5]}`, "amr", `["a"]`, "nbf", "1.5", "cnf", `{"jkt":"x"}`))
	f.Add(payload("sub", `"\ud800"`))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := tokens.VerifyToken(ctx, sign(goodHead, text))
		if err != nil {
			return
		}
		var oracle struct{ Sub string }
		require.NoError(t, json.Unmarshal([]byte(text), &oracle))
		require.Equal(t, oracle.Sub, c.Subject)
		if c.Confirmation.Method != "" && c.Confirmation.Thumbprint == "" || c.Expiry > now+86400 {
			return
		}
		if again, err := tokens.IssueToken(ctx, *c); err == nil {
			require.Equal(t, c, must(tokens.VerifyToken(ctx, again)))
		}
	})
}
