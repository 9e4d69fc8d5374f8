package remotejwks

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

const maxHead = 512 // bytes of a header segment that is remembered

// routes remembers whose tokens have which header, among several issuers, so that the payload of most need not be read
// to choose: an issuer spells the header of all tokens of one key alike. It is a guess that is verified. The slots are
// read without a lock; two headers that share one take turns.
type routes struct {
	seed  maphash.Seed
	slots [64]atomic.Pointer[route]
}

type route struct {
	head   string
	source *source
}

func newRoutes() *routes { return &routes{seed: maphash.MakeSeed()} }

func (r *routes) slot(head string) *atomic.Pointer[route] {
	return &r.slots[maphash.String(r.seed, head)%uint64(len(r.slots))]
}

func (r *routes) find(token string) *source {
	head, _, _ := strings.Cut(token, ".")
	if len(head) > maxHead {
		return nil
	}
	if known := r.slot(head).Load(); known != nil && known.head == head {
		return known.source
	}
	return nil
}

// add is for tokens that were verified.
func (r *routes) add(token string, s *source) {
	if head, _, _ := strings.Cut(token, "."); len(head) <= maxHead {
		r.slot(head).Store(&route{strings.Clone(head), s})
	}
}
