// Package secret keeps what nobody else may read, such as API keys and tokens: in the keyring of the desktop (the Secret
// Service over D-Bus, the Credential Manager of Windows, the Keychain of macOS), and where there is none, in a file
// that only the user can read.
package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/zalando/go-keyring"

	"burble/app/atomicfile"
)

// Service is the name under which a keyring lists Burble's secrets.
const Service = "Burble"

// Place is where secrets are kept.
type Place struct {
	Keyring bool
	File    string // where not in the keyring
	Why     string // no keyring is used, in words for the user; or empty
}

// Store keeps secrets by name. All methods are safe for concurrent use. They may take long where a keyring asks the user for
// its password, but never longer than a minute: call them beside the window.
type Store struct {
	file string
	ring ring

	mu      sync.Mutex // of what follows, and of the file
	probed  bool
	failure string // why the keyring is not used; empty: it is, or has not been asked yet
}

// ring is a keyring. Its methods need not return: a Store waits for them only so long.
type ring interface {
	probe(context.Context) error // quick: whether there is one, without asking the user for anything
	get(name string) (string, error)
	set(name, value string) error
	delete(name string) error
}

// Open returns the secrets of a user whose configuration is in folder. Nothing is read before it is asked for.
func Open(folder string) *Store { return open(folder, system{}) }

func open(folder string, r ring) *Store {
	return &Store{file: filepath.Join(folder, "secrets.json"), ring: r}
}

// How long a Store waits: for a keyring to answer at all, and for the user to type its password.
var (
	probeTime = 3 * time.Second
	askTime   = time.Minute
)

// Get returns a secret, or "" where there is none of that name.
func (s *Store) Get(name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usable() {
		value, err := s.ask(func() (string, error) { return s.ring.get(name) })
		if err == nil {
			return value, nil
		}
		if !errors.Is(err, keyring.ErrNotFound) {
			s.failure = fmt.Sprintf("the keyring can't be read (%v)", err)
		}
	}
	all, err := s.read()
	return all[name], err
}

// Set keeps a secret under a name, in place of what was there. An empty value is the same as Delete.
func (s *Store) Set(name, value string) error {
	if value == "" {
		return s.Delete(name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usable() {
		_, err := s.ask(func() (string, error) { return "", s.ring.set(name, value) })
		if err == nil {
			return s.change(func(all map[string]string) { delete(all, name) }) // an older value must not come back
		}
		s.failure = fmt.Sprintf("the keyring did not take it (%v)", err)
	}
	return s.change(func(all map[string]string) { all[name] = value })
}

// Delete forgets a secret. One that is not there is no error.
func (s *Store) Delete(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed error
	if s.usable() {
		if _, err := s.ask(func() (string, error) { return "", s.ring.delete(name) }); err != nil && !errors.Is(err, keyring.ErrNotFound) {
			failed = fmt.Errorf("deleting %s from the keyring: %w", name, err)
			s.failure = fmt.Sprintf("the keyring did not delete a secret (%v)", err)
		}
	}
	return errors.Join(failed, s.change(func(all map[string]string) { delete(all, name) }))
}

// Where returns where the next secret is kept. It asks whether there is a keyring, which takes a moment the first time.
func (s *Store) Where() Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usable() {
		return Place{Keyring: true}
	}
	return Place{File: s.file, Why: s.failure}
}

// usable reports whether there is a keyring that has not failed yet. One that has is not asked again in this run: each
// attempt might take a minute.
func (s *Store) usable() bool {
	if !s.probed {
		s.probed = true
		ctx, cancel := context.WithTimeout(context.Background(), probeTime)
		defer cancel()
		if err := s.ring.probe(ctx); err != nil {
			s.failure = err.Error()
		}
	}
	return s.failure == ""
}

var errSilent = errors.New("it does not answer")

// ask waits for a keyring's answer, but not for ever. The libraries below take no context, so a call that never returns
// keeps its goroutine; usable sees to it that there is at most one.
func (s *Store) ask(f func() (string, error)) (string, error) {
	type answer struct {
		value string
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		value, err := f()
		answered <- answer{value, err}
	}()
	timeout := time.NewTimer(askTime)
	defer timeout.Stop()
	select {
	case a := <-answered:
		return a.value, a.err
	case <-timeout.C:
		return "", errSilent
	}
}

// read returns what is in the file.
func (s *Store) read() (map[string]string, error) {
	all := map[string]string{}
	data, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return all, fmt.Errorf("reading secrets: %w", err)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return map[string]string{}, fmt.Errorf("the file of secrets %s can't be read (%w): mend it or delete it", s.file, err)
	}
	if info, err := os.Stat(s.file); err == nil && info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(s.file, 0o600); err != nil { // somebody has copied it about
			return all, fmt.Errorf("closing secrets to others: %w", err)
		}
	}
	return all, nil
}

// change rewrites the file in one step, or deletes it when nothing is left in it.
func (s *Store) change(f func(map[string]string)) error {
	all, err := s.read()
	if err != nil {
		return err
	}
	before := len(all)
	f(all)
	if len(all) == 0 {
		if before == 0 {
			return nil
		}
		return os.Remove(s.file)
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.file), 0o700); err != nil {
		return fmt.Errorf("keeping a secret: %w", err)
	}
	if err := atomicfile.Write(s.file, data); err != nil {
		return fmt.Errorf("keeping a secret: %w", err)
	}
	return nil
}

// system is the keyring of the desktop.
type system struct{}

func (system) get(name string) (string, error) { return keyring.Get(Service, name) }
func (system) set(name, value string) error    { return keyring.Set(Service, name, value) }
func (system) delete(name string) error        { return keyring.Delete(Service, name) }
