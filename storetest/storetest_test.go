package storetest_test

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/storetest"
)

const brokenEnv = "STORETEST_BROKEN"

// broken is a memstore with one fault.
type broken struct {
	*memstore.Store
	fault string
	n     atomic.Int64
}

// faults are named by what a suite must notice.
var faults = []string{
	"names are not unique", "unknown user is nil", "hash is set, not swapped", "epoch stands still", "scope is lost",
	"client is stale", "create overwrites", "swap is not atomic", "swap ignores from", "swap returns the old row", "swap forgets the time",
	"swap revives", "end is lost", "end of unknown fails", "end ends all", "two clocks", "list shows the dead", "list mixes users", "list is unsorted", "list is unbounded",
	"AsOf is missing", "unknown session is nil", "password is set, not swapped", "disabling raises no epoch",
}

// feedFaults are for the suite of revocations, which takes its time.
var feedFaults = []string{
	"first news is not complete", "first news is empty", "news are lost", "ends are not told", "epochs are not told", "watcher goes on", "no heartbeat",
}

func (b *broken) is(fault string) bool { return b.fault == fault }

func (b *broken) AddUser(ctx context.Context, u passbearer.User) error {
	if b.is("names are not unique") {
		u.Name += string(rune('a' + b.n.Add(1)%26))
	}
	if b.is("scope is lost") {
		u.Scope = ""
	}
	return b.Store.AddUser(ctx, u)
}

func (b *broken) UserByName(ctx context.Context, name string) (*passbearer.User, error) {
	u, err := b.Store.UserByName(ctx, name)
	if b.is("unknown user is nil") {
		return u, nil
	}
	return u, err
}

func (b *broken) UpdatePasswordHash(ctx context.Context, id, old, new string) error {
	if b.is("hash is set, not swapped") {
		u, err := b.Store.UserByID(ctx, id)
		if err != nil {
			return err
		}
		old = u.PasswordHash
	}
	return b.Store.UpdatePasswordHash(ctx, id, old, new)
}

func (b *broken) RaiseEpoch(ctx context.Context, id string) (int64, error) {
	if b.is("epoch stands still") {
		u, err := b.Store.UserByID(ctx, id)
		if err != nil {
			return 0, err
		}
		return u.Epoch, nil
	}
	return b.Store.RaiseEpoch(ctx, id)
}

func (b *broken) SetPasswordHash(ctx context.Context, id, old, new string) (int64, error) {
	if b.is("password is set, not swapped") {
		u, err := b.Store.UserByID(ctx, id)
		if err != nil {
			return 0, err
		}
		old = u.PasswordHash
	}
	return b.Store.SetPasswordHash(ctx, id, old, new)
}

func (b *broken) SetDisabled(ctx context.Context, id string, disabled bool) (int64, error) {
	epoch, err := b.Store.SetDisabled(ctx, id, disabled)
	if b.is("disabling raises no epoch") {
		epoch = 0
	}
	return epoch, err
}

func (b *broken) WatchRevocations(ctx context.Context, tell func(passbearer.RevocationNews)) error {
	first := true
	err := b.Store.WatchRevocations(ctx, func(n passbearer.RevocationNews) {
		n.Revocations = slices.DeleteFunc(n.Revocations, func(e passbearer.Revocation) bool {
			return b.is("ends are not told") && e.SessionID == "one" || b.is("epochs are not told") && e.UserID == "u1" ||
				b.is("first news is empty") && first || b.is("news are lost") && !first
		})
		n.Complete = n.Complete && !b.is("first news is not complete")
		if silent := b.is("no heartbeat") && len(n.Revocations) == 0; first || !silent {
			tell(n)
		}
		first = false
	})
	if b.is("watcher goes on") {
		select {}
	}
	return err
}

func (b *broken) AddClient(ctx context.Context, c passbearer.Client) error {
	if _, err := b.Store.ClientByID(ctx, c.ID); err == nil && b.is("client is stale") {
		return nil
	}
	return b.Store.AddClient(ctx, c)
}

func (b *broken) CreateSession(ctx context.Context, row passbearer.Session) error {
	if _, err := b.Store.SessionByID(ctx, row.ID); err == nil && b.is("create overwrites") {
		return nil
	}
	return b.Store.CreateSession(ctx, row)
}

