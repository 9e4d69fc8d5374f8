package password_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/password"
)

var (
	tooShort   = []password.Reason{password.ReasonTooShort}
	tooLong    = []password.Reason{password.ReasonTooLong}
	notText    = []password.Reason{password.ReasonNotText}
	repetitive = []password.Reason{password.ReasonRepetitive}
	common     = []password.Reason{password.ReasonCommon}
	contextual = []password.Reason{password.ReasonContext}
	breached   = []password.Reason{password.ReasonBreached}
)

func TestPolicy(t *testing.T) {
	service := password.Policy{Words: []string{"Acme GmbH", "acme.example"}}
	second := password.Policy{MinLength: 8, Words: service.Words}
	user := []string{"johndoe", "John Doe", "j.doe@mail.example.com", "Ann-Loulou", "Łukasz"}
	for _, tt := range []struct {
		name   string
		policy password.Policy
		plain  string
		want   []password.Reason
	}{
		{"PU-047: 15 lower-case letters", password.Policy{}, "kvxpwqzhtmbrljg", nil},
		{"PU-043: 14 code points", password.Policy{}, "kvxpwqzhtmbrlj", tooShort},
		{"empty", password.Policy{}, "", tooShort},
		{"14 code points, 28 bytes", password.Policy{}, "éàüöçñèâîôûëïÿ", tooShort},
		{"15 code points, 30 bytes", password.Policy{}, "éàüöçñèâîôûëïÿž", nil},
		{"15 code points that NFC makes 14", password.Policy{}, "kvxpwqzhtmbre\u0301j", tooShort},
		{"8 of a second factor", second, "kvxpwqzh", nil},
		{"7 of a second factor", second, "kvxpwqz", tooShort},
		{"1,024 bytes", password.Policy{}, strings.Repeat("kvxpwqzh", 128), nil},
		{"1,025 bytes", password.Policy{}, strings.Repeat("kvxpwqzh", 128) + "x", tooLong},
		{"PU-018", password.Policy{}, strings.Repeat("\ufdfa", 350000), tooLong},
		{"not UTF-8", password.Policy{}, "kvxpwqzhtmbrljg\xff", notText},
		{"NUL", password.Policy{}, "kvxpwqzhtmbrljg\x00", notText},
		{"blanks", password.Policy{}, " two roads diverged ", nil},
		{"emoji", password.Policy{}, "🐎🔋📎✅🌵🎲🚲🥨🦉🧭🪁🪢🫖🛶🧩", nil},

		{"PU-045: a repeated character", password.Policy{}, "aaaaaaaaaaaaaaaa", repetitive},
		{"in both cases", password.Policy{}, "aAaAaAaAaAaAaAaA", repetitive},
		{"7 characters, cut short", password.Policy{}, "kvxpwqzkvxpwqzkvx", repetitive},
		{"7 characters, one wrong", password.Policy{}, "kvxpwqzkvxpwqakvx", nil},
		{"8 characters twice", password.Policy{}, "kvxpwqzhkvxpwqzh", nil},
		{"counts up", password.Policy{}, "123456789012345", repetitive},
		{"counts down", password.Policy{}, "5432109876543210", repetitive},
		{"alphabet", password.Policy{}, "ABCDEFGHIJKLMNOP", repetitive},
		{"alphabet from z on", password.Policy{}, "uvwxyzabcdefghi", repetitive},
		{"alphabet downwards", password.Policy{}, "edcbazyxwvutsrq", repetitive},
		{"counts, but not all", password.Policy{}, "1234567890123x4", nil},
		{"counts by twos", password.Policy{}, "acegikmoqsuwyac", nil},

		{"common", second, "iloveyou1", common},
		{"common in another case", second, "ILoveYou1", common},
		{"common and too short", password.Policy{}, "trustno1", []password.Reason{password.ReasonTooShort, password.ReasonCommon}},
		{"the first of the list", second, "!qaz2wsx", common},
		{"common of 15", password.Policy{}, "q1w2e3r4t5y6u7i8", common},
		{"common, twice", password.Policy{}, "trustno1trustno1", common},
		{"common, twice and cut", password.Policy{}, "trustno1trustno", nil},
		{"common among others", password.Policy{}, "trustno1 but the mule", nil},
		{"two of the list as they stand there", password.Policy{}, "!qaz2wsx\n!qazxsw2", nil},

		{"PU-045: the user's name", second, "johndoe1", contextual},
		{"the name in another case", second, "JohnDoe1", contextual},
		{"names with a year", service, "John.Doe-1984-Acme", contextual},
		{"names twice", password.Policy{}, "johndoejohndoe!", contextual},
		{"the service's name", service, "acme-acme-gmbh-acme", contextual},
		{"digits for letters", service, "4cm3-J0hnD03-!!", contextual},
		{"1 for l", second, "Ann_L0u10u", contextual},
		{"the local part of the address", second, "j.doe.2026", contextual},
		{"the address itself", password.Policy{}, "j.doe@mail.example.com", contextual},
		{"a letter that is not ASCII", second, "łukasz123", contextual},
		{"decomposed", second, "Łukáš123", nil},
		{"14 digits besides", service, "acme20947156380294", contextual},
		{"15 digits besides", service, "acme209471563802947", nil},
		{"a letter besides", service, "johndoe-acme-1984x", nil},
		{"a word besides", service, "johndoe likes acme", nil},
		{"digits alone", password.Policy{}, "209471563802947", nil},
		{"words of two letters do not count", password.Policy{Words: []string{"ab", "cd"}}, "ab1cd2ab3cd4ab5", nil},
		{"words of three do", password.Policy{Words: []string{"abc", "def"}}, "abc1def2abc3def", contextual},
		{"a word begins within another", password.Policy{Words: []string{"banana", "nabob"}}, "banabob-banana-12", nil},
		{"the longer word is not always the right one", password.Policy{Words: []string{"kvx", "kvxpw", "pwqzhtmbrljg"}}, "kvxpwqzhtmbrljg", contextual},
	} {
		got, err := tt.policy.Check(t.Context(), tt.plain, user...)
		require.NoError(t, err, tt.name)
		require.Equal(t, tt.want, got, tt.name)
	}
}

