package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"burble/gguf"
)

// FileHash is the SHA-256 of a file.
type FileHash struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// hashes computes the hashes of models' files while nothing else is to be done, and remembers them as long as the files look the same.
type hashes struct {
	path string
	wake chan struct{} // holds one signal: there is a file to read

	mu     sync.Mutex
	known  map[string]knownHash
	wanted map[string]string // path to stamp
}

type knownHash struct {
	Stamp  string     `json:"stamp"`
	Hashes []FileHash `json:"sha256"`
}

func openHashes(path string) *hashes {
	h := &hashes{path: path, wake: make(chan struct{}, 1), known: map[string]knownHash{}, wanted: map[string]string{}}
	if data, err := os.ReadFile(path); err == nil {
		if json.Unmarshal(data, &h.known) != nil || h.known == nil {
			h.known = map[string]knownHash{} // they can be computed again
		}
	}
	return h
}

// want returns the hashes of a model's files, or nil, and then has them computed.
func (h *hashes) want(path, stamp string) []FileHash {
	h.mu.Lock()
	defer h.mu.Unlock()
	if k, ok := h.known[path]; ok && k.Stamp == stamp && stamp != "" {
		return k.Hashes
	}
	h.wanted[path] = stamp
	select {
	case h.wake <- struct{}{}:
	default:
	}
	return nil
}

// loop computes hashes that are wanted, until closing is closed. It pauses while busy says that the machine has better things to do.
func (h *hashes) loop(closing <-chan struct{}, busy func() bool) {
	for {
		select {
		case <-closing:
			return
		case <-h.wake:
		}
		for {
			path, stamp, ok := h.next()
			if !ok {
				break
			}
			sums, err := hashModel(path, closing, busy)
			if errors.Is(err, errClosing) {
				return
			}
			if err == nil && fileStamp(path) == stamp {
				h.keep(path, knownHash{stamp, sums})
			}
		}
	}
}

func (h *hashes) next() (path, stamp string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for path, stamp = range h.wanted {
		delete(h.wanted, path)
		return path, stamp, true
	}
	return "", "", false
}

func (h *hashes) keep(path string, k knownHash) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known[path] = k
	if data, err := json.MarshalIndent(h.known, "", "  "); err == nil {
		_ = writeFile(h.path, data) // without it, the next start computes them again
	}
}

var errClosing = errors.New("closing")

// hashModel reads all parts of a model.
func hashModel(path string, closing <-chan struct{}, busy func() bool) ([]FileHash, error) {
	parts := gguf.SplitPaths(path)
	if parts == nil {
		parts = []string{path}
	}
	var list []FileHash
	buf := make([]byte, 1<<20)
	for _, part := range parts {
		f, err := os.Open(part)
		if err != nil {
			return nil, err
		}
		sum := sha256.New()
		for {
			for busy() {
				select {
				case <-closing:
					f.Close()
					return nil, errClosing
				case <-time.After(100 * time.Millisecond):
				}
			}
			select {
			case <-closing:
				f.Close()
				return nil, errClosing
			default:
			}
			n, err := f.Read(buf)
			sum.Write(buf[:n])
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				f.Close()
				return nil, err
			}
		}
		f.Close()
		list = append(list, FileHash{filepath.Base(part), hex.EncodeToString(sum.Sum(nil))})
	}
	return list, nil
}
