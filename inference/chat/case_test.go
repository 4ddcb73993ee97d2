package chat

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"burble/inference/chat/jinja"
)

// shared finds a folder of test data beside the module; the test is skipped where there is none.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	dir = filepath.Join(dir, "..", "shared", name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no test data in ../shared/%s", name)
	}
	return dir
}

// TestCases renders real templates and compares with what Python's Jinja2 made of them, byte for byte.
func TestCases(t *testing.T) {
	dir := shared(t, "templates")
	var index struct{ Now string }
	readJSON(t, filepath.Join(dir, "index.json"), &index)
	files, _ := filepath.Glob(filepath.Join(dir, "*.cases.json"))
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	matched, total := 0, 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".cases.json")
		source, err := os.ReadFile(filepath.Join(dir, name+".jinja"))
		if err != nil {
			t.Fatal(err)
		}
		var cases []map[string]json.RawMessage
		readJSON(t, file, &cases)
		for _, c := range cases {
			if c["now"] == nil {
				c["now"], _ = json.Marshal(index.Now)
			}
			raw, _ := json.Marshal(c)
			got, err := RenderCase(string(source), raw)
			label := name + "/" + string(c["name"])
			total++
			if want, ok := c["expected"]; ok {
				var s string
				if err := json.Unmarshal(want, &s); err != nil {
					t.Fatal(err)
				}
				if err != nil {
					t.Errorf("%s: %v", label, err)
				} else if got != s {
					t.Errorf("%s:\n got %q\nwant %q", label, got, s)
				} else {
					matched++
				}
				continue
			}
			var te *jinja.TemplateError
			if raised := errors.As(err, &te); string(c["raises_type"]) == `"TemplateError"` && (!raised || te.Kind != jinja.Raised) {
				t.Errorf("%s: got %v, want the template's own error %s", label, err, c["raises"])
			} else {
				matched++
			}
		}
	}
	t.Logf("%d of %d cases match", matched, total)
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}
