package password

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// common is searched as it is: 168 KB in the program's read-only data, and
// nothing on the heap. See common/generate.py for the source.
//
//go:embed common/passwords.txt
var common string

// isCommon reports whether text, in lower case, is in the list, or is something
// in the list over and over. The whole is compared and no substrings, as the
// standard says.
func isCommon(text []rune) bool {
	if inList(text) {
		return true
	}
	n := period(text)
	return n < len(text) && len(text)%n == 0 && inList(text[:n])
}

func inList(text []rune) bool {
	line := string(text) + "\n"
	return !strings.Contains(line[:len(line)-1], "\n") &&
		(strings.HasPrefix(common, line) || strings.Contains(common, "\n"+line))
}

// isRepetitive reports whether text is fewer than 8 code points over and over,
// the last time perhaps cut short, or counts up or down.
func isRepetitive(text []rune) bool {
	n := period(text)
	return 0 < n && n < minAnyFactor && 2*n <= len(text) || counts(text, +1) || counts(text, -1)
}

// period is the least n for which each code point is the same as the nth
// before it, and the length if there is none.
func period(text []rune) int {
	for n := 1; n < len(text); n++ {
		if slices.Equal(text[n:], text[:len(text)-n]) {
			return n
		}
	}
	return len(text)
}

// counts also from 9 to 0 and from z to a.
func counts(text []rune, step rune) bool {
	for i := 1; i < len(text); i++ {
		from, to := text[i-1], text[i]
		wraps := step > 0 && (from == '9' && to == '0' || from == 'z' && to == 'a') ||
			step < 0 && (from == '0' && to == '9' || from == 'a' && to == 'z')
		if to != from+step && !wraps {
			return false
		}
	}
	return len(text) > 1
}

// minWord is the shortest context word, in code points.
const minWord = 3

// contextWords returns what may be made of words: for johann.s@mail.example
// these are johann, johann.s, johanns, mail, example, mail.example and mailexample.
func contextWords(words []string) (all [][]rune) {
	add := func(word string) {
		if text := plainLetters([]rune(word)); len(text) >= minWord {
			all = append(all, text)
		}
	}
	for _, word := range words {
		for part := range strings.SplitSeq(strings.ToLower(norm.NFC.String(word)), "@") {
			add(part)
			if fields := strings.FieldsFunc(part, isSeparator); len(fields) > 1 {
				add(strings.Join(fields, ""))
				for _, field := range fields {
					add(field)
				}
			}
		}
	}
	return all
}

func isSeparator(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
}

// isMadeOf reports whether text, in lower case, is one or more of words and
// nothing else but fewer than rest digits and signs.
func isMadeOf(text []rune, words [][]rune, rest int) bool {
	plain := plainLetters(text)
	const never = MaxLength + 1
	// others[i] is the least number of other code points in the first i, if
	// there is a word among these; until then, without is.
	others := make([]int, len(text)+1)
	without := 0
	for i := range others {
		others[i] = never
	}
	for i := range text {
		before := min(others[i], without)
		for _, word := range words {
			if hasPrefix(plain[i:], word) {
				end := i + len(word)
				others[end] = min(others[end], before)
			}
		}
		if unicode.IsLetter(text[i]) || unicode.IsMark(text[i]) {
			without = never
		} else {
			without++
			others[i+1] = min(others[i+1], others[i]+1)
		}
	}
	return others[len(text)] < rest
}

func hasPrefix(text, prefix []rune) bool {
	return len(text) >= len(prefix) && slices.Equal(text[:len(prefix)], prefix)
}

// plainLetters puts one letter in the place of all that are written for it; l
// and i are one, since 1 stands for either.
func plainLetters(text []rune) []rune {
	plain := slices.Clone(text)
	for i, r := range plain {
		switch r {
		case '0':
			plain[i] = 'o'
		case '1', '!', '|', 'l':
			plain[i] = 'i'
		case '3', '€':
			plain[i] = 'e'
		case '4', '@':
			plain[i] = 'a'
		case '5', '$':
			plain[i] = 's'
		case '7', '+':
			plain[i] = 't'
		case '8':
			plain[i] = 'b'
		}
	}
	return plain
}
