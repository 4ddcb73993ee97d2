package app

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"burble/app/lock"
)

// instance is this process, as others see it: a lock file, which the system unlocks when the process ends, however it
// ends. Answers on their way name their instance, so that one that has died is told from one that is at work.
type instance struct {
	id   string
	dir  string
	file *os.File
}

// newInstance locks a new file in dir.
func newInstance(dir string) (*instance, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	i := &instance{id: rand.Text(), dir: dir}
	f, err := os.OpenFile(i.path(i.id), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if ok, err := lock.File(f); err != nil || !ok {
		f.Close()
		os.Remove(f.Name())
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	i.file = f
	return i, nil
}

func (i *instance) path(id string) string { return filepath.Join(i.dir, id+".lock") }

// alive reports whether the instance id is at work.
func (i *instance) alive(id string) bool {
	if id == i.id {
		return true
	}
	f, err := os.OpenFile(i.path(filepath.Base(id)), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	free, err := lock.File(f)
	return err == nil && !free
}

// sweep removes the lock files of instances that have ended.
func (i *instance) sweep() {
	files, err := filepath.Glob(i.path("*"))
	if err != nil {
		return
	}
	for _, path := range files {
		if path == i.path(i.id) {
			continue
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		free, err := lock.File(f)
		// A file may be new and not locked yet: leave it for an hour.
		info, statErr := f.Stat()
		f.Close()
		if err == nil && free && statErr == nil && time.Since(info.ModTime()) > time.Hour {
			os.Remove(path)
		}
	}
}

func (i *instance) close() {
	i.file.Close()
	os.Remove(i.path(i.id))
}

// alone runs do while no other instance runs one: opening the database, which may find it damaged and move it away.
func (i *instance) alone(do func() error) error {
	f, err := os.OpenFile(filepath.Join(i.dir, "opening"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for deadline := time.Now().Add(busyTimeout); ; time.Sleep(10 * time.Millisecond) {
		ok, err := lock.File(f)
		if err != nil {
			return fmt.Errorf("locking %s: %w", f.Name(), err)
		}
		if ok {
			return do()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("another Burble is opening %s and doesn't get on: end it, and start again", filepath.Dir(i.dir))
		}
	}
}
