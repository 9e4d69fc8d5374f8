package redisstore

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/passbearer/passbearer"
)

// A session's row is a string. It begins with what scripts compute with, in fields
// of eight bytes, the highest first:
//
//	 0  the generation
//	 8  LastUsedAt, in microseconds like all times here
//	16  until when the key is kept: as long as the session may live, and at most a
//	    sixteenth of the idle lifetime longer
//	24  when the lifetime is over, from which CreatedAt follows
//	32  the idle lifetime
//	40  EndedAt, or zero
//
// What never changes follows, as encode writes it.
//
// Scripts compute with times alone: numbers in Lua are exact up to 2^53 only,
// which microseconds reach in the year 2255. Generations are compared as bytes.
const (
	atGeneration = 0
	atUsed       = 8
	atOver       = 24
	atIdle       = 32
	atEnded      = 40
	atConstant   = 48
)

// replySize is what scripts put before a row: 1 if they moved the session on after
// that, otherwise 0, and the server's time.
const replySize = 9

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
	r := rowReader{rest: b}
	r.take(nonceSize)
	s.UserID, s.ClientID, s.Scope = r.text(), r.text(), passbearer.Scope(r.text())
	s.ACR, s.AMR, s.JKT, s.Extra, s.UserAgent = r.text(), r.text(), r.text(), r.text(), r.text()
	s.Epoch = r.number()
	s.IdleLifetime, s.Lifetime = time.Duration(r.number()), time.Duration(r.number())
	s.AuthTime = time.Unix(r.number(), r.number()).UTC()
	if r.bad || r.rest != "" {
		return errRow
	}
	return nil
}

// rowReader reads what encode wrote. After an error it reads nothing.
type rowReader struct {
	rest string
	bad  bool
}

func (r *rowReader) take(n uint64) string {
	if r.bad = r.bad || n > uint64(len(r.rest)); r.bad {
		return ""
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *rowReader) text() string {
	n, size := binary.Uvarint(r.varint())
	r.skip(size)
	return r.take(n)
}

func (r *rowReader) number() int64 {
	n, size := binary.Varint(r.varint())
	r.skip(size)
	return n
}

func (r *rowReader) varint() []byte { return []byte(r.rest[:min(binary.MaxVarintLen64, len(r.rest))]) }

func (r *rowReader) skip(size int) {
	if size <= 0 {
		r.bad = true
		return
	}
	r.take(uint64(size))
}

// session makes a Session of what a script returned. It tells whether the script moved
// the session on, which the row does not show yet.
func session(id string, reply any) (row *passbearer.Session, moved bool, err error) {
	text, _ := reply.(string)
	if len(text) < replySize+atConstant {
		return nil, false, errRow
	}
	head, state := text[:replySize], text[replySize:]
	row = &passbearer.Session{
		ID:         id,
		Generation: int64At(state, atGeneration),
		LastUsedAt: timeAt(state, atUsed),
		AsOf:       timeAt(head, 1),
	}
	if err := decode(state[atConstant:], row); err != nil {
		return nil, false, err
	}
	if int64At(state, atIdle) != bounded(row.IdleLifetime).Microseconds() {
		return nil, false, errRow
	}
	row.CreatedAt = timeAt(state, atOver).Add(-bounded(row.Lifetime))
	if int64At(state, atEnded) != 0 {
		row.EndedAt = timeAt(state, atEnded)
	}
	return row, head[0] == '1', nil
}

// eightBytes is a generation as scripts compare it.
func eightBytes(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func int64At(s string, at int) int64 { return int64(binary.BigEndian.Uint64([]byte(s[at : at+8]))) }

func timeAt(s string, at int) time.Time { return time.UnixMicro(int64At(s, at)).UTC() }

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
