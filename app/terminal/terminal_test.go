package terminal

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adrg/xdg"
	"go.uber.org/goleak"

	"burble/app"
	"burble/inference/model/modeltest"
)

func TestMain(m *testing.M) {
	if os.Getenv("BURBLE_TEST_MAIN") != "" { // another process: the binary itself, without a window
		os.Exit(Main(os.Args[1:], nil))
	}
	goleak.VerifyTestMain(m)
}

// home gives the test XDG folders of its own, and returns the models folder.
func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"DATA", "CONFIG", "CACHE"} {
		t.Setenv("XDG_"+name+"_HOME", filepath.Join(dir, strings.ToLower(name)))
	}
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	return filepath.Join(dir, "data", "burble", "models")
}

// burble runs a command with text on its standard input.
func burble(t *testing.T, in string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e strings.Builder
	code = Run(context.Background(), args, nil, strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

// works runs a command that has to work, and returns its standard output.
func works(t *testing.T, in string, args ...string) string {
	t.Helper()
	code, out, errOut := burble(t, in, args...)
	if code != exitOK {
		t.Fatalf("burble %q ends with %d: %s", args, code, errOut)
	}
	return out
}

// shared returns a file of the folder of test data beside the module, or skips the test.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("without ../shared:", err)
	}
	return path
}

func TestMistakes(t *testing.T) {
	folder := home(t)
	model := modeltest.Write(t, modeltest.Options{})
	broken := filepath.Join(t.TempDir(), "broken.gguf")
	if err := os.WriteFile(broken, []byte("GGUF, but not for long"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"nonsense"}, exitUsage, `"nonsense" is neither a command nor a file`},
		{[]string{"--nonsense"}, exitUsage, "unknown command"},
		{[]string{model, "and", "more"}, exitUsage, "unknown command"},
		{[]string{"info"}, exitUsage, "burble info -h"},
		{[]string{"info", model, "more"}, exitUsage, `"more" is too much`},
		{[]string{"info", filepath.Join(folder, "none.gguf")}, exitError, "none.gguf"},
		{[]string{"info", broken}, exitError, "broken.gguf"},
		{[]string{"chat", "-m", broken, "-p", "Hello"}, exitError, "broken.gguf"},
		{[]string{"chat", "-m", model, "-p", " "}, exitUsage, "prompt is empty"},
		{[]string{"chat", "-m", model, "--temp", "warm"}, exitUsage, "temp"},
		{[]string{"chat", "-m", model, "-p", "Hello", "--top-p", "7"}, exitUsage, "top"},
		{[]string{"chat", "-m", model, "-p", "Hello", "--device", "abacus"}, exitError, `GPU that Burble can use, so none named "abacus"`},
		{[]string{"bench"}, exitUsage, "-m"},
		{[]string{"bench", "-m", model, "-r", "0"}, exitUsage, "-r"},
		{[]string{"perplexity", "-m", model}, exitUsage, "-f"},
		{[]string{"perplexity", "-m", model, "-f", broken, "-c", "3"}, exitUsage, "-c"},
		{[]string{"perplexity", "-m", model, "-f", os.DevNull}, exitError, "two windows"},
		{[]string{"debug", "nonsense"}, exitUsage, "nonsense"},
		{[]string{"debug", "tokenize"}, exitUsage, "-m"},
		{[]string{"debug", "logits", "-m", model}, exitUsage, "--tokens"},
		{[]string{"debug", "dequantize", "--type", "Q9_Z"}, exitUsage, "Q9_Z"},
		{[]string{"debug", "render"}, exitUsage, "--template"},
		{[]string{"debug", "synth", "--shape", "dodo", "--type", "F16", "-o", filepath.Join(folder, "x")}, exitUsage, "shape"},
	} {
		code, out, errOut := burble(t, "", c.args...)
		if code != c.code || !strings.Contains(errOut, c.says) {
			t.Errorf("burble %q ends with %d, want %d, and says %q, which lacks %q", c.args, code, c.code, errOut, c.says)
		}
		if out != "" && c.args[0] != "debug" {
			t.Errorf("burble %q prints %q on standard output", c.args, out)
		}
	}
}

