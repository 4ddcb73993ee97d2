package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/adrg/xdg"

	"burble/app/lock"
)

// CrashLog catches what the Go runtime says when the process crashes: a panic that nobody recovers, or a fatal signal, C code's
// included. It is a file of the user's alone that this process holds locked; the next start finds it unlocked, and shows it.
// Nothing is sent anywhere.
type CrashLog struct {
	file *os.File
}

// CrashReport is what a crash left behind.
type CrashReport struct {
	Path string // of the file, which is kept
	Text string
}

const (
	crashesKept = 5
	crashLimit  = 256 << 10 // bytes of a report that are read
	// crashMark ends what this program wrote itself. A file with nothing after it is of a process that was killed.
	crashMark = "\n--- what the program said when it ended:\n"
)

// CatchCrashes starts a log in the state folder of the XDG base directory specification, and returns the reports of runs that have
// crashed since the last call, newest first.
func CatchCrashes(o Options) (log *CrashLog, reports []CrashReport, err error) {
	dir := filepath.Join(xdg.StateHome, name)
	if o.DataDir != "" {
		dir = filepath.Join(o.DataDir, "state")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("making the folder of crash reports: %w", err)
	}
	reports, err = collectCrashes(dir)
	if err != nil {
		return nil, reports, err
	}
	f, err := os.CreateTemp(dir, "running-*.txt")
	if err != nil {
		return nil, reports, fmt.Errorf("starting a crash report: %w", err)
	}
	log = &CrashLog{f}
	if ok, lockErr := lock.File(f); lockErr != nil || !ok {
		return nil, reports, errors.Join(fmt.Errorf("locking %s: %w", f.Name(), lockErr), log.Close())
	}
	_, err = fmt.Fprintf(f, "Burble %s, %s, %s/%s\nstarted %s\n%s", Version, runtime.Version(), runtime.GOOS, runtime.GOARCH,
		time.Now().Format(time.RFC3339), crashMark)
	if err == nil {
		err = debug.SetCrashOutput(f, debug.CrashOptions{})
	}
	if err != nil {
		return nil, reports, errors.Join(fmt.Errorf("starting a crash report: %w", err), log.Close())
	}
	return log, reports, nil
}

// Close ends the log of a process that has not crashed.
func (l *CrashLog) Close() error {
	return errors.Join(debug.SetCrashOutput(nil, debug.CrashOptions{}), l.file.Close(), os.Remove(l.file.Name()))
}

// collectCrashes turns the logs of processes that have ended into reports, and removes old reports.
func collectCrashes(dir string) (reports []CrashReport, err error) {
	logs, err := filepath.Glob(filepath.Join(dir, "running-*.txt"))
	if err != nil {
		return nil, err
	}
	for _, path := range logs {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		free, lockErr := lock.File(f)
		text, readErr := io.ReadAll(io.LimitReader(f, crashLimit))
		info, statErr := f.Stat()
		f.Close()
		if lockErr != nil || !free || readErr != nil || statErr != nil {
			continue // of a process that runs
		}
		if _, said, marked := bytes.Cut(text, []byte(crashMark)); !marked || len(bytes.TrimSpace(said)) == 0 {
			if time.Since(info.ModTime()) > time.Minute || marked { // an empty one may be about to be written
				_ = os.Remove(path)
			}
			continue
		}
		kept := filepath.Join(dir, "crash-"+info.ModTime().Format("20060102-150405")+strings.TrimPrefix(filepath.Base(path), "running"))
		if err := os.Rename(path, kept); err != nil {
			return reports, fmt.Errorf("keeping a crash report: %w", err)
		}
		reports = append(reports, CrashReport{kept, string(text)})
	}
	slices.SortFunc(reports, func(a, b CrashReport) int { return strings.Compare(b.Path, a.Path) })
	old, err := filepath.Glob(filepath.Join(dir, "crash-*.txt"))
	if err != nil {
		return reports, err
	}
	slices.Sort(old)
	for _, path := range old[:max(len(old)-crashesKept, 0)] {
		_ = os.Remove(path)
	}
	return reports, nil
}
