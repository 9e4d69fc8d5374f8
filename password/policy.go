package password

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What NIST SP 800-63B-4 §3.1.1.2 asks for, in code points.
const (
	minSingleFactor = 15
	minAnyFactor    = 8
)

// Policy has the rules for choosing a password, those of NIST SP 800-63B-4
// §3.1.1.2: a least length, and no password that is expected by those who guess.
// It asks for no digits, capitals or signs. The zero Policy is for a password
// that is the only factor. Ask it when a password is set; whoever has one signs
// in with it, whatever the Policy says today. It is safe for concurrent use.
type Policy struct {
	// MinLength is the least length in code points. Zero means 15; where a
	// second factor is always asked for, it may be 8. Below that, and over
	// [MaxLength], the Policy panics.
	MinLength int

	// Words are known to whoever attacks the service: its name, its domain,
	// the organization's.
	Words []string

	// Breached asks a service for breached passwords about one that has passed
	// all else, in Normalization Form C, and reports whether it is known there.
	// Nil means that none is asked. It may be called concurrently. The example
	// shows how to ask without telling the password.
	Breached func(ctx context.Context, password string) (bool, error)
}

// Reason is why a password may not be chosen. Its text is for programs, and
// [Policy.Sentence] for people. Reasons may be added.
type Reason string

// The reasons there are.
const (
	ReasonTooShort   Reason = "too_short"
	ReasonTooLong    Reason = "too_long"      // over MaxLength
	ReasonNotText    Reason = "not_text"      // not UTF-8, or with a NUL, which forms refuse
	ReasonRepetitive Reason = "repetitive"    // up to 7 characters over and over, or a count such as 12345678
	ReasonCommon     Reason = "common"        // one of the 17,950 commonest, or that over and over
	ReasonContext    Reason = "context_words" // made of the words of the context
	ReasonBreached   Reason = "breached"      // Policy.Breached said so
)

// Check returns why password may not be chosen; none means that it may be.
// The words are those of the user, such as their names and e-mail address. A
// password is refused if nothing is in it but such words, whatever their case
// and with digits or signs in the place of letters (4cm3), and fewer than
// MinLength digits and signs besides.
//
// An error means that [Policy.Breached] failed, and that nothing else speaks
// against the password. It has not been accepted: it is for the application to
// refuse it for now, or to do without the service while that is down.
func (p Policy) Check(ctx context.Context, password string, words ...string) ([]Reason, error) {
	least := p.minLength()
	switch {
	case len(password) > MaxLength:
		return []Reason{ReasonTooLong}, nil
	case !utf8.ValidString(password), strings.IndexByte(password, 0) >= 0:
		return []Reason{ReasonNotText}, nil
	}
	password = norm.NFC.String(password)
	text := []rune(strings.ToLower(password))
	var reasons []Reason
	if utf8.RuneCountInString(password) < least {
		reasons = append(reasons, ReasonTooShort)
	}
	if isRepetitive(text) {
		reasons = append(reasons, ReasonRepetitive)
	}
	if isCommon(text) {
		reasons = append(reasons, ReasonCommon)
	}
	if isMadeOf(text, append(contextWords(p.Words), contextWords(words)...), least) {
		reasons = append(reasons, ReasonContext)
	}
	if len(reasons) > 0 || p.Breached == nil {
		return reasons, nil
	}
	breached, err := p.Breached(ctx, password)
	if err != nil {
		return nil, fmt.Errorf("password: ask for breached passwords: %w", err)
	}
	if breached {
		reasons = append(reasons, ReasonBreached)
	}
	return reasons, nil
}

// Sentence returns r in English, as advice to whoever chooses.
func (p Policy) Sentence(r Reason) string {
	switch r {
	case ReasonTooShort:
		return fmt.Sprintf("Use at least %d characters.", p.minLength())
	case ReasonTooLong:
		return fmt.Sprintf("Use a shorter password, of at most %d bytes.", MaxLength)
	case ReasonNotText:
		return "Use characters that can be typed."
	case ReasonRepetitive:
		return "Use more than a few characters over and over or in their order."
	case ReasonCommon:
		return "Use another password: this is one of the commonest."
	case ReasonContext:
		return "Use more than your name, your e-mail address and the name of this service."
	case ReasonBreached:
		return "Use another password: this one is known from a data breach."
	}
	return "Use another password."
}

func (p Policy) minLength() int {
	switch {
	case p.MinLength == 0:
		return minSingleFactor
	case p.MinLength < minAnyFactor, p.MinLength > MaxLength:
		panic(fmt.Sprintf("password: Policy.MinLength is %d: NIST SP 800-63B-4 asks for 15, or for 8 with a second factor", p.MinLength))
	}
	return p.MinLength
}
