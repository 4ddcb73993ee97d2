package inference_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestImports holds the direction of imports: ui → app → inference → compute → gpu → hip. It reads the files itself, those of other
// systems and build tags too, so that a cached result is taken back whenever one of them changes.
func TestImports(t *testing.T) {
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
	check := func(pkg, imp string) {
		rule := allowed[slices.IndexFunc(allowed, func(a struct{ pkg, imports string }) bool { return below(pkg, a.pkg) })]
		if below(imp, "fyne.io/fyne/v2") && !below(pkg, "burble/ui") && pkg != "burble/assets" && pkg != "burble" {
			t.Errorf("%s imports %s: Fyne belongs to ui (and its resources to assets)", pkg, imp)
		}
		if below(imp, "github.com/ebitengine/purego") && !below(pkg, "burble/hip") {
			t.Errorf("%s imports %s: purego belongs to hip", pkg, imp)
		}
		if !below(imp, "burble") || (rule.pkg != "burble" && below(imp, rule.pkg)) {
			return
		}
		if !slices.ContainsFunc(strings.Fields(rule.imports), func(ok string) bool { return below(imp, ok) }) {
			t.Errorf("%s imports %s, which is not below it", pkg, imp)
		}
	}
	files := 0
	root := ".."
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata" || d.Name() == "dist") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		rel, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		for _, imp := range f.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			check(path.Join("burble", filepath.ToSlash(rel)), p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("%d files were found; this test is looking at the wrong place", files)
	}
}
