package terminal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"burble/inference/model/modeltest"
)

// answers is a template that a tiny model can answer to.
const answers = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"

// TestReasoning keeps what a model thinks out of the answer.
func TestReasoning(t *testing.T) {
	home(t)
	thinks := modeltest.Write(t, modeltest.Options{Set: map[string]any{"tokenizer.chat_template": answers + "<think>\n"}})
	plain := modeltest.Write(t, modeltest.Options{Set: map[string]any{"tokenizer.chat_template": answers}})
	args := func(model string) []string {
		return []string{"chat", "-m", model, "--device", "cpu", "--temp", "0", "-n", "8", "-p", "Hello"}
	}
	code, out, said := burble(t, "", args(thinks)...)
	if code != exitOK || strings.TrimSpace(out) != "" || strings.TrimSpace(said) == "" {
		t.Errorf("a model that only thinks: %d, %q on standard output, %q on standard error", code, out, said)
	}
	code, out, said = burble(t, "", args(plain)...)
	if code != exitOK || strings.TrimSpace(out) == "" || said != "" {
		t.Errorf("a model that doesn't: %d, %q on standard output, %q on standard error", code, out, said)
	}
}

func TestContextFull(t *testing.T) {
	home(t)
	model := modeltest.Write(t, modeltest.Options{Set: map[string]any{"tokenizer.chat_template": answers}})
	chat := []string{"chat", "-m", model, "--device", "cpu", "--temp", "0", "--context", "64"}
	code, _, said := burble(t, "", append(chat, "-p", strings.Repeat("many words ", 40))...)
	if code != exitError || !strings.Contains(said, "larger context") {
		t.Errorf("a prompt beyond the context: %d, %q", code, said)
	}
	// A conversation loses its oldest turns, and goes on.
	code, _, said = burble(t, strings.Repeat("Twenty letters here.\n", 4), append(chat, "-n", "8")...)
	if code != exitOK || !strings.Contains(said, "left out") || strings.Count(said, " reused, ") != 4 {
		t.Errorf("a conversation beyond the context: %d, %q", code, said)
	}
}

// TestHostileTemplates opens models whose templates fail, never end, or want to read files. The answer comes all the same,
// and a warning with it.
func TestHostileTemplates(t *testing.T) {
	home(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("the secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, template := range map[string]string{
		"unknown":   "no-such-format",
		"syntax":    "{% for m in messages %}{{ m.content",
		"raises":    "{{ raise_exception('Only on Sundays.') }}",
		"undefined": "{{ no.such.thing }}",
		"endless":   "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
		"huge":      "{% set ns = namespace(s='0123456789abcdef') %}{% for a in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
		"times":     "{{ 'x' * 99999999999 }}",
		"loud":      "{% for a in range(99999) %}{% for b in range(99999) %}xxxxxxxxxxxxxxxx{% endfor %}{% endfor %}",
		"deep":      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"nested":    strings.Repeat("(", 100000),
		"nested in": "{{ " + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + " }}",
		"includes":  fmt.Sprintf("{%% include %q %%}", secret),
		"imports":   fmt.Sprintf("{%% import %q as x %%}{{ x }}", secret),
		"extends":   fmt.Sprintf("{%% extends %q %%}", secret),
		"opens":     fmt.Sprintf("{{ open(%q).read() }}", secret),
		"climbs":    "{{ messages.__class__.__mro__[1].__subclasses__() }}",
	} {
		t.Run(name, func(t *testing.T) {
			model := modeltest.Write(t, modeltest.Options{Set: map[string]any{"tokenizer.chat_template": template}})
			begin := time.Now()
			code, out, said := burble(t, "", "chat", "-m", model, "--device", "cpu", "--temp", "0", "-n", "4", "-p", "Hello")
			if code != exitOK || strings.TrimSpace(out) == "" || !strings.Contains(said, "template") {
				t.Errorf("exit code %d, %q; %.500q", code, out, said)
			}
			if strings.Contains(out+said, "the secret") {
				t.Error("the template read a file")
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("the answer took %v", took)
			}
		})
	}
}

// TestDamagedModels opens files with bytes missing or changed. Each gives an answer or an error, soon, and no panic.
func TestDamagedModels(t *testing.T) {
	home(t)
	whole, err := os.ReadFile(modeltest.Write(t, modeltest.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(t.TempDir(), "damaged.gguf")
	failed := 0
	for i := range 150 {
		b := append([]byte(nil), whole...)
		reach := len(b)
		switch i % 3 {
		case 0:
			b = b[:random.IntN(len(b))]
		case 1:
			reach = 8 << 10 // metadata and the directory of tensors
			fallthrough
		case 2:
			for range 1 + random.IntN(20) {
				b[random.IntN(reach)] ^= byte(1 << random.IntN(8))
			}
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"info", path}, {"chat", "-m", path, "--device", "cpu", "-n", "2", "-p", "Hello"}} {
			begin := time.Now()
			code, _, said := burble(t, "", args...)
			if code != exitOK && (code != exitError || len(said) < 20) || strings.Contains(said, "internal error") {
				t.Errorf("file %d: burble %s: exit code %d, %q", i, args[0], code, said)
			}
			if code != exitOK {
				failed++
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("file %d: burble %s took %v", i, args[0], took)
			}
		}
	}
	if failed < 100 {
		t.Errorf("only %d of 300 runs failed: the files are not damaged enough", failed)
	}
}
