package ui

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"burble/app"
)

// TestProblemText wants every reason of app's in the window's texts, word for word in English, and in German.
func TestProblemText(t *testing.T) {
	open(t, newFake(), 800, 600)
	file, err := parser.ParseFile(token.NewFileSet(), "../app/problems.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Problem") {
			reasons = append(reasons, strings.Trim(v.Values[0].(*ast.BasicLit).Value, `"`))
		}
		return true
	})
	if len(reasons) < 7 {
		t.Fatalf("only %d reasons were found", len(reasons))
	}
	for _, r := range reasons {
		if got := problemText(app.ModelFile{Err: r}); got != r {
			t.Errorf("%q is shown as %q", r, got)
		}
	}
	if err := setLanguage("de"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := setLanguage("en"); err != nil {
			t.Error(err)
		}
	}()
	for _, r := range reasons {
		if problemText(app.ModelFile{Err: r}) == r {
			t.Errorf("%q is not in German", r)
		}
	}
	for _, f := range []app.ModelFile{{Source: app.SourceOllama, Name: "qwen3:8b"}, {Source: app.SourceHuggingFace}, {Source: app.SourceJan}, {}} {
		if got := keepText(f, false); strings.Contains(got, "elete") || !strings.Contains(got, f.Name) {
			t.Errorf("%+v: %q", f, got)
		}
	}
}
