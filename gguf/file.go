// Package gguf reads and writes GGUF model files: metadata, the tensor
// directory, memory-mapped tensor data, and the block formats that tensors are
// quantised in.
//
// The file layout follows the GGUF specification (docs/gguf.md of ggml), the
// block layouts ggml-common.h and ggml-quants.c. Quantised blocks are decoded
// here for clarity, not speed: Dequantize is the reference that faster kernels
// are tested against.
package gguf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// File is an open model: one GGUF file, or all parts of a split one.
type File struct {
	Version  uint32
	Metadata *Metadata // of the first part
	Tensors  []*Tensor // of all parts, in file order

	byName    map[string]*Tensor
	size      int64
	path      string
	paths     []string
	maps      []*mapping
	alignment int64
	dataStart int64
}

// Open maps a model file and checks its header. For any part of a split file
// ("name-00002-of-00005.gguf") it opens all parts, which must be in the same
// folder. The caller must Close the file; until then Tensor.Data is readable,
// and the file must not be shortened by anyone: reading a mapped page that is
// gone ends the process.
func Open(path string) (*File, error) {
	f, err := openPart(path)
	if err != nil {
		return nil, err
	}
	parts, ok := f.Metadata.Uint("split.count")
	if !ok || parts <= 1 {
		return f, nil
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return openSplit(path, parts)
}

func openPart(path string) (*File, error) {
	m, err := mapFile(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: open model: %w", err)
	}
	f, err := parse(&cursor{size: int64(len(m.data)), buf: m.data})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", filepath.Base(path), err), m.close())
	}
	f.path, f.paths, f.maps = path, []string{path}, []*mapping{m}
	for _, t := range f.Tensors {
		t.Path = path
		t.Data = m.data[t.Offset : t.Offset+t.Bytes() : t.Offset+t.Bytes()]
	}
	return f, nil
}

// splitName is the form that llama.cpp's gguf-split gives the parts' names.
var splitName = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})\.gguf$`)

// maxParts is the most that five digits can number.
const maxParts = 99999

// SplitPaths returns the paths of all parts of the split file that path is a
// part of, in order, judging by the name alone; nil when the name is not that of
// a part.
func SplitPaths(path string) []string {
	m := splitName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return nil
	}
	n, err := strconv.Atoi(m[3])
	if err != nil || n < 1 {
		return nil
	}
	paths := make([]string, n)
	for i := range paths {
		paths[i] = filepath.Join(filepath.Dir(path), fmt.Sprintf("%s-%05d-of-%05d.gguf", m[1], i+1, n))
	}
	return paths
}

func openSplit(path string, parts uint64) (*File, error) {
	if parts > maxParts {
		return nil, fmt.Errorf("gguf: %s: split.count %d is out of range", filepath.Base(path), parts)
	}
	paths := SplitPaths(path)
	if uint64(len(paths)) != parts {
		return nil, fmt.Errorf("gguf: %s is one of %d parts of a model, but its name does not end in -0000N-of-%05d.gguf: rename the parts to what they were", filepath.Base(path), parts, parts)
	}
	var missing []string
	for _, p := range paths {
		if _, err := os.Stat(p); errors.Is(err, os.ErrNotExist) {
			missing = append(missing, filepath.Base(p))
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("gguf: %d of the model's %d parts are missing from %s: %s: %w",
			len(missing), parts, filepath.Dir(path), shortList(missing), os.ErrNotExist)
	}
	var whole *File
	for i, p := range paths {
		part, err := openPart(p)
		if err == nil {
			if no, ok := part.Metadata.Uint("split.no"); !ok || no != uint64(i) {
				err = errors.Join(fmt.Errorf("gguf: %s should be part %d of the model, but says otherwise: the files are mixed up", filepath.Base(p), i+1), part.Close())
			}
		}
		if err == nil && whole != nil {
			if err = whole.join(part); err != nil {
				err = errors.Join(err, part.Close())
			}
		}
		if err != nil {
			if whole != nil {
				err = errors.Join(err, whole.Close())
			}
			return nil, err
		}
		if whole == nil {
			whole = part
		}
	}
	if want, ok := whole.Metadata.Uint("split.tensors.count"); ok && want != uint64(len(whole.Tensors)) {
		return nil, errors.Join(fmt.Errorf("gguf: %s: the parts hold %d tensors instead of %d", filepath.Base(path), len(whole.Tensors), want), whole.Close())
	}
	return whole, nil
}

func shortList(names []string) string {
	const most = 5
	s := ""
	for i, n := range names {
		if i == most {
			return s + fmt.Sprintf(" and %d more", len(names)-most)
		}
		if i > 0 {
			s += ", "
		}
		s += n
	}
	return s
}

// join moves the tensors of a further part into f.
func (f *File) join(part *File) error {
	for _, t := range part.Tensors {
		if other, dup := f.byName[t.Name]; dup {
			return fmt.Errorf("gguf: tensor %q is in both %s and %s", t.Name, filepath.Base(other.Path), filepath.Base(t.Path))
		}
		f.byName[t.Name] = t
	}
	f.Tensors = append(f.Tensors, part.Tensors...)
	f.size += part.size
	f.paths = append(f.paths, part.paths...)
	f.maps = append(f.maps, part.maps...)
	return nil
}

// Tensor finds a tensor by name.
func (f *File) Tensor(name string) (*Tensor, bool) {
	t, ok := f.byName[name]
	return t, ok
}

// Size is the size of all parts in bytes.
func (f *File) Size() int64 { return f.size }

// Path is the path of the file, or of the first part; empty after Parse.
func (f *File) Path() string { return f.path }

// Paths lists the files of the model, one or all parts; empty after Parse.
func (f *File) Paths() []string { return append([]string(nil), f.paths...) }

// Close unmaps the file. Tensor.Data must not be used afterwards; metadata and
// shapes stay valid. Closing twice is harmless.
func (f *File) Close() error {
	var errs []error
	for _, m := range f.maps {
		errs = append(errs, m.close())
	}
	f.maps = nil
	for _, t := range f.Tensors {
		t.Data = nil
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("gguf: close %s: %w", filepath.Base(f.path), err)
	}
	return nil
}

// WillNeed asks the system to start reading the tensor's data from disk. It is
// a hint: it returns at once, and systems without such a hint ignore it.
func (f *File) WillNeed(t *Tensor) {
	for i, m := range f.maps {
		if f.paths[i] == t.Path {
			m.willNeed(t.Offset, int64(len(t.Data)))
		}
	}
}
