package gguf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shared finds a file beside the module, and skips the test when it is absent.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	path := filepath.Join(dir, "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no test data: %v", err)
	}
	return path
}

// TestOpenModels opens real files: small models, and vocabularies without tensors.
func TestOpenModels(t *testing.T) {
	var paths []string
	for _, pattern := range []string{"models/*.gguf", "vocab/*.gguf"} {
		found, err := filepath.Glob(filepath.Join(shared(t, ""), pattern))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) == 0 {
		t.Skip("no models")
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) { openModel(t, path) })
	}
}

func openModel(t *testing.T, path string) {
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if arch, ok := f.Metadata.String("general.architecture"); !ok || arch == "" {
		t.Error("no architecture")
	}
	tokens, ok := f.Metadata.Strings("tokenizer.ggml.tokens")
	if !ok || len(tokens) < 8000 {
		t.Errorf("%d tokens", len(tokens))
	}
	// The models' names end in their quantisation.
	if name := strings.TrimSuffix(filepath.Base(path), ".gguf"); len(f.Tensors) > 0 && !strings.HasSuffix(name, "-"+f.Quantisation()) {
		t.Errorf("quantisation %q", f.Quantisation())
	}
	for _, x := range f.Tensors {
		if int64(len(x.Data)) != x.Bytes() {
			t.Errorf("%v: %d bytes mapped", x, len(x.Data))
		}
		values := make([]float32, x.Elements())
		if err := Dequantize(x.Type, values, x.Data); err != nil {
			t.Errorf("%v: %v", x, err)
		}
		// Trained weights are small numbers; misread blocks are not.
		if i := slices.IndexFunc(values, func(v float32) bool { return !(magnitude(v) < 100) }); i >= 0 {
			t.Errorf("%v: value %d is %v", x, i, values[i])
		}
	}

	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	parsed, err := Parse(file, f.Size())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(parsed.Metadata.Keys(), f.Metadata.Keys()) || len(parsed.Tensors) != len(f.Tensors) {
		t.Error("Parse and Open differ")
	}
}
