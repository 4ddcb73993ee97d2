package hip

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
)

// cacheMagic begins every file of the cache. The number is the format's.
const cacheMagic = "burble kernel 1\n"

// key is the hash of everything that the code object depends on.
func (c *Compiler) key(target string, src Source) string {
	h := sha256.New()
	field := func(s string) {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	field(cacheMagic)
	field(c.version)
	field(c.request.Backend.String())
	field(target)
	field(src.Text)
	for _, o := range src.Options {
		field(o)
	}
	field("headers")
	names := make([]string, 0, len(src.Headers))
	for n := range src.Headers {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		field(n)
		field(src.Headers[n])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func cachePath(dir, key string) string { return filepath.Join(dir, key+".code") }

// readCache returns a cached code object. A file that is damaged counts as absent.
func readCache(dir, key string) ([]byte, bool) {
	b, err := os.ReadFile(cachePath(dir, key))
	if err != nil {
		return nil, false
	}
	rest, ok := bytes.CutPrefix(b, []byte(cacheMagic))
	if !ok || len(rest) <= sha256.Size {
		return nil, false
	}
	code := rest[sha256.Size:]
	if sum := sha256.Sum256(code); !bytes.Equal(sum[:], rest[:sha256.Size]) {
		return nil, false
	}
	return code, true
}

// writeCache stores a code object, whole or not at all: another process may read or write the same file.
func writeCache(dir, key string, code []byte) error {
	f, err := os.CreateTemp(dir, "code-*.tmp")
	if err != nil {
		return fmt.Errorf("hip: the kernel cache: %w", err)
	}
	defer os.Remove(f.Name()) // no longer there after the rename
	sum := sha256.Sum256(code)
	for _, part := range [][]byte{[]byte(cacheMagic), sum[:], code} {
		if _, err := f.Write(part); err != nil {
			f.Close()
			return fmt.Errorf("hip: the kernel cache: %w", err)
		}
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("hip: the kernel cache: %w", err)
	}
	if err := os.Rename(f.Name(), cachePath(dir, key)); err != nil {
		return fmt.Errorf("hip: the kernel cache: %w", err)
	}
	return nil
}
