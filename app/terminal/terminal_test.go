package terminal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adrg/xdg"
	"go.uber.org/goleak"

	"burble/gguf"
	"burble/hip"
	"burble/inference/model/modeltest"
)

func TestMain(m *testing.M) {
	hip.MaybeCompileChild()
	goleak.VerifyTestMain(m)
}

// result is what a command left behind.
type result struct {
	code     int
	out, err string
}

// burble runs a command with input on its standard input.
func burble(t testing.TB, input string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	code := Run(context.Background(), args, nil, strings.NewReader(input), &out, &errOut)
	return result{code, out.String(), errOut.String()}
}

// succeed is burble for a command that has to work; it returns the standard output.
func succeed(t testing.TB, input string, args ...string) string {
	t.Helper()
	r := burble(t, input, args...)
	if r.code != exitOK {
		t.Fatalf("burble %s: exit code %d\n%s", strings.Join(args, " "), r.code, r.err)
	}
	return r.out
}

func decode(t testing.TB, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
}

func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tiny writes a tiny model that keeps talking: the token that would end its answer is another one's twin, of which
// greedy decoding takes the first.
func tiny(t testing.TB, set map[string]any) string {
	t.Helper()
	return modeltest.Write(t, modeltest.Options{Context: 4096, Set: set})
}

// shared finds reference data beside the module; the test is skipped where there is none.
func shared(t testing.TB, name ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{"..", "..", "..", "shared"}, name...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no reference data: %v", err)
	}
	return path
}

// home gives the test folders of its own for everything that belongs to the user.
func home(t *testing.T) (data string) {
	t.Helper()
	dir := t.TempDir()
	data = filepath.Join(dir, "data")
	t.Setenv("XDG_DATA_HOME", data)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	return data
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}} {
		out := succeed(t, "", args...)
		for _, c := range commands {
			if !strings.Contains(out, "burble "+c.name) || !strings.Contains(out, c.does) {
				t.Errorf("burble %s says nothing of %s", args[0], c.name)
			}
		}
	}
	for _, c := range append(commands[:len(commands):len(commands)], debugCommands...) {
		args := []string{c.name, "-h"}
		if c.name == "version" || c.name == "debug" {
			continue
		}
		for _, d := range debugCommands {
			if d.name == c.name {
				args = []string{"debug", c.name, "-h"}
			}
		}
		if out := succeed(t, "", args...); !strings.Contains(out, "usage: burble "+strings.Join(args[:len(args)-1], " ")+" ") {
			t.Errorf("burble %s prints %q", strings.Join(args, " "), out)
		}
	}
	out := succeed(t, "", "debug")
	for _, c := range debugCommands {
		if !strings.Contains(out, "burble debug "+c.name) {
			t.Errorf("burble debug says nothing of %s", c.name)
		}
	}
	for _, arg := range []string{"version", "--version"} {
		if out := succeed(t, "", arg); !strings.HasPrefix(out, "burble ") {
			t.Errorf("burble %s prints %q", arg, out)
		}
	}
}

// TestMistakes makes every mistake that a command line can have: exit code 2, one line that says what is wrong.
func TestMistakes(t *testing.T) {
	home(t)
	model := tiny(t, nil)
	text := write(t, "text", "hello")
	for _, c := range []struct {
		args string
		says string
	}{
		{"nonsense", "neither a command nor a file"},
		{"nonsense more", "unknown command"},
		{"-x", "unknown command"},
		{"info", "missing"},
		{"info a b", `"b" is too much`},
		{"info MODEL --nonsense", "-nonsense"},
		{"chat -p hello", "-m FILE.gguf"},
		{"chat -m MODEL --temp -1 -p hello", "emperature"},
		{"chat -m MODEL --temp warm -p hello", "warm"},
		{"chat -m MODEL extra", `"extra" is too much`},
		{"chat -m MODEL -p", "-p"},
		{"bench", "-m FILE.gguf"},
		{"bench -m MODEL -r 0", "-r is at least 1"},
		{"bench -m MODEL -n -1", "can't be negative"},
		{"perplexity -m MODEL", "-f FILE"},
		{"perplexity -m MODEL -f TEXT -c 2", "-c is at least 4"},
		{"perplexity -f TEXT", "-m FILE.gguf"},
		{"devices more", `"more" is too much`},
		{"debug nonsense", "unknown command"},
		{"debug tokenize", "-m FILE.gguf"},
		{"debug render", "--template FILE"},
		{"debug logits -m MODEL", "--tokens FILE"},
		{"debug logits --tokens TEXT -o OUT", "-m FILE.gguf"},
		{"debug dequantize", "type"},
		{"debug dequantize --type Q9_9", "Q9_9"},
		{"debug synth --shape cube --type Q8_0 -o OUT", "a shape, a type and -o FILE"},
		{"debug synth --shape tiny-llama --type Q8_0", "a shape, a type and -o FILE"},
	} {
		args := strings.Fields(c.args)
		for i := range args {
			switch args[i] {
			case "MODEL":
				args[i] = model
			case "TEXT":
				args[i] = text
			case "OUT":
				args[i] = filepath.Join(t.TempDir(), "out")
			}
		}
		r := burble(t, "", args...)
		if r.code != exitUsage || !strings.Contains(r.err, c.says) {
			t.Errorf("burble %s: exit code %d, %q; want %d and a word of %q", c.args, r.code, r.err, exitUsage, c.says)
		}
		if r.out != "" || strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "burble: ") {
			t.Errorf("burble %s: want one line of error, got %q and %q", c.args, r.out, r.err)
		}
	}
}

