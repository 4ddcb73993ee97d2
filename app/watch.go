package app

import (
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// watchQuiet is how long folders have to be quiet before they are looked at again: a download writes all the time.
	watchQuiet = 700 * time.Millisecond
	// watchMost is the most folders that are watched: systems have limits, and the picker looks again anyway.
	watchMost = 2000
)

// watcher tells when something has happened in one of the folders that the last scan went through.
type watcher struct {
	fs      *fsnotify.Watcher // nil: this system can't
	watched map[string]bool
}

func newWatcher() *watcher {
	w := &watcher{watched: map[string]bool{}}
	w.fs, _ = fsnotify.NewWatcher() // without it, the picker looks again when it opens
	return w
}

// set watches these folders and no others.
func (w *watcher) set(folders []string) {
	if w.fs == nil {
		return
	}
	wanted := map[string]bool{}
	for _, dir := range folders {
		if len(wanted) < watchMost {
			wanted[dir] = true
		}
	}
	for dir := range w.watched {
		if !wanted[dir] {
			_ = w.fs.Remove(dir) // it may be gone by itself
			delete(w.watched, dir)
		}
	}
	for dir := range wanted {
		if !w.watched[dir] && w.fs.Add(dir) == nil {
			w.watched[dir] = true
		}
	}
}

// run calls changed some time after something has happened that may concern models, until closing is closed.
func (w *watcher) run(closing <-chan struct{}, changed func()) {
	if w.fs == nil {
		return
	}
	defer w.fs.Close()
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	defer quiet.Stop()
	for {
		select {
		case <-closing:
			return
		case ev, ok := <-w.fs.Events:
			if !ok {
				return
			}
			if concernsModels(ev) {
				quiet.Reset(watchQuiet)
			}
		case err, ok := <-w.fs.Errors:
			if !ok {
				return
			}
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				quiet.Reset(watchQuiet)
			}
		case <-quiet.C:
			changed()
		}
	}
}

// concernsModels leaves out what happens to other files: a folder may be the user's whole disk. What has no extension may be
// a folder, or one of Ollama's.
func concernsModels(ev fsnotify.Event) bool {
	if ev.Op == fsnotify.Chmod || (ev.Op == fsnotify.Write && unfinished(ev.Name) != "") { // a download that grows would put off looking for ever
		return false
	}
	name := strings.ToLower(filepath.Base(ev.Name))
	return strings.Contains(name, ".gguf") || filepath.Ext(name) == "" || ev.Has(fsnotify.Create|fsnotify.Remove|fsnotify.Rename)
}
