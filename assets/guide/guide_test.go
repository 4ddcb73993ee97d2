package guide

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInstall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	data := []byte("GGUF and so on")
	path, err := install(dir, pack(t, data), sumOfBytes(data))
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string) {
		t.Helper()
		again, err := install(dir, pack(t, data), sumOfBytes(data))
		if got, _ := os.ReadFile(again); err != nil || again != path || string(got) != string(data) {
			t.Errorf("%s: %q in %s, %v", what, got, again, err)
		}
	}
	check("a second time")
	if err := os.WriteFile(path, []byte("GGUF and so OFF"), 0o600); err != nil {
		t.Fatal(err)
	}
	check("damaged")
	newer, err := install(dir, pack(t, []byte("another version")), sumOfBytes([]byte("another version")))
	if err != nil || newer == path {
		t.Fatalf("%s, %v", newer, err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 {
		t.Errorf("the folder holds %v", files)
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := install(blocked, pack(t, data), sumOfBytes(data)); err == nil {
		t.Error("a file in the folder's place is no error")
	}
	cut := pack(t, data)
	cut = cut[:len(cut)-6]
	if _, err := install(filepath.Join(dir, "cut"), cut, sumOfBytes(data)); err == nil {
		t.Error("a file that can't be unpacked is no error")
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "cut", "*")); len(files) != 0 {
		t.Errorf("after an error, the folder holds %v", files)
	}
}

func pack(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sumOfBytes(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// TestSum wants guide.sha256 to be that of the file in guide.gguf.gz.
func TestSum(t *testing.T) {
	var b bytes.Buffer
	if err := unpack(&b, file); err != nil {
		t.Fatal(err)
	}
	if want := sumOfBytes(b.Bytes()); strings.TrimSpace(sum) != want {
		t.Errorf("guide.sha256 is of another file (README.md says how to write it): it should be\n%s", want)
	}
}

// TestSize keeps the guide small enough to be built in.
func TestSize(t *testing.T) {
	if len(file) < 1<<20 || len(file) > 16<<20 {
		t.Errorf("the guide has %d bytes", len(file))
	}
}
