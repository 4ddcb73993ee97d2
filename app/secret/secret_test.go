package secret

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zalando/go-keyring"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeRing is a keyring in memory.
type fakeRing struct {
	values map[string]string
	absent error
	fails  error
	hang   chan struct{} // where not nil, everything waits for it to close
	calls  atomic.Int64
}

func (r *fakeRing) probe(context.Context) error { return r.absent }

func (r *fakeRing) call() error {
	r.calls.Add(1)
	if r.hang != nil {
		<-r.hang
	}
	return r.fails
}

func (r *fakeRing) get(name string) (string, error) {
	if err := r.call(); err != nil {
		return "", err
	}
	if v, ok := r.values[name]; ok {
		return v, nil
	}
	return "", keyring.ErrNotFound
}

func (r *fakeRing) set(name, value string) error {
	if err := r.call(); err != nil {
		return err
	}
	r.values[name] = value
	return nil
}

func (r *fakeRing) delete(name string) error {
	if err := r.call(); err != nil {
		return err
	}
	if _, ok := r.values[name]; !ok {
		return keyring.ErrNotFound
	}
	delete(r.values, name)
	return nil
}

// hold checks that a store does what it should, wherever it keeps things.
func hold(t *testing.T, s *Store) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	is := func(name, want string) {
		t.Helper()
		got, err := s.Get(name)
		if must(err); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	is("a", "")
	must(s.Delete("a"))
	must(s.Set("a", "first"))
	must(s.Set("b", "ünïcode \n\""))
	must(s.Set("a", "second"))
	is("a", "second")
	is("b", "ünïcode \n\"")
	must(s.Delete("a"))
	is("a", "")
	must(s.Set("b", ""))
	is("b", "")
}

func TestKeyring(t *testing.T) {
	dir := t.TempDir()
	s := open(dir, &fakeRing{values: map[string]string{}})
	hold(t, s)
	if s.Where() != (Place{Keyring: true}) {
		t.Errorf("%+v", s.Where())
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("there is a file beside the keyring: %v", entries)
	}
}

func TestFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config")
	ring := &fakeRing{absent: errors.New("no keyring is running on this desktop")}
	s := open(dir, ring)
	hold(t, s)
	if ring.calls.Load() != 0 {
		t.Error("a keyring that is not there was asked")
	}
	file := filepath.Join(dir, "secrets.json")
	if p := s.Where(); p.Keyring || p.File != file || p.Why != "no keyring is running on this desktop" {
		t.Errorf("%+v", p)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("an empty file of secrets is left")
	}
	if err := s.Set("a", "value"); err != nil {
		t.Fatal(err)
	}
	if v, err := open(dir, ring).Get("a"); v != "value" || err != nil {
		t.Errorf("after a restart: %q, %v", v, err)
	}
	if runtime.GOOS != "windows" {
		if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 {
			t.Errorf("others can read secrets: %v", info.Mode())
		}
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get("a"); err != nil {
			t.Fatal(err)
		}
		if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 {
			t.Errorf("others can still read secrets: %v", info.Mode())
		}
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get("a"); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a broken file gives %v", err)
	}
	if err := s.Set("b", "value"); err == nil {
		t.Error("a broken file was overwritten")
	}
}

// TestKeyringFails wants what a keyring does not take to go into the file, and what lies there to be found once the keyring is
// back, and to be gone once the keyring holds a newer value.
func TestKeyringFails(t *testing.T) {
	dir := t.TempDir()
	ring := &fakeRing{values: map[string]string{}, fails: errors.New("locked")}
	s := open(dir, ring)
	if err := s.Set("a", "old"); err != nil {
		t.Fatal(err)
	}
	if p := s.Where(); p.Keyring || !strings.Contains(p.Why, "locked") {
		t.Errorf("%+v", p)
	}
	if v, _ := s.Get("a"); v != "old" || ring.calls.Load() != 1 {
		t.Errorf("%q after %d calls", v, ring.calls.Load())
	}
	ring.fails = nil
	s = open(dir, ring)
	if v, _ := s.Get("a"); v != "old" {
		t.Errorf("%q", v)
	}
	if err := s.Set("a", "new"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "secrets.json")); err == nil {
		t.Error("the old value is still in the file")
	}
}

func TestKeyringHangs(t *testing.T) {
	defer func(d time.Duration) { askTime = d }(askTime)
	askTime = 20 * time.Millisecond
	ring := &fakeRing{values: map[string]string{}, hang: make(chan struct{})}
	defer close(ring.hang)
	s := open(t.TempDir(), ring)
	for range 5 {
		if err := s.Set("a", "value"); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := s.Get("a"); v != "value" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	if ring.calls.Load() != 1 || s.Where().Keyring {
		t.Errorf("a keyring that does not answer was asked %d times, and counts: %v", ring.calls.Load(), s.Where())
	}
}
