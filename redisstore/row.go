package redisstore

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
)

// A session's row is a hash of two fields: d is what never changes, as encode
// writes it, and s the rest, as numbers in decimal with a space between them:
//
//	the generation
//	LastUsedAt, in microseconds like all times here
//	when the lifetime is over, from which CreatedAt follows
//	the idle lifetime
//	until when the key is kept: as long as the session may live, and at most a
//	sixteenth of the idle lifetime longer
//	EndedAt, or "-"
//
// Scripts compute with times alone: numbers in Lua are exact up to 2^53 only,
// which microseconds reach in the year 2255. Generations are compared as text.

// maxLifetime keeps sums of times exact in scripts.
const maxLifetime = 100 * 365 * 24 * time.Hour

const nonceSize = 8

var errRow = errors.New("a session's row is damaged")

// partition spreads session ids, token ids and user ids alike. A session id is
// random, but the others may be anything.
func (s *Store) partition(id string) int {
	sum := sha256.Sum256([]byte(id))
	return int(binary.BigEndian.Uint32(sum[:])) & (s.opts.Partitions - 1)
}

func (s *Store) sessionKey(id string) string    { return s.tags[s.partition(id)] + ":s:" + id }
func (s *Store) userKey(id string) string       { return s.tags[s.partition(id)] + ":u:" + id }
func (s *Store) streamKey(partition int) string { return s.tags[partition] + ":r" }
func (s *Store) metaKey(partition int) string   { return s.tags[partition] + ":m" }

// encode begins with a nonce, so that a script can tell the repetition of one
// call, after a lost answer, from another call with the same id.
func encode(s *passbearer.Session) []byte {
	b := make([]byte, nonceSize, 256)
	rand.Read(b)
	for _, text := range []string{s.UserID, s.ClientID, string(s.Scope), s.ACR, s.AMR, s.JKT, s.Extra, s.UserAgent} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	for _, n := range []int64{s.Epoch, int64(s.IdleLifetime), int64(s.Lifetime), s.AuthTime.Unix(), int64(s.AuthTime.Nanosecond())} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func decode(b string, s *passbearer.Session) error {
	r := rowReader{rest: []byte(b)}
	r.take(nonceSize)
	var scope string
	for _, text := range []*string{&s.UserID, &s.ClientID, &scope, &s.ACR, &s.AMR, &s.JKT, &s.Extra, &s.UserAgent} {
		*text = r.text()
	}
	s.Scope, s.Epoch = passbearer.Scope(scope), r.number()
	s.IdleLifetime, s.Lifetime = time.Duration(r.number()), time.Duration(r.number())
	s.AuthTime = time.Unix(r.number(), r.number()).UTC()
	if r.bad || len(r.rest) != 0 {
		return errRow
	}
	return nil
}

// rowReader reads what encode wrote. After an error it reads nothing.
type rowReader struct {
	rest []byte
	bad  bool
}

func (r *rowReader) take(n uint64) []byte {
	if r.bad = r.bad || n > uint64(len(r.rest)); r.bad {
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *rowReader) text() string {
	n, size := binary.Uvarint(r.rest)
	r.skip(size)
	return string(r.take(n))
}

func (r *rowReader) number() int64 {
	n, size := binary.Varint(r.rest)
	r.skip(size)
	return n
}

func (r *rowReader) skip(size int) {
	if size <= 0 {
		r.bad = true
		return
	}
	r.take(uint64(size))
}

// session makes a Session of what a script returned: d, s and the server's time.
func session(id string, reply []any) (*passbearer.Session, error) {
	list := texts(reply)
	if len(list) < 3 {
		return nil, errRow
	}
	row := &passbearer.Session{ID: id}
	if err := decode(list[0], row); err != nil {
		return nil, err
	}
	state := strings.Split(list[1], " ")
	if len(state) != 6 {
		return nil, errRow
	}
	var err error
	if row.Generation, err = strconv.ParseInt(state[0], 10, 64); err != nil {
		return nil, errRow
	}
	var over time.Time
	for _, part := range []struct {
		text string
		t    *time.Time
	}{{state[1], &row.LastUsedAt}, {state[2], &over}, {state[5], &row.EndedAt}, {list[2], &row.AsOf}} {
		if *part.t, err = parseTime(part.text); err != nil {
			return nil, err
		}
	}
	row.CreatedAt = over.Add(-bounded(row.Lifetime))
	return row, nil
}

func parseTime(text string) (time.Time, error) {
	if text == "-" {
		return time.Time{}, nil
	}
	us, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, errRow
	}
	return time.UnixMicro(us).UTC(), nil
}

// bounded is a lifetime as scripts compute with it: in whole microseconds.
func bounded(d time.Duration) time.Duration {
	return min(d, maxLifetime).Truncate(time.Microsecond)
}

func microseconds(d time.Duration) string {
	return strconv.FormatInt(bounded(d).Microseconds(), 10)
}

// milliseconds rounds up: nothing is forgotten too early.
func milliseconds(d time.Duration) string {
	return fmt.Sprint((min(d, maxLifetime) + time.Millisecond - 1).Milliseconds())
}
