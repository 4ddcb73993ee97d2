package terminal

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"burble/app"
	"burble/inference/model/modeltest"
)

func TestPrompt(t *testing.T) {
	home(t)
	model := modeltest.Write(t, modeltest.Options{})
	ask := func(args ...string) string {
		t.Helper()
		return works(t, "", append([]string{"chat", "-m", model, "--device", "cpu", "-n", "12"}, args...)...)
	}
	greedy := ask("-p", "Hello", "--temp", "0")
	if strings.TrimSpace(greedy) == "" || !strings.HasSuffix(greedy, "\n") {
		t.Fatalf("the answer is %q", greedy)
	}
	if again := ask("--temp", "0", "-p", "Hello"); again != greedy {
		t.Errorf("greedy answers differ: %q and %q", greedy, again)
	}
	if piped := works(t, "Hello", "chat", "-m", model, "--device", "cpu", "-n", "12", "--temp", "0", "-p", "-"); piped != greedy {
		t.Errorf("with the prompt on standard input: %q, want %q", piped, greedy)
	}
	one := ask("-p", "Hello", "--temp", "1.5", "--seed", "7")
	if two := ask("-p", "Hello", "--temp", "1.5", "--seed", "7"); one != two {
		t.Errorf("the same seed gives %q and %q", one, two)
	}
	if other := ask("-p", "Hello", "--temp", "1.5", "--seed", "8"); one == other {
		t.Errorf("two seeds give %q", one)
	}
	if led := ask("-p", "Hello", "--temp", "0", "--system", "You are a very different assistant."); led == greedy {
		t.Errorf("the system message changes nothing: %q", led)
	}
}

// TestGopher asks a model that knows an answer.
func TestGopher(t *testing.T) {
	home(t)
	out := works(t, "", "chat", "-m", shared(t, "models/gopher-20m-Q4_0.gguf"), "-p", "What does strings.Cut do?", "--temp", "0")
	if !strings.Contains(out, "Cut slices s around the first instance of sep") {
		t.Errorf("the answer is %q", out)
	}
}

func TestConverse(t *testing.T) {
	folder := home(t)
	model := modeltest.Write(t, modeltest.Options{Set: map[string]any{"general.name": "Tiny One"}})
	args := []string{"chat", "-m", model, "--device", "cpu", "-n", "8", "--temp", "0"}
	code, out, said := burble(t, "Hello\n\nAnd then?\n/reset\nHello\n/help\n/exit\nnever read\n", args...)
	if code != exitOK {
		t.Fatalf("ends with %d: %s", code, said)
	}
	for _, want := range []string{"Tiny One", "A new conversation.", "/reset starts"} {
		if !strings.Contains(said, want) {
			t.Errorf("standard error lacks %q:\n%s", want, said)
		}
	}
	if n := strings.Count(said, " reused, "); n != 3 {
		t.Errorf("%d answers, want 3:\n%s", n, said)
	}
	first := works(t, "", append(args, "-p", "Hello")...)
	if !strings.HasPrefix(out, first) || !strings.HasSuffix(out, first) || len(out) <= 2*len(first) {
		t.Errorf("three answers are %q; the first and the last should be %q", out, first)
	}
	// The end of the input ends the chat too.
	if code, _, said := burble(t, "Hello", args...); code != exitOK {
		t.Errorf("at the end of the input: %d, %s", code, said)
	}
	// The model is the one to open next time, before others in the folder.
	if err := modeltest.WriteFile(filepath.Join(mkdir(t, folder), "other.gguf"), modeltest.Options{}); err != nil {
		t.Fatal(err)
	}
	if path, dir := app.DefaultModel(); path != model || dir != folder {
		t.Errorf("the default model is %s in %s, want %s in %s", path, dir, model, folder)
	}
	if _, _, said := burble(t, "/exit\n", "chat"); !strings.Contains(said, "Tiny One") {
		t.Errorf("without -m: %s", said)
	}
}

func mkdir(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// output collects what a process prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// wait waits until the process has printed text n times.
func (o *output) wait(t *testing.T, text string, n int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); strings.Count(o.String(), text) < n; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q has not come up %d times: %q", text, n, o.String())
		}
	}
}

// TestInterrupt presses Ctrl+C during an answer and at the prompt, in a process of its own.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes can't be sent Ctrl+C")
	}
	home(t)
	model := modeltest.Write(t, modeltest.Options{Context: 1 << 15})
	begin := func(args ...string) (*exec.Cmd, io.Writer, *output, *output) {
		t.Helper()
		// The context is so long that the answer is still on its way when the signal comes.
		cmd := exec.Command(os.Args[0], append([]string{"chat", "-m", model, "--device", "cpu", "--temp", "0"}, args...)...)
		cmd.Env = append(os.Environ(), "BURBLE_TEST_MAIN=1")
		out, errOut := &output{}, &output{}
		cmd.Stdout, cmd.Stderr = out, errOut
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill() })
		return cmd, in, out, errOut
	}

	cmd, in, out, errOut := begin()
	for turn := 1; turn <= 2; turn++ {
		errOut.wait(t, "\n> ", turn)
		before := len(out.String())
		io.WriteString(in, "Go on\n")
		for end := time.Now().Add(20 * time.Second); len(out.String()) == before; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("turn %d: no answer: %s", turn, errOut)
			}
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		errOut.wait(t, " reused, ", turn) // the answer has ended, and the chat goes on
	}
	errOut.wait(t, "\n> ", 3)
	time.Sleep(50 * time.Millisecond) // for the prompt to listen
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("Ctrl+C at the prompt: %v; %s", err, errOut)
	}

	// With -p, half an answer is a failure.
	cmd, _, out, errOut = begin("-p", "Go on")
	for end := time.Now().Add(20 * time.Second); out.String() == "" && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if cmd.ProcessState.ExitCode() != exitError || !strings.Contains(errOut.String(), "interrupted") {
		t.Errorf("an interrupted answer: %v, %q", err, errOut)
	}
}
