package gguf

import (
	"os"
	"path/filepath"
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

func TestOpenModel(t *testing.T) {
	f, err := Open(shared(t, "models/gopher-20m-Q4_K_M.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.Quantisation(); got != "Q4_K_M" {
		t.Errorf("quantisation %q", got)
	}
	if arch, ok := f.Metadata.String("general.architecture"); !ok || arch == "" {
		t.Error("no architecture")
	}
	for _, x := range f.Tensors {
		t.Log(x)
		if int64(len(x.Data)) != x.Bytes() {
			t.Errorf("%v: %d bytes mapped", x, len(x.Data))
		}
		dst := make([]float32, x.Elements())
		if err := Dequantize(x.Type, dst, x.Data); err != nil {
			t.Errorf("%v: %v", x, err)
		}
	}
	for _, k := range f.Metadata.Keys() {
		v, _ := f.Metadata.Value(k)
		t.Logf("%s = %v", k, v)
	}
}