// TestErrors runs commands on what can't be read: exit code 1, and an error that names it.
func TestErrors(t *testing.T) {
	model := tiny(t, nil)
	whole := read(t, model)
	cut := write(t, "cut.gguf", whole[:len(whole)-1000])
	empty := write(t, "empty.gguf", "")
	text := write(t, "text.txt", "this is no model")
	silent := modeltest.Write(t, modeltest.Options{NoVocab: true})
	strange := modeltest.Write(t, modeltest.Options{Set: map[string]any{"general.architecture": "perceptron"}})
	missing := filepath.Join(t.TempDir(), "missing.gguf")
	ids, far := write(t, "ids.json", "[1,2]"), write(t, "far.json", "[1,99999]")
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"info", missing}, "missing.gguf"},
		{[]string{"info", text}, "GGUF"},
		{[]string{"info", empty}, "empty.gguf"},
		{[]string{"info", cut}, "download it again"},
		{[]string{"chat", "-m", missing, "-p", "hello"}, "missing.gguf"},
		{[]string{"chat", "-m", cut, "-p", "hello"}, "download it again"},
		{[]string{"chat", "-m", silent, "-p", "hello"}, "can't chat"},
		{[]string{"chat", "-m", strange, "-p", "hello"}, "perceptron"},
		{[]string{"chat", "-m", model, "-p", strings.Repeat("many words ", 1000)}, "the context holds"},
		{[]string{"chat", "-m", model, "-p", "hello", "--kv", "paper"}, "paper"},
		{[]string{"chat", "-m", model, "-p", "hello", "--device", "abacus"}, "abacus"},
		{[]string{"bench", "-m", text}, "GGUF"},
		{[]string{"perplexity", "-m", model, "-f", missing}, "missing.gguf"},
		{[]string{"perplexity", "-m", model, "-f", text}, "two windows"},
		{[]string{"perplexity", "-m", silent, "-f", text}, "vocabulary"},
		{[]string{"debug", "tokenize", "-m", silent}, "vocabulary"},
		{[]string{"debug", "render", "--template", missing}, "missing.gguf"},
		{[]string{"debug", "logits", "-m", model, "--tokens", missing, "-o", out}, "missing.gguf"},
		{[]string{"debug", "logits", "-m", model, "--tokens", text, "-o", out}, "text.txt"},
		{[]string{"debug", "logits", "-m", model, "--tokens", far, "-o", out}, "99999"},
		{[]string{"debug", "logits", "-m", model, "--tokens", ids, "-o", filepath.Join(missing, "out")}, "missing.gguf"},
		{[]string{"debug", "synth", "--shape", "tiny-llama", "--type", "Q8_0", "-o", filepath.Join(missing, "out")}, "missing.gguf"},
	} {
		r := burble(t, "", c.args...)
		if r.code != exitError || !strings.Contains(r.err, c.says) || !strings.HasPrefix(r.err, "burble: ") {
			t.Errorf("burble %.200q: exit code %d, %q; want %d and a word of %q", c.args, r.code, r.err, exitError, c.says)
		}
		if r.out != "" {
			t.Errorf("burble %.200q: prints %q", c.args, r.out)
		}
	}
}