// TestGuide wants somebody to talk to where there is no model yet, and to be told who that is.
func TestGuide(t *testing.T) {
	folder := home(t)
	for _, args := range [][]string{{"chat", "-p", "Which keyboard shortcuts are there?"}, {}} {
		code, out, errOut := burble(t, "Which keyboard shortcuts are there?\n/exit\n", args...)
		if code != exitOK || !strings.Contains(errOut, "built-in guide") || !strings.Contains(errOut, folder) {
			t.Errorf("burble %q ends with %d and says %q", args, code, errOut)
		}
		if !strings.Contains(out, "Ctrl+N new chat") {
			t.Errorf("burble %q answers %q", args, out)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}} {
		out := works(t, "", args...)
		for _, c := range commands {
			if !strings.Contains(out, "burble "+c.name) || !strings.Contains(out, c.does) {
				t.Errorf("burble %s leaves out %s", args[0], c.name)
			}
		}
	}
	for _, c := range commands {
		if c.name == "version" { // has no options
			continue
		}
		out := works(t, "", c.name, "-h")
		if !strings.Contains(out, "burble "+c.name) {
			t.Errorf("burble %s -h prints %q", c.name, out)
		}
		if again := works(t, "", "help", c.name); again != out {
			t.Errorf("burble help %s differs from burble %s -h", c.name, c.name)
		}
	}
	if out := works(t, "", "chat", "-h"); !strings.Contains(out, "(default 0.7)") {
		t.Errorf("the default temperature is not written as 0.7:\n%s", out)
	}
	if out := works(t, "", "version"); !strings.HasPrefix(out, "burble ") || works(t, "", "--version") != out {
		t.Errorf("version = %q", out)
	}
}

// TestWindow opens the window only where there is one and a display to open it on.
func TestWindow(t *testing.T) {
	home(t)
	model := modeltest.Write(t, modeltest.Options{})
	var opened []string
	window := func(file string) error { opened = append(opened, file); return nil }
	run := func(args ...string) (int, string) {
		var out, errOut strings.Builder
		return Run(context.Background(), args, window, strings.NewReader("/exit\n"), &out, &errOut), errOut.String()
	}
	t.Setenv("DISPLAY", ":99")
	t.Setenv("WAYLAND_DISPLAY", "")
	if code, said := run(model); code != exitOK || len(opened) != 1 || opened[0] != model {
		t.Errorf("with a display: %d, %q, opened %q", code, said, opened)
	}
	if code, said := run(); code != exitOK || len(opened) != 2 || opened[1] != "" {
		t.Errorf("without a file: %d, %q, opened %q", code, said, opened)
	}
	nowhere := func(string) error { return errors.Join(app.ErrNoDisplay) }
	var out, said strings.Builder
	if code := Run(t.Context(), []string{model}, nowhere, strings.NewReader("/exit\n"), &out, &said); code != exitOK || !strings.Contains(said.String(), "the display :99; opening the terminal chat") {
		t.Errorf("with a display that isn't there: %d, %q", code, said.String())
	}
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	if !displayed() { // some systems always have one
		if code, said := run(model); code != exitOK || len(opened) != 2 || !strings.Contains(said, "no display") {
			t.Errorf("without a display: %d, %q, opened %q", code, said, opened)
		}
	}
	if code, _, said := burble(t, "/exit\n", model); code != exitOK || !strings.Contains(said, "has no window") {
		t.Errorf("a build without a window: %d, %q", code, said)
	}
}

func TestInfo(t *testing.T) {
	model := modeltest.Write(t, modeltest.Options{Arch: "llama", Context: 333, Set: map[string]any{"general.name": "Tiny One"}})
	for _, args := range [][]string{{"info", model, "--json"}, {"info", "--json", model}, {"info", "-json", "-tensors", model}} {
		var info struct {
			Name         string            `json:"name"`
			Architecture string            `json:"architecture"`
			Parameters   int64             `json:"parameters"`
			Context      int               `json:"context_length"`
			Metadata     map[string]string `json:"metadata"`
			Tensors      []struct {
				Name  string `json:"name"`
				Shape []int  `json:"shape"`
			} `json:"tensors"`
		}
		if err := json.Unmarshal([]byte(works(t, "", args...)), &info); err != nil {
			t.Fatal(err)
		}
		if info.Name != "Tiny One" || info.Architecture != "llama" || info.Context != 333 || info.Parameters == 0 || len(info.Metadata) == 0 {
			t.Errorf("%q: %+v", args, info)
		}
		if listed := len(info.Tensors) > 0; listed != (len(args) == 4) {
			t.Errorf("%q lists %d tensors", args, len(info.Tensors))
		}
	}
	if out := works(t, "", "info", model); !strings.Contains(out, "Tiny One") || !strings.Contains(out, "llama") {
		t.Errorf("info = %q", out)
	}
}

func TestDevices(t *testing.T) {
	var got struct {
		Devices []struct{ Name, Kind string } `json:"devices"`
	}
	out := works(t, "", "devices", "--json")
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, `"total": `) || strings.Contains(out, `"Total"`) {
		t.Errorf("keys are not all in small letters: %s", out)
	}
	if n := len(got.Devices); n == 0 || got.Devices[n-1].Kind != "cpu" || got.Devices[n-1].Name == "" {
		t.Errorf("devices = %+v; the CPU is always there, and last", got)
	}
	if out := works(t, "", "devices"); !strings.Contains(out, got.Devices[len(got.Devices)-1].Name) {
		t.Errorf("devices = %q", out)
	}
}