func (b *broken) SessionByID(ctx context.Context, id string) (*passbearer.Session, error) {
	row, err := b.Store.SessionByID(ctx, id)
	switch {
	case err != nil && b.is("unknown session is nil"):
		return nil, nil
	case err != nil:
	case b.is("AsOf is missing"):
		row.AsOf = time.Time{}
	case b.is("two clocks"):
		row.AsOf = row.AsOf.Add(time.Hour)
	}
	return row, err
}

func (b *broken) SwapGeneration(ctx context.Context, id string, from, to int64) (*passbearer.Session, bool, error) {
	before, err := b.Store.SessionByID(ctx, id)
	if err != nil {
		return nil, false, err
	}
	switch {
	case b.is("swap is not atomic"):
		_, _, err = b.Store.SwapGeneration(ctx, id, from, to)
		return before, before.Generation == from, err
	case b.is("swap ignores from"):
		return b.Store.SwapGeneration(ctx, id, before.Generation, to)
	case b.is("swap revives") && !before.Live():
		before.EndedAt, before.Lifetime, before.IdleLifetime = time.Time{}, time.Hour, time.Hour
		return before, true, nil
	}
	row, swapped, err := b.Store.SwapGeneration(ctx, id, from, to)
	switch {
	case swapped && b.is("swap returns the old row"):
		row.Generation = from
	case swapped && b.is("swap forgets the time"):
		row.LastUsedAt = time.Time{}
	}
	return row, swapped, err
}

func (b *broken) EndSession(ctx context.Context, id string) error {
	row, err := b.Store.SessionByID(ctx, id)
	switch {
	case b.is("end is lost"):
		return nil
	case err != nil && b.is("end of unknown fails"):
		return err
	case err == nil && b.is("end ends all"):
		return b.Store.EndUserSessions(ctx, row.UserID)
	}
	return b.Store.EndSession(ctx, id)
}

func (b *broken) SessionsByUser(ctx context.Context, userID string, limit int) ([]passbearer.Session, error) {
	list, err := b.Store.SessionsByUser(ctx, userID, limit)
	if b.is("list is unbounded") {
		return b.Store.SessionsByUser(ctx, userID, 1000)
	}
	if len(list) > 1 {
		switch {
		case b.is("list shows the dead"):
			row, _ := b.Store.SessionByID(ctx, "ended")
			list = append(list, *row)
		case b.is("list mixes users"):
			row, _ := b.Store.SessionByID(ctx, "other")
			list = append(list, *row)
		case b.is("list is unsorted"):
			list[0], list[1] = list[1], list[0]
		}
	}
	return list, err
}

// TestBroken is what TestSuitesNotice runs as a process of its own, for there
// it must fail.
func TestBroken(t *testing.T) {
	fault := os.Getenv(brokenEnv)
	if fault == "" {
		return
	}
	open := func(*testing.T) *broken { return &broken{Store: memstore.New(), fault: fault} }
	if slices.Contains(feedFaults, fault) {
		storetest.SetPatience(2 * time.Second) // a little longer than it takes
		storetest.TestRevocationStore(t, open)
		return
	}
	if slices.Contains(throttleFaults, fault) {
		testBrokenThrottle(t, fault)
		return
	}
	if slices.Contains(replayFaults, fault) {
		storetest.SetPatience(2 * time.Second)
		testReplays(t, fault)
		return
	}
	storetest.TestUserStore(t, open)
	storetest.TestClientStore(t, open)
	storetest.TestSessionStore(t, open)
}

func TestSuitesNotice(t *testing.T) {
	for _, fault := range slices.Concat([]string{"none"}, faults, feedFaults, throttleFaults, replayFaults) {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBroken$", "-test.timeout=30s")
			cmd.Env = append(os.Environ(), brokenEnv+"="+fault)
			out, err := cmd.CombinedOutput()
			if fault == "none" {
				require.NoError(t, err, "%s", out)
				return
			}
			require.Error(t, err, "no suite noticed that %s", fault)
			require.Contains(t, string(out), "--- FAIL: TestBroken", "it fails in a test, and does not break down")
			require.NotContains(t, string(out), "panic:", "it fails in a test, and does not break down")
		})
	}
}