func TestWindow(t *testing.T) {
	model := tiny(t, nil)
	t.Setenv("DISPLAY", ":99")
	var got []string
	window := func(err error) Window {
		return func(file string) error {
			got = append(got, file)
			return err
		}
	}
	var out, errOut bytes.Buffer
	run := func(w Window, args ...string) int {
		return Run(context.Background(), args, w, strings.NewReader("/exit\n"), &out, &errOut)
	}
	if code := run(window(nil)); code != exitOK {
		t.Errorf("burble: exit code %d", code)
	}
	if code := run(window(nil), model); code != exitOK {
		t.Errorf("burble FILE: exit code %d", code)
	}
	if len(got) != 2 || got[0] != "" || got[1] != model {
		t.Errorf("the window was opened with %q", got)
	}
	if code := run(window(errors.New("no glass")), model); code != exitError || !strings.Contains(errOut.String(), "no glass") {
		t.Errorf("a window that fails: exit code %d, %q", code, errOut.String())
	}
	errOut.Reset()
	if code := run(nil, model); code != exitOK || !strings.Contains(errOut.String(), "no window") || !strings.Contains(errOut.String(), "Tiny qwen3") {
		t.Errorf("without a window: exit code %d, %q", code, errOut.String())
	}
	errOut.Reset()
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	if displayed() {
		return // a system that always has a display
	}
	if code := run(window(nil), model); code != exitOK || !strings.Contains(errOut.String(), "no display") || len(got) != 3 {
		t.Errorf("without a display: exit code %d, %q", code, errOut.String())
	}
}

func TestInfo(t *testing.T) {
	model := tiny(t, map[string]any{"general.name": "A <Name>"})
	text := succeed(t, "", "info", model)
	for _, want := range []string{"A <Name>", "qwen3", "qwen3.context_length", "4096"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if strings.Contains(text, "blk.1.attn_q.weight") || !strings.Contains(succeed(t, "", "info", model, "--tensors"), "blk.1.attn_q.weight") {
		t.Error("--tensors lists the tensors, and nothing else does")
	}
	for _, args := range [][]string{{"info", model, "--json", "--tensors"}, {"info", "--json", "--tensors", model}, {"info", "--json", model, "--tensors"}} {
		var info struct {
			Path, Name, Architecture, Quantisation string
			Parameters, Bytes                      int64
			Context                                int `json:"context_length"`
			Version                                int `json:"gguf_version"`
			Metadata                               map[string]string
			Tensors                                []struct {
				Name, Type string
				Shape      []int
				Bytes      int64
			}
		}
		out := succeed(t, "", args...)
		decode(t, out, &info)
		stat, err := os.Stat(model)
		if err != nil {
			t.Fatal(err)
		}
		f, err := gguf.Open(model)
		if err != nil {
			t.Fatal(err)
		}
		if info.Path != model || info.Name != "A <Name>" || info.Architecture != "qwen3" || info.Quantisation != "F32" ||
			info.Bytes != stat.Size() || info.Parameters != f.Parameters() || info.Context != 4096 || info.Version != 3 ||
			info.Metadata["qwen3.block_count"] != "2" || len(info.Tensors) != len(f.Tensors) {
			t.Errorf("burble %s prints %s", strings.Join(args, " "), out)
		}
		first := info.Tensors[0]
		if first.Name != "token_embd.weight" || first.Type != "F32" || len(first.Shape) != 2 || first.Shape[1] != 64 || first.Bytes != int64(4*first.Shape[0]*64) {
			t.Errorf("first tensor %+v", first)
		}
		f.Close()
	}
}

func TestDevices(t *testing.T) {
	if text := succeed(t, "", "devices"); !strings.Contains(text, "cpu  ") {
		t.Errorf("no CPU in %q", text)
	}
	var list struct {
		Devices []struct{ Name, Kind string }
	}
	report := filepath.Join(t.TempDir(), "report.txt")
	decode(t, succeed(t, "", "devices", "--json", "--report", report), &list)
	n := 0
	for _, d := range list.Devices {
		if d.Kind == "cpu" && d.Name != "" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("devices %+v; want one CPU", list.Devices)
	}
	if read(t, report) == "" {
		t.Error("the report is empty")
	}
}
