package throttle

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

const (
	repeatWindow = 10 * time.Second
	repeatSlots  = 8192
)

// repeats remembers for a while the last wrong password of an account from an
// address, as 32 bits of an HMAC under a key of this process alone. Who shares a
// slot is forgotten, which only counts a repeat twice.
type repeats struct {
	key   [32]byte
	mu    sync.Mutex
	slots []repeatSlot
}

type repeatSlot struct {
	tag   uint32
	until time.Time
}

func newRepeats() *repeats {
	r := new(repeats)
	rand.Read(r.key[:])
	return r
}

// mark is where an attempt is remembered, and as what.
type mark struct{ slot, tag uint32 }

func (r *repeats) mark(account, address, password string) mark {
	mac := hmac.New(sha256.New, r.key[:])
	for _, s := range []string{account, address} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		mac.Write([]byte(s))
	}
	slot := binary.BigEndian.Uint32(mac.Sum(nil)) // says nothing of the password
	mac.Write([]byte(password))
	return mark{slot % repeatSlots, binary.BigEndian.Uint32(mac.Sum(nil))}
}

func (r *repeats) known(m mark, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.slots != nil && r.slots[m.slot].tag == m.tag && now.Before(r.slots[m.slot].until)
}

func (r *repeats) remember(m mark, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slots == nil {
		r.slots = make([]repeatSlot, repeatSlots)
	}
	r.slots[m.slot] = repeatSlot{m.tag, now.Add(repeatWindow)}
}
