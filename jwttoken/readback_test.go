package jwttoken_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// signedIn are claims like those of a sign-in, and a binding.
func signedIn() passbearer.Claims {
	return passbearer.Claims{Subject: "u1", ClientID: "app", Scope: "a b", SessionID: "s1", AMR: "pwd otp", ACR: "2",
		AuthTime: now, NotBefore: now, Epoch: 1, Confirmation: passbearer.Confirmation{Method: "jkt", Thumbprint: "x"}}
}

func TestIsPlain(t *testing.T) {
	plain, found, _ := newTokens(t, nil).IsPlain(signedIn())
	require.True(t, plain, "claims like those of a sign-in are read back, which takes time")
	require.NoError(t, found)
	for name, c := range map[string]passbearer.Claims{
		"no subject": {},
		"DEL":        {Subject: "u1", Audience: "a\x7fb"},
		"words":      {Subject: "u1", AMR: " pwd"},
		"members":    {Subject: "u1", Extra: manyMembers(252)},
	} {
		plain, found, _ := newTokens(t, nil).IsPlain(c)
		require.False(t, plain, name)
		require.Error(t, found, name)
	}
	required := jwttoken.Foreign{Required: []string{"tenant"}}
	plain, found, _ = newTokens(t, &jwttoken.Options{Foreign: &required}).IsPlain(signedIn())
	require.False(t, plain)
	require.Error(t, found)
}

// TestIsPlainLooksAtEachField spoils one field after the other. Claims with a new one fail here until isPlain knows
// it, or something before.
func TestIsPlainLooksAtEachField(t *testing.T) {
	tokens := newTokens(t, &jwttoken.Options{InsecureSkipIssuer: true})
	var refused []int // before they could be plain
	for field := range fieldsOf(new(passbearer.Claims)) {
		c := signedIn()
		set(&c, field, "\xff", -1)
		plain, _, err := tokens.IsPlain(c)
		require.False(t, plain, "field %d of %+v", field, c)
		if err != nil {
			refused = append(refused, field)
		}
	}
	var c passbearer.Claims
	for _, field := range refused {
		set(&c, field, "refused", -1)
	}
	require.Equal(t, passbearer.Claims{Scope: "refused", Expiry: -1, Extra: "refused",
		Confirmation: passbearer.Confirmation{Method: "refused"}}, c)
}

// FuzzIsPlain: what need not be looked at would be found good.
func FuzzIsPlain(f *testing.F) {
	own, foreign := newTokens(f, nil), newTokens(f, &jwttoken.Options{
		Foreign: new(jwttoken.Foreign), InsecureSkipIssuer: true, InsecureSkipAudience: true})
	plain, found, _ := foreign.IsPlain(signedIn())
	require.True(f, plain)
	require.NoError(f, found)
	for field := range fieldsOf(new(passbearer.Claims)) {
		f.Add(field, "", int64(0))
		f.Add(field, "a b", int64(now+1))
		f.Add(field, "a\x7f", int64(1)<<53)
		f.Add(field, "<&>  ", int64(-1))
		f.Add(field, "{}", int64(1)<<53-1)
	}
	f.Fuzz(func(t *testing.T, field int, text string, number int64) {
		c := signedIn()
		set(&c, field, text, number)
		for _, tokens := range []*jwttoken.Tokens{own, foreign} {
			if plain, found, _ := tokens.IsPlain(c); plain {
				require.NoError(t, found)
			}
		}
	})
}

// set gives one of the fields of c the value that is of its kind.
func set(c *passbearer.Claims, field int, text string, number int64) {
	fields := fieldsOf(c)
	if v := fields[uint(field)%uint(len(fields))]; v.Kind() == reflect.String {
		v.SetString(text)
	} else {
		v.SetInt(number)
	}
}

// fieldsOf returns the fields, and those of a field that is a struct.
func fieldsOf(c *passbearer.Claims) []reflect.Value {
	var fields []reflect.Value
	var add func(v reflect.Value)
	add = func(v reflect.Value) {
		for _, field := range v.Fields() {
			if field.Kind() == reflect.Struct {
				add(field)
			} else {
				fields = append(fields, field)
			}
		}
	}
	add(reflect.ValueOf(c).Elem())
	return fields
}
