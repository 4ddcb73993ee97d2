package app

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// crash ends the process in one of several ways.
func crash(t *testing.T, how string) {
	log, _, err := CatchCrashes(Options{DataDir: os.Getenv("BURBLE_CRASH_DATA")})
	if err != nil {
		t.Fatal(err)
	}
	switch how {
	case "panic":
		go func() { panic("a panic of the test's") }()
	case "nil":
		go func() {
			var p *int
			*p = 1 //nolint:all // it is meant to
		}()
	case "abort":
		p, _ := os.FindProcess(os.Getpid())
		_ = p.Signal(syscall.SIGABRT)
	case "kill":
		p, _ := os.FindProcess(os.Getpid())
		_ = p.Kill()
	case "close":
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		os.Exit(0)
	}
	time.Sleep(time.Minute)
}

// TestCrashLog crashes processes, and wants the next start to know why, once.
func TestCrashLog(t *testing.T) {
	if how := os.Getenv("BURBLE_CRASH"); how != "" {
		crash(t, how)
		return
	}
	run := func(data, how string) {
		t.Helper()
		child := exec.Command(os.Args[0], "-test.run", "^TestCrashLog$")
		child.Env = append(os.Environ(), "BURBLE_CRASH="+how, "BURBLE_CRASH_DATA="+data)
		out, err := child.CombinedOutput()
		if exit := (*exec.ExitError)(nil); how != "close" && !errors.As(err, &exit) {
			t.Fatalf("%s: the child ended with %v and said\n%s", how, err, out)
		}
	}
	for how, want := range map[string]string{"panic": "panic: a panic of the test's", "nil": "nil pointer dereference", "abort": "SIGABRT", "kill": "", "close": ""} {
		if how == "abort" && runtime.GOOS == "windows" {
			continue
		}
		data := t.TempDir()
		run(data, how)
		log, reports, err := CatchCrashes(Options{DataDir: data})
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			if len(reports) > 0 {
				t.Errorf("%s: a report of no crash:\n%s", how, reports[0].Text)
			}
		} else if len(reports) != 1 || !strings.Contains(reports[0].Text, want) || !strings.Contains(reports[0].Text, "goroutine ") ||
			!strings.HasPrefix(reports[0].Text, "Burble "+Version) {
			t.Errorf("%s: reports %+v", how, reports)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		log, again, err := CatchCrashes(Options{DataDir: data})
		if err != nil || len(again) > 0 {
			t.Errorf("%s: the report comes twice: %v, %v", how, again, err)
		}
		// While this one runs, another start leaves its log alone.
		second, reports, err := CatchCrashes(Options{DataDir: data})
		if err != nil || len(reports) > 0 {
			t.Errorf("%s: beside a running one: %v, %v", how, reports, err)
		}
		if err := errors.Join(second.Close(), log.Close()); err != nil {
			t.Error(err)
		}
		if want != "" {
			if kept, _ := filepath.Glob(filepath.Join(data, "state", "crash-*.txt")); len(kept) != 1 {
				t.Errorf("%s: kept %v", how, kept)
			}
		}
	}
}

func TestCrashReportsAreFew(t *testing.T) {
	data := t.TempDir()
	dir := filepath.Join(data, "state")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		path := filepath.Join(dir, "running-"+string(rune('a'+i))+".txt")
		if err := os.WriteFile(path, []byte("Burble\n"+crashMark+"panic: "+strings.Repeat("x", i)), 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	log, reports, err := CatchCrashes(Options{DataDir: data})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if len(reports) != 9 || !strings.HasSuffix(reports[0].Text, "xxxxxxxx") {
		t.Errorf("%d reports, the first %q", len(reports), reports[0].Text)
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "crash-*.txt")); len(kept) != crashesKept || kept[len(kept)-1] != reports[0].Path {
		t.Errorf("kept %v", kept)
	}
}
