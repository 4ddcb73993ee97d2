// Package guide holds Burble's built-in model: a very small one that knows Burble and nothing else, so that a fresh
// installation has somebody to ask. README.md says how it is made.
package guide

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

//go:embed guide.gguf.gz
var file []byte

// sum is the SHA-256 of the GGUF file in file, in hexadecimal. It is a file of its own so that a start doesn't read and unpack
// all of the guide to know its name.
//
//go:embed guide.sha256
var sum string

// Name is what the guide is called in lists of models.
const Name = "Built-in guide"

// Declining is the first token of the answer that declines, and Doubt what is added to its logit wherever the guide is used, at temperature 0: so it
// declines, too, where it is nearly as likely as another answer. Chosen with the questions of development, see README.md.
const (
	Declining = 73
	Doubt     = 4
)

// Install makes sure that the guide's GGUF file is in a folder, and returns its path. A file that is there already and whole
// is left as it is; those of other versions are removed.
func Install(dir string) (path string, err error) {
	return install(dir, file, strings.TrimSpace(sum))
}

// install is Install for a packed file, whose content has the SHA-256 sum.
func install(dir string, packed []byte, sum string) (path string, err error) {
	path = filepath.Join(dir, "guide-"+sum[:16]+".gguf")
	if is, err := sumOf(path); err == nil && is == sum {
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
	if err = errors.Join(unpack(part, packed), part.Close()); err == nil {
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

// unpack writes what packed holds.
func unpack(to io.Writer, packed []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	_, err = io.Copy(to, z)
	return errors.Join(err, z.Close())
}

// sumOf returns the SHA-256 of a file, in hexadecimal.
func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
