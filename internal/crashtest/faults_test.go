//go:build unix

package crashtest_test

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/passbearer/passbearer"
)

// fault is what is wrong with a store.
type fault string

const (
	none          fault = ""
	acksFirst     fault = "acknowledges before it writes"
	swapsBlindly  fault = "swaps without atomicity"
	losesSignOuts fault = "loses sign-outs"
	losesSignIns  fault = "loses sign-ins"
	createsTwice  fault = "creates two sessions"
	tellsNothing  fault = "tells no revocation"
	exits         fault = "ends the process"
	races         fault = "has a data race"
	readsReplica  fault = "reads from a replica"
	ignoresEnds   fault = "ends nothing"
	endsLate      fault = "ends sessions after a while"
	raisesNothing fault = "raises no epoch"
)

// loses reports whether e is acknowledged and never written.
func (f fault) loses(e entry) bool {
	switch f {
	case losesSignOuts:
		return e.Op == "end"
	case losesSignIns:
		return e.Op == "create"
	}
	return false
}

func (f fault) beforeCreate(ctx context.Context, s *logStore, row passbearer.Session) {
	if f == createsTwice {
		row.ID = "half of " + row.ID
		s.do(ctx, entry{Op: "create", Session: &row})
	}
}

// swap returns nil where there is nothing wrong.
func (f fault) swap(ctx context.Context, s *logStore, id string, from, to int64) (*passbearer.Session, bool, error) {
	switch {
	case f == exits && to == 10:
		os.Exit(3)
	case f == races:
		unguarded++
	case f == swapsBlindly:
		row, err := s.SessionByID(ctx, id)
		if err != nil || !row.Live() || row.Generation != from {
			return row, false, err
		}
		<-time.After(time.Millisecond) // here the other one comes in between
		s.do(ctx, entry{Op: "swap", ID: id, From: from, To: to})
		row, err = s.SessionByID(ctx, id)
		return row, true, err
	}
	return nil, false, nil
}

var unguarded int

// replica has the rows as they were first seen by this process.
var replica sync.Map

func (f fault) read(row *passbearer.Session) *passbearer.Session {
	if f != readsReplica || row == nil {
		return row
	}
	stale, _ := replica.LoadOrStore(row.ID, *row)
	old := stale.(passbearer.Session)
	return &old
}

// end reports whether it has acknowledged instead.
func (f fault) end(ctx context.Context, s *logStore, id string) bool {
	if f == endsLate {
		ctx := context.WithoutCancel(ctx)
		s.later.Go(func() {
			<-time.After(5 * time.Millisecond)
			s.do(ctx, entry{Op: "end", ID: id})
		})
	}
	return f == endsLate || f == ignoresEnds
}
