//go:build unix

package crashtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/storetest"
)

// logStore is a memstore that is built anew from a log of what was done to it. The
// processes that share the log take turns by a lock on the file.
type logStore struct {
	path  string
	fault fault

	mu   sync.Mutex
	file *os.File
	read int64 // so much of the log has been done
	now  atomic.Pointer[time.Time]
	mem  *memstore.Store

	late  chan []byte    // what a fault writes later
	later sync.WaitGroup // what a fault does later
}

var (
	_ storetest.UserStore         = (*logStore)(nil)
	_ passbearer.UserEditor       = (*logStore)(nil)
	_ passbearer.EpochRaiser      = (*logStore)(nil)
	_ passbearer.SessionStore     = (*logStore)(nil)
	_ passbearer.UserSessionStore = (*logStore)(nil)
	_ passbearer.RevocationStore  = (*logStore)(nil)
)

// downSuffix is of a file that makes the store fail.
const downSuffix = ".down"

var errDown = errors.New("the store is down")

func openLog(path string, f fault) (*logStore, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	s := &logStore{path: path, fault: f, file: file, late: make(chan []byte, 1<<20)}
	s.mem = &memstore.Store{Now: func() time.Time { return *s.now.Load() }}
	if f == acksFirst {
		go s.writeLate()
	}
	return s, nil
}

func (s *logStore) Close() error {
	s.later.Wait()
	return s.file.Close()
}

// entry is one line of the log.
type entry struct {
	At       time.Time
	Op       string
	ID       string
	From, To int64
	Old, New string
	On       bool
	User     *passbearer.User
	Session  *passbearer.Session
}

// outcome is what doing an entry has come to.
type outcome struct {
	row     *passbearer.Session
	swapped bool
	epoch   int64
}

func (s *logStore) apply(ctx context.Context, e entry) (out outcome, err error) {
	s.now.Store(&e.At)
	switch e.Op {
	case "user":
		u := *e.User
		u.PasswordHash = e.New // which JSON leaves out
		err = s.mem.AddUser(ctx, u)
	case "password":
		out.epoch, err = s.mem.SetPasswordHash(ctx, e.ID, e.Old, e.New)
	case "disable":
		out.epoch, err = s.mem.SetDisabled(ctx, e.ID, e.On)
	case "raise":
		out.epoch, err = s.mem.RaiseEpoch(ctx, e.ID)
	case "create":
		err = s.mem.CreateSession(ctx, *e.Session)
	case "swap":
		out.row, out.swapped, err = s.mem.SwapGeneration(ctx, e.ID, e.From, e.To)
	case "end":
		err = s.mem.EndSession(ctx, e.ID)
	case "end all":
		err = s.mem.EndUserSessions(ctx, e.ID)
	case "revoke":
		err = s.mem.Revoke(ctx, passbearer.Revocation{SessionID: e.ID})
	default:
		err = fmt.Errorf("the log has an unknown entry %q", e.Op)
	}
	return out, err
}

