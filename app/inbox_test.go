package app

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/adrg/xdg"
	"go.uber.org/goleak"
)

// runtimeFolder makes a short folder for sockets: those of tests may have names that are too long for them.
func runtimeFolder(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "b")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", dir)
	xdg.Reload()
	t.Cleanup(func() { os.RemoveAll(dir) })
}

func next(t *testing.T, i *Inbox) Request {
	t.Helper()
	select {
	case r := <-i.Requests():
		return r
	case <-time.After(5 * time.Second):
		t.Fatal("no request arrived")
	}
	return Request{}
}

func TestInbox(t *testing.T) {
	defer goleak.VerifyNone(t)
	runtimeFolder(t)
	o := Options{DataDir: t.TempDir()}
	i, forwarded, err := OpenInbox(o, "x.gguf")
	if i == nil || forwarded || err != nil {
		t.Fatalf("the first start: %v, %v, %v", i, forwarded, err)
	}
	for _, file := range []string{"", "some model.gguf"} {
		want := file
		if file != "" {
			want, _ = filepath.Abs(file)
		}
		if second, forwarded, err := OpenInbox(o, file); second != nil || !forwarded || err != nil {
			t.Fatalf("the second start: %v, %v, %v", second, forwarded, err)
		}
		if r := next(t, i); r.File != want {
			t.Errorf("got %q, want %q", r.File, want)
		}
	}
	// Another user's data, or another screen, is another window.
	other, forwarded, err := OpenInbox(Options{DataDir: t.TempDir()}, "")
	if other == nil || forwarded || err != nil {
		t.Fatalf("other data: %v, %v, %v", other, forwarded, err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	t.Setenv("DISPLAY", ":71")
	other, forwarded, err = OpenInbox(o, "")
	if other == nil || forwarded || err != nil {
		t.Fatalf("another screen: %v, %v, %v", other, forwarded, err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	if err := i.Close(); err != nil {
		t.Error(err)
	}
	if _, open := <-i.Requests(); open {
		t.Error("the channel stays open")
	}
}

// TestInboxHostile wants nonsense on the socket to hurt nobody.
func TestInboxHostile(t *testing.T) {
	defer goleak.VerifyNone(t)
	runtimeFolder(t)
	o := Options{DataDir: t.TempDir()}
	i, _, err := OpenInbox(o, "")
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	base, err := inboxBase(newPaths(o))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Dir(base)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can reach the socket: %v, %v", info, err)
	}
	for _, nonsense := range []string{"", "hello\n", `{"file":"relative.gguf"}`, `{"file":3}`, strings.Repeat("[", 1<<20)} {
		c, err := net.Dial("unix", base+".sock")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, nonsense)
		c.(*net.UnixConn).CloseWrite()
		if answer, _ := io.ReadAll(c); len(answer) > 0 {
			t.Errorf("%.20q is answered with %q", nonsense, answer)
		}
		c.Close()
	}
	if _, forwarded, err := OpenInbox(o, ""); !forwarded || err != nil {
		t.Errorf("afterwards: %v, %v", forwarded, err)
	}
	if r := next(t, i); r.File != "" {
		t.Errorf("got %q", r.File)
	}
}

// TestInboxProcess runs the first start in a process of its own: it hears of a second start, and what it leaves behind when it is
// killed holds nobody up.
func TestInboxProcess(t *testing.T) {
	if data := os.Getenv("BURBLE_INBOX_CHILD"); data != "" {
		i, _, err := OpenInbox(Options{DataDir: data}, "")
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("listening\n")
		os.Stdout.WriteString("got " + (<-i.Requests()).File + "\n")
		time.Sleep(time.Minute)
		return
	}
	runtimeFolder(t)
	data := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run", "^TestInboxProcess$")
	child.Env = append(os.Environ(), "BURBLE_INBOX_CHILD="+data)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}()
	read := func(want string) {
		t.Helper()
		var got strings.Builder
		for b := make([]byte, 1); !strings.Contains(got.String(), want); {
			if _, err := out.Read(b); err != nil {
				t.Fatalf("the child said %q, want %q: %v", got.String(), want, err)
			}
			got.Write(b)
		}
	}
	read("listening\n")
	file := filepath.Join(data, "m.gguf")
	if _, forwarded, err := OpenInbox(Options{DataDir: data}, file); !forwarded || err != nil {
		t.Fatalf("forwarded %v, %v", forwarded, err)
	}
	read("got " + file + "\n")
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	base, err := inboxBase(newPaths(Options{DataDir: data}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(base + ".sock"); err != nil {
		t.Fatalf("the child left no socket behind, so this tests nothing: %v", err)
	}
	begun := time.Now()
	i, forwarded, err := OpenInbox(Options{DataDir: data}, "")
	if i == nil || forwarded || err != nil {
		t.Fatalf("after the kill: %v, %v, %v", i, forwarded, err)
	}
	defer i.Close()
	if d := time.Since(begun); d > 4*time.Second {
		t.Errorf("it took %v", d)
	}
}
