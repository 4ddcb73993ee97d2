// Package guide holds Burble's built-in model: a very small one that knows Burble and nothing else, so that a fresh
// installation has somebody to ask. README.md says how it is made.
package guide

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed guide.gguf
var file []byte

// Name is what the guide is called in lists of models.
const Name = "Built-in guide"

// Install makes sure that the guide's GGUF file is in a folder, and returns its path. A file that is there already and whole
// is left as it is; those of other versions are removed.
func Install(dir string) (path string, err error) {
	return install(dir, file)
}

func install(dir string, data []byte) (path string, err error) {
	sum := sha256.Sum256(data)
	path = filepath.Join(dir, "guide-"+hex.EncodeToString(sum[:8])+".gguf")
	if old, err := os.ReadFile(path); err == nil && sha256.Sum256(old) == sum {
		return path, nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing the built-in guide: %w", err)
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	others, err := filepath.Glob(filepath.Join(dir, "guide-*.gguf*"))
	if err != nil {
		return "", err
	}
	part, err := os.CreateTemp(dir, "guide-*.part")
	if err != nil {
		return "", err
	}
	_, err = part.Write(data)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(part.Name()))
	}
	for _, other := range others {
		if other != path {
			_ = os.Remove(other) // another Burble may be using it; it is only in the cache
		}
	}
	return path, nil
}