// TestPolicyWithoutWords: nobody's words refuse nothing.
func TestPolicyWithoutWords(t *testing.T) {
	for _, words := range [][]string{nil, {""}, {"@"}, {"a@b"}, {"--"}, {"\xff\xfe\xfd"}} {
		got, err := password.Policy{MinLength: 8}.Check(t.Context(), "johndoe1", words...)
		require.NoError(t, err)
		require.Empty(t, got)
	}
}

var errBreachService = errors.New("service is down")

func TestBreached(t *testing.T) {
	for _, tt := range []struct {
		name, plain string
		answer      bool
		err         error
		asked       string
		want        []password.Reason
	}{
		{"not breached", "kvxpwqzhtmbrljg", false, nil, "kvxpwqzhtmbrljg", nil},
		{"breached", "kvxpwqzhtmbrljg", true, nil, "kvxpwqzhtmbrljg", breached},
		{"composed", "kvxpwqzhtmbrlje\u0301", false, nil, "kvxpwqzhtmbrlj\u00e9", nil},
		{"not asked of what is refused anyway", "trustno1trustno1", true, nil, "", common},
		{"CF-037: down", "kvxpwqzhtmbrljg", false, errBreachService, "kvxpwqzhtmbrljg", nil},
		{"down, whatever it says besides", "kvxpwqzhtmbrljg", true, errBreachService, "kvxpwqzhtmbrljg", nil},
		{"CF-037: down, and the list applies", "trustno1trustno1", true, errBreachService, "", common},
		{"down, and too long", strings.Repeat("x", 1025), true, errBreachService, "", tooLong},
	} {
		asked := ""
		p := password.Policy{Breached: func(ctx context.Context, plain string) (bool, error) {
			require.Equal(t, t.Context(), ctx)
			asked = plain
			return tt.answer, tt.err
		}}
		got, err := p.Check(t.Context(), tt.plain)
		require.Equal(t, tt.want, got, tt.name)
		require.Equal(t, tt.asked, asked, tt.name)
		if tt.asked != "" {
			require.ErrorIs(t, err, tt.err, tt.name)
		} else {
			require.NoError(t, err, tt.name)
		}
	}
}

func TestPolicyPanics(t *testing.T) {
	for _, length := range []int{-1, 1, 7, 1025} {
		require.PanicsWithValue(t, fmt.Sprintf("password: Policy.MinLength is %d: NIST SP 800-63B-4 asks for 15, or for 8 with a second factor", length), func() {
			password.Policy{MinLength: length}.Check(t.Context(), "x")
		})
	}
}

func TestSentences(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range []password.Reason{"one of the future", password.ReasonTooShort, password.ReasonTooLong, password.ReasonNotText,
		password.ReasonRepetitive, password.ReasonCommon, password.ReasonContext, password.ReasonBreached} {
		s := password.Policy{MinLength: 9}.Sentence(r)
		require.Regexp(t, `^Use .*\.$`, s)
		require.False(t, seen[s], s)
		seen[s] = true
	}
	require.Equal(t, "Use at least 9 characters.", password.Policy{MinLength: 9}.Sentence(password.ReasonTooShort))
	require.Equal(t, "Use at least 15 characters.", password.Policy{}.Sentence(password.ReasonTooShort))
}

// TestList: what a search of the list relies on.
func TestList(t *testing.T) {
	text, err := os.ReadFile("common/passwords.txt")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	require.Len(t, lines, 17950)
	require.True(t, slices.IsSorted(lines))
	for _, line := range lines {
		require.GreaterOrEqual(t, len(line), 8)
		require.Equal(t, strings.ToLower(line), line)
	}
	for _, line := range []string{lines[0], lines[1], lines[len(lines)-1]} {
		got, err := password.Policy{MinLength: 8}.Check(t.Context(), line)
		require.NoError(t, err)
		require.Contains(t, got, password.ReasonCommon, line)
	}
}
