package inference_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImports holds the direction of imports: ui → app → inference → compute → gpu → hip.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "burble/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	// allowed lists, for a package and those below it, which of ours it may import besides itself and below.
	allowed := []struct{ pkg, imports string }{
		{"burble/gguf", ""},
		{"burble/hip", ""},
		{"burble/assets/guide/build", "burble/assets/guide burble/gguf burble/inference"},
		{"burble/assets/package", "burble/app burble/assets"},
		{"burble/assets", ""},
		{"burble/inference/sample", ""},
		{"burble/inference/chat", ""},
		{"burble/inference/tokenizer", "burble/gguf"},
		{"burble/inference/compute/gpu", "burble/gguf burble/hip burble/inference/compute"},
		{"burble/inference/compute", "burble/gguf"},
		{"burble/inference/model", "burble/gguf burble/inference/compute"},
		{"burble/inference", "burble/gguf burble/hip burble/inference"},
		{"burble/app", "burble/assets burble/gguf burble/hip burble/inference"},
		{"burble/ui", "burble/app burble/assets burble/gguf burble/inference"},
		{"burble", "burble/app burble/hip burble/ui"},
	}
	below := func(pkg, root string) bool { return pkg == root || strings.HasPrefix(pkg, root+"/") }
	seen := 0
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		i := slices.IndexFunc(allowed, func(a struct{ pkg, imports string }) bool { return below(p.ImportPath, a.pkg) })
		rule := allowed[i]
		for _, imp := range p.Imports {
			if below(imp, "fyne.io/fyne/v2") && !below(p.ImportPath, "burble/ui") && p.ImportPath != "burble/assets" && p.ImportPath != "burble" {
				t.Errorf("%s imports %s: Fyne belongs to ui (and its resources to assets)", p.ImportPath, imp)
			}
			if below(imp, "github.com/ebitengine/purego") && !below(p.ImportPath, "burble/hip") {
				t.Errorf("%s imports %s: purego belongs to hip", p.ImportPath, imp)
			}
			if !below(imp, "burble") || (rule.pkg != "burble" && below(imp, rule.pkg)) {
				continue
			}
			if !slices.ContainsFunc(strings.Fields(rule.imports), func(ok string) bool { return below(imp, ok) }) {
				t.Errorf("%s imports %s, which is not below it", p.ImportPath, imp)
			}
		}
	}
	if seen < 10 {
		t.Errorf("go list found %d packages; this test is looking at the wrong thing", seen)
	}
}
