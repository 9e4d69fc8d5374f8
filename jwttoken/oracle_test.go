package jwttoken_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// profile is a verifier and the same checks around golang-jwt's parser.
type profile struct {
	verifier *jwttoken.Verifier
	types    []string
	required []string
}

func profiles(t testing.TB) []profile {
	foreign := &jwttoken.Options{Foreign: &jwttoken.Foreign{}}
	return []profile{
		{newTokens(t, nil).Uncached(), []string{"at+jwt"}, []string{"iss", "aud", "sub", "jti"}},
		{newTokens(t, foreign).Uncached(), []string{"jwt", "at+jwt", ""}, []string{"iss", "aud", "sub"}},
	}
}

// oracle returns the claims of a token as golang-jwt reads them.
func (p *profile) oracle(token string) (jwt.MapClaims, error) {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(30*time.Second), jwt.WithTimeFunc(clock), jwt.WithJSONNumber())
	claims := jwt.MapClaims{}
	_, err := parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		typ, _ := t.Header["typ"].(string)
		typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
		if id, present := t.Header["kid"]; present && id != kid || !slices.Contains(p.types, typ) {
			return nil, errors.New("kid or typ")
		}
		return secret, nil
	})
	for _, name := range p.required {
		if claims[name] == nil || claims[name] == "" {
			err = errors.Join(err, errors.New(name))
		}
	}
	if iat, _ := claims.GetIssuedAt(); iat == nil && slices.Contains(p.required, "jti") { // RFC 9068
		err = errors.Join(err, errors.New("iat"))
	}
	if trailed(token) {
		err = errors.Join(err, errors.New("text after the claims"))
	}
	return claims, err
}

// trailed tells whether more than one JSON text is in the payload: with WithJSONNumber, which alone keeps
// numbers as they are, golang-jwt reads the first; without, it refuses.
func trailed(token string) bool {
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(segments[1])
	return err == nil && !json.Valid(payload)
}

// FuzzOracle: what we accept, golang-jwt accepts, and reads alike; what it accepts, we accept or refuse for
// one of the reasons that are listed. Without a payload it is the good one, with one more member.
func FuzzOracle(f *testing.F) {
	for _, head := range []string{goodHead, `{"alg":"HS256"}`, `{"typ":"JWT","alg":"HS256","kid":"k1","crit":["x"]}`, `{"typ":"Application/AT+JWT","alg":"HS256"}`, `{"alg":"none"}`, `{"alg":"HS256","alg":"HS256"}`, `{"kid":null,"typ":1}`} {
		f.Add(head, payload(), "", "", uint8(0))
	}
	for i, m := range [][2]string{
		{"aud", `["x","` + audience + `"]`}, {"aud", `["` + audience + `",1]`}, {"aud", `null`}, {"exp", "1.80000006e9"}, {"exp", after(-30)}, {"exp", `"1"`}, {"exp", "1e400"},
		{"nbf", after(30) + ".1"}, {"nbf", after(31)}, {"iat", after(31)}, {"iat", "0"}, {"sub", "1"}, {"sub", `"\ud800"`}, {"SUB", `"x"`}, {"x", `{"a":[1,1.5e3,"\u00e9"],"a":2}`},
		{"scope", `["a","b"]`}, {"amr", `["pwd"]`}, {"cnf", `{"jkt":"x"}`}, {"epoch", "3"}, {"x", "\"\xff\""}, {"x", strings.Repeat("[", 40) + strings.Repeat("]", 40)}, {"x", "1e-400"}, {"x", `1,"sub":"admin"`},
	} {
		f.Add(goodHead, "", m[0], m[1], uint8(i))
	}
	all := profiles(f)
	f.Fuzz(func(t *testing.T, head, payload, name, raw string, spelling uint8) {
		if payload == "" {
			payload = payloadWith(name, raw)
		}
		token := signSegments(spell(head, spelling), spell(payload, spelling>>4))
		for _, p := range all {
			c, err := p.verifier.VerifyToken(ctx, token)
			claims, refused := p.oracle(token)
			switch {
			case err == nil && refused != nil:
				t.Errorf("accepted, and golang-jwt refuses: %v\n%s\n%s", refused, head, payload)
			case err == nil:
				requireSame(t, claims, c)
			case refused == nil && !isStricter(err):
				t.Errorf("golang-jwt accepts, and we refuse: %v\n%s\n%s", err, head, payload)
			}
		}
	})
}

// payloadWith is the good payload in the order of its names, with one member replaced or added.
func payloadWith(name, raw string) string {
	c := goodClaims()
	c[name] = raw
	var members []string
	for _, n := range slices.Sorted(maps.Keys(c)) {
		members = append(members, `"`+n+`":`+c[n])
	}
	return "{" + strings.Join(members, ",") + "}"
}

// spell encodes a segment in one of several ways, most of which are wrong.
func spell(text string, how uint8) string {
	segment := b64(text)
	switch how % 16 {
	case 1:
		return base64.URLEncoding.EncodeToString([]byte(text))
	case 2:
		return segment + "\n"
	case 3:
		return base64.RawStdEncoding.EncodeToString([]byte(text))
	case 4:
		if len(segment)%4 != 0 {
			return segment[:len(segment)-1] + nextChar(segment)
		}
	}
	return segment
}

func isStricter(err error) bool {
	for reason := range jwttoken.Stricter {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

func requireSame(t *testing.T, want jwt.MapClaims, c *passbearer.Claims) {
	t.Helper()
	date := func(d passbearer.NumericDate, round func(float64) float64, name string) {
		n, _ := want[name].(json.Number)
		f, _ := n.Float64()
		require.EqualValues(t, round(f), d, name)
	}
	text := func(got, name string) {
		s, _ := want[name].(string)
		require.Equal(t, s, got, name)
	}
	text(c.Issuer, "iss")
	text(c.Subject, "sub")
	text(c.ID, "jti")
	text(c.ClientID, "client_id")
	text(c.SessionID, "sid")
	text(c.ACR, "acr")
	date(c.Expiry, math.Floor, "exp")
	date(c.IssuedAt, math.Floor, "iat")
	date(c.NotBefore, math.Ceil, "nbf")
	date(c.AuthTime, math.Floor, "auth_time")
	if _, isText := want["scope"].(string); isText {
		text(string(c.Scope), "scope")
	}
	audiences, err := want.GetAudience()
	require.NoError(t, err)
	require.EqualValues(t, audiences, slices.Collect(c.Audience.All()))
	for name := range want { // what has no field is in Extra
		if slices.Contains([]string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "sid", "auth_time", "acr", "amr", "cnf"}, name) || name == "epoch" && c.Epoch != 0 {
			delete(want, name)
		}
	}
	extra := jwt.MapClaims{}
	if c.Extra != "" {
		d := json.NewDecoder(strings.NewReader(c.Extra))
		d.UseNumber()
		require.NoError(t, d.Decode(&extra))
	}
	require.Equal(t, want, extra)
}