// locked runs f when the log is this process's, and has been caught up with.
func (s *logStore) locked(f func() error) error {
	if _, err := os.Stat(s.path + downSuffix); err == nil {
		return errDown
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fd := int(s.file.Fd())
	if err := syscall.Flock(fd, syscall.LOCK_EX); err != nil {
		return err
	}
	defer syscall.Flock(fd, syscall.LOCK_UN)
	if err := s.catchUp(); err != nil {
		return err
	}
	now := time.Now()
	s.now.Store(&now)
	return f()
}

// catchUp does what other processes have written, or those before this one. A line
// that was cut off was not acknowledged.
func (s *logStore) catchUp() error {
	rest, err := io.ReadAll(io.NewSectionReader(s.file, s.read, 1<<40))
	if err != nil {
		return err
	}
	for {
		line, more, whole := bytes.Cut(rest, []byte("\n"))
		if !whole {
			break
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		s.apply(context.Background(), e)
		s.read += int64(len(line)) + 1
		rest = more
	}
	if len(rest) > 0 {
		return s.file.Truncate(s.read)
	}
	return nil
}

// do what changes something: it is written before it is acknowledged.
func (s *logStore) do(ctx context.Context, e entry) (out outcome, err error) {
	err = s.locked(func() error {
		e.At = *s.now.Load()
		if out, err = s.apply(ctx, e); err != nil || e.Op == "swap" && !out.swapped {
			return err
		}
		return s.write(e)
	})
	return out, err
}

func (s *logStore) write(e entry) error {
	if s.fault.loses(e) {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	s.read += int64(len(line))
	if s.fault == acksFirst && e.Op == "swap" {
		s.late <- line
		return nil
	}
	if _, err := s.file.Write(line); err != nil {
		return err
	}
	return s.file.Sync()
}

// writeLate is always a little behind.
func (s *logStore) writeLate() {
	for line := range s.late {
		s.file.Write(line)
		<-time.After(2 * time.Millisecond)
	}
}

func (s *logStore) AddUser(ctx context.Context, u passbearer.User) error {
	_, err := s.do(ctx, entry{Op: "user", User: &u, New: u.PasswordHash})
	return err
}

func (s *logStore) UserByName(ctx context.Context, name string) (u *passbearer.User, err error) {
	err = s.locked(func() error { u, err = s.mem.UserByName(ctx, name); return err })
	return u, err
}

func (s *logStore) UserByID(ctx context.Context, id string) (u *passbearer.User, err error) {
	err = s.locked(func() error { u, err = s.mem.UserByID(ctx, id); return err })
	return u, err
}

func (s *logStore) SetPasswordHash(ctx context.Context, id, old, new string) (int64, error) {
	out, err := s.do(ctx, entry{Op: "password", ID: id, Old: old, New: new})
	return out.epoch, err
}

func (s *logStore) SetDisabled(ctx context.Context, id string, disabled bool) (int64, error) {
	out, err := s.do(ctx, entry{Op: "disable", ID: id, On: disabled})
	return out.epoch, err
}

func (s *logStore) RaiseEpoch(ctx context.Context, id string) (int64, error) {
	if s.fault == raisesNothing {
		return 1, nil
	}
	out, err := s.do(ctx, entry{Op: "raise", ID: id})
	return out.epoch, err
}

func (s *logStore) CreateSession(ctx context.Context, row passbearer.Session) error {
	s.fault.beforeCreate(ctx, s, row)
	_, err := s.do(ctx, entry{Op: "create", Session: &row})
	return err
}

func (s *logStore) SessionByID(ctx context.Context, id string) (row *passbearer.Session, err error) {
	err = s.locked(func() error { row, err = s.mem.SessionByID(ctx, id); return err })
	return s.fault.read(row), err
}

func (s *logStore) SwapGeneration(ctx context.Context, id string, from, to int64) (*passbearer.Session, bool, error) {
	if row, swapped, err := s.fault.swap(ctx, s, id, from, to); row != nil || err != nil {
		return row, swapped, err
	}
	out, err := s.do(ctx, entry{Op: "swap", ID: id, From: from, To: to})
	return out.row, out.swapped, err
}

func (s *logStore) EndSession(ctx context.Context, id string) error {
	if s.fault.end(ctx, s, id) {
		return nil
	}
	_, err := s.do(ctx, entry{Op: "end", ID: id})
	return err
}

func (s *logStore) SessionsByUser(ctx context.Context, id string, limit int) (rows []passbearer.Session, err error) {
	err = s.locked(func() error { rows, err = s.mem.SessionsByUser(ctx, id, limit); return err })
	return rows, err
}

func (s *logStore) EndUserSessions(ctx context.Context, id string) error {
	if s.fault == raisesNothing {
		return nil
	}
	_, err := s.do(ctx, entry{Op: "end all", ID: id})
	return err
}

func (s *logStore) Revoke(ctx context.Context, e passbearer.Revocation) error {
	_, err := s.do(ctx, entry{Op: "revoke", ID: e.SessionID})
	return err
}

// WatchRevocations looks into the log for what other processes write.
func (s *logStore) WatchRevocations(ctx context.Context, told func(passbearer.RevocationNews)) error {
	tell := told
	if err := s.locked(func() error { return nil }); err != nil {
		return err
	}
	if s.fault == tellsNothing {
		tell = func(passbearer.RevocationNews) { told(passbearer.RevocationNews{Complete: true}) }
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		defer close(ended)
		ended <- s.mem.WatchRevocations(ctx, tell)
	}()
	defer func() { // nothing is told after the return
		cancel()
		for range ended {
		}
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
			if err := s.locked(func() error { return nil }); err != nil {
				return err
			}
		}
	}
}
