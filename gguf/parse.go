package gguf

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits on what a header may ask for, far above any real model. They keep a
// hostile file from costing more time or memory than it is worth.
const (
	maxHeaderBytes  = 256 << 20
	maxPairs        = 1 << 16
	maxTensors      = 1 << 17
	maxKeyBytes     = 1<<16 - 1 // the specification's limit
	maxNameBytes    = 1 << 10
	maxStringBytes  = 16 << 20
	maxArrayBytes   = 64 << 20
	maxArrayDepth   = 4
	maxNestedArrays = 1 << 16 // in the whole header
	maxDimensions   = 4       // GGML_MAX_DIMS
	maxAlignment    = 1 << 20
)

const defaultAlignment = 32

// Parse reads the metadata and the tensor directory of one GGUF file of the
// given size, without the tensors' data. Every count, length and offset is
// checked against size before it is used. For a part of a split file it lists
// that part's tensors only.
func Parse(r io.ReaderAt, size int64) (*File, error) {
	return parse(&cursor{r: r, size: size})
}

// What is wrong with most files that can't be read.
var (
	ErrNotGGUF    = errors.New("not a GGUF file")
	ErrIncomplete = errors.New("it is incomplete, download it again")
)

// parse reads a header: magic, version, counts, key–value pairs, tensor
// descriptions. Layout: the GGUF specification, docs/gguf.md of ggml.
func parse(c *cursor) (*File, error) {
	magic, err := c.take(4)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w: %w", ErrNotGGUF, err)
	}
	if string(magic) != "GGUF" {
		return nil, fmt.Errorf("gguf: %w: it starts with %q instead of \"GGUF\"", ErrNotGGUF, magic)
	}
	f := &File{Metadata: newMetadata(), byName: make(map[string]*Tensor), size: c.size}
	if f.Version, err = c.uint32(); err != nil {
		return nil, fmt.Errorf("gguf: version: %w", err)
	}
	switch {
	case f.Version == 2 || f.Version == 3:
	case f.Version != 0 && f.Version&0xffff == 0:
		return nil, errors.New("gguf: this is a big-endian GGUF file; only little-endian files can be read: convert it with gguf_convert_endian.py")
	case f.Version == 1:
		return nil, errors.New("gguf: version 1 files are no longer supported: convert the model again with a current converter")
	default:
		return nil, fmt.Errorf("gguf: version %d is not supported (2 and 3 are): the file is damaged or needs a newer Burble", f.Version)
	}
	tensors, err := c.uint64()
	if err != nil {
		return nil, fmt.Errorf("gguf: tensor count: %w", err)
	}
	pairs, err := c.uint64()
	if err != nil {
		return nil, fmt.Errorf("gguf: metadata count: %w", err)
	}
	// The smallest pair is an empty-named byte, the smallest description a
	// one-letter vector; more of them than fit is a lie.
	if left := uint64(c.left()); pairs > left/13 {
		return nil, fmt.Errorf("gguf: the header claims %d metadata pairs, but only %d bytes follow", pairs, left)
	} else if tensors > left/33 {
		return nil, fmt.Errorf("gguf: the header claims %d tensors, but only %d bytes follow", tensors, left)
	}
	if pairs > maxPairs || tensors > maxTensors {
		return nil, fmt.Errorf("gguf: the header claims %d metadata pairs and %d tensors; at most %d and %d are possible", pairs, tensors, maxPairs, maxTensors)
	}
	for i := range pairs {
		if err := c.pair(f.Metadata); err != nil {
			return nil, fmt.Errorf("gguf: metadata pair %d of %d: %w", i+1, pairs, err)
		}
	}
	if f.alignment, err = alignment(f.Metadata); err != nil {
		return nil, err
	}
	for i := range tensors {
		t, err := c.tensor()
		if err != nil {
			return nil, fmt.Errorf("gguf: tensor %d of %d: %w", i+1, tensors, err)
		}
		if _, dup := f.byName[t.Name]; dup {
			return nil, fmt.Errorf("gguf: tensor %d of %d: there are two tensors called %q", i+1, tensors, t.Name)
		}
		f.byName[t.Name] = t
		f.Tensors = append(f.Tensors, t)
	}
	f.dataStart = (c.off + f.alignment - 1) / f.alignment * f.alignment
	if err := f.place(); err != nil {
		return nil, err
	}
	return f, nil
}

func alignment(m *Metadata) (int64, error) {
	v, ok := m.Value("general.alignment")
	if !ok {
		return defaultAlignment, nil
	}
	a, ok := v.Uint()
	if !ok || a == 0 || a&(a-1) != 0 || a > maxAlignment {
		return 0, fmt.Errorf("gguf: general.alignment is %v; it must be a power of two up to %d", v, maxAlignment)
	}
	return int64(a), nil
}

// place turns the tensors' relative offsets into absolute ones and checks that
// each lies inside the file and none overlaps another.
func (f *File) place() error {
	room := f.size - f.dataStart
	for _, t := range f.Tensors {
		switch {
		case t.Offset%f.alignment != 0:
			return fmt.Errorf("gguf: tensor %q: offset %d is not a multiple of the alignment %d", t.Name, t.Offset, f.alignment)
		case t.Offset > room || t.Bytes() > room-t.Offset:
			return fmt.Errorf("gguf: tensor %q needs bytes %d to %d, but the file ends at %d: %w",
				t.Name, f.dataStart+t.Offset, uint64(f.dataStart)+uint64(t.Offset)+uint64(t.Bytes()), f.size, ErrIncomplete)
		}
		t.Offset += f.dataStart
	}
	byOffset := slices.Clone(f.Tensors)
	slices.SortFunc(byOffset, func(a, b *Tensor) int { return cmp.Compare(a.Offset, b.Offset) })
	for i := 1; i < len(byOffset); i++ {
		if a, b := byOffset[i-1], byOffset[i]; a.Offset+a.Bytes() > b.Offset {
			return fmt.Errorf("gguf: tensors %q and %q overlap at offset %d", a.Name, b.Name, b.Offset)
		}
	}
	return nil
}

// cursor reads a header front to back. buf holds the bytes from bufOff on; for
// a mapped file it is the whole file, otherwise a window that is refilled.
type cursor struct {
	r      io.ReaderAt
	size   int64
	off    int64
	buf    []byte
	bufOff int64
	nested int // arrays in arrays so far
}

func (c *cursor) left() int64 { return c.size - c.off }

// take returns the next n bytes, valid until the next call.
func (c *cursor) take(n int64) ([]byte, error) {
	if n < 0 || n > c.left() {
		return nil, fmt.Errorf("%d bytes at offset %d reach beyond the end of the file at %d: %w", uint64(n), c.off, c.size, ErrIncomplete)
	}
	if n > maxHeaderBytes || c.off > maxHeaderBytes-n {
		return nil, fmt.Errorf("the header is longer than %d bytes", int64(maxHeaderBytes))
	}
	if at := c.off - c.bufOff; at+n <= int64(len(c.buf)) {
		c.off += n
		return c.buf[at : at+n], nil
	}
	const window = 1 << 18
	want := min(max(n, window), c.left())
	if int64(cap(c.buf)) < want {
		c.buf = make([]byte, want)
	}
	c.buf = c.buf[:want]
	if got, err := c.r.ReadAt(c.buf, c.off); int64(got) < want {
		c.buf = c.buf[:0]
		return nil, fmt.Errorf("reading %d bytes at offset %d: %w", want, c.off, err)
	}
	c.bufOff = c.off
	c.off += n
	return c.buf[:n], nil
}

func (c *cursor) uint32() (uint32, error) {
	b, err := c.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (c *cursor) uint64() (uint64, error) {
	b, err := c.take(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// bytes reads a length and that many bytes, at most limit.
func (c *cursor) bytes(limit uint64) ([]byte, error) {
	at := c.off
	n, err := c.uint64()
	if err != nil {
		return nil, err
	}
	if n > uint64(c.left()) {
		return nil, fmt.Errorf("a string of %d bytes at offset %d reaches beyond the end of the file at %d: %w", n, at, c.size, ErrIncomplete)
	}
	if n > limit {
		return nil, fmt.Errorf("a string of %d bytes at offset %d exceeds the limit of %d", n, at, limit)
	}
	return c.take(int64(n))
}

// name reads a key or a tensor's name.
func (c *cursor) name(limit uint64) (string, error) {
	at := c.off
	b, err := c.bytes(limit)
	if err != nil {
		return "", err
	}
	switch {
	case len(b) == 0:
		return "", fmt.Errorf("the name at offset %d is empty", at)
	case !utf8.Valid(b):
		return "", fmt.Errorf("the name %q at offset %d is not valid UTF-8", b[:min(len(b), 64)], at)
	}
	return string(b), nil
}

func (c *cursor) pair(m *Metadata) error {
	key, err := c.name(maxKeyBytes)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if _, dup := m.values[key]; dup {
		return fmt.Errorf("there are two values for key %q", key)
	}
	kind, err := c.uint32()
	if err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	v, err := c.value(Kind(kind), 0)
	if err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	m.set(key, v)
	return nil
}

// value reads a value of a kind, depth arrays deep.
func (c *cursor) value(kind Kind, depth int) (Value, error) {
	if !kind.valid() {
		return Value{}, fmt.Errorf("unknown value type %d at offset %d", uint32(kind), c.off-4)
	}
	switch kind {
	case KindString:
		b, err := c.bytes(maxStringBytes)
		return Value{kind: kind, str: string(b)}, err
	case KindArray:
		l, err := c.list(depth)
		return Value{kind: kind, list: l}, err
	}
	b, err := c.take(int64(kind.size()))
	if err != nil {
		return Value{}, err
	}
	return scalar(kind, b), nil
}

func (c *cursor) list(depth int) (*list, error) {
	at := c.off
	if depth == maxArrayDepth {
		return nil, fmt.Errorf("arrays at offset %d are nested more than %d deep", at, maxArrayDepth)
	}
	kind, err := c.uint32()
	if err != nil {
		return nil, err
	}
	elem := Kind(kind)
	if !elem.valid() {
		return nil, fmt.Errorf("unknown array element type %d at offset %d", kind, at)
	}
	n, err := c.uint64()
	if err != nil {
		return nil, err
	}
	least := uint64(elem.size()) // bytes an element takes
	switch elem {
	case KindString:
		least = 8
	case KindArray:
		least = 12
	}
	if left := uint64(c.left()); n > left/least {
		return nil, fmt.Errorf("an array of %d × %s at offset %d reaches beyond the end of the file at %d", n, elem, at, c.size)
	}
	if n*least > maxArrayBytes {
		return nil, fmt.Errorf("an array of %d × %s at offset %d exceeds the limit of %d bytes", n, elem, at, maxArrayBytes)
	}
	l := &list{elem: elem, length: int(n)}
	switch elem {
	case KindString:
		return l, c.strings(l)
	case KindArray:
		if c.nested += int(n); c.nested > maxNestedArrays {
			return nil, fmt.Errorf("more than %d nested arrays at offset %d", maxNestedArrays, at)
		}
		for range n {
			v, err := c.value(KindArray, depth+1)
			if err != nil {
				return nil, err
			}
			l.nested = append(l.nested, v)
		}
		return l, nil
	}
	b, err := c.take(int64(n * least))
	l.raw = slices.Clone(b)
	return l, err
}

// strings reads the elements of a string array into one allocation.
func (c *cursor) strings(l *list) error {
	l.ends = make([]uint64, l.length)
	var text strings.Builder
	for i := range l.ends {
		b, err := c.bytes(maxStringBytes)
		if err != nil {
			return fmt.Errorf("element %d of %d: %w", i, l.length, err)
		}
		if text.Len()+len(b) > maxArrayBytes {
			return fmt.Errorf("element %d of %d: the array exceeds the limit of %d bytes", i, l.length, maxArrayBytes)
		}
		text.Write(b)
		l.ends[i] = uint64(text.Len())
	}
	l.text = text.String()
	return nil
}

// tensor reads a tensor's description; Offset is still relative to the data.
func (c *cursor) tensor() (*Tensor, error) {
	name, err := c.name(maxNameBytes)
	if err != nil {
		return nil, fmt.Errorf("name: %w", err)
	}
	t := &Tensor{Name: name}
	if err := c.describe(t); err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return t, nil
}

func (c *cursor) describe(t *Tensor) error {
	dims, err := c.uint32()
	if err != nil {
		return err
	}
	if dims == 0 || dims > maxDimensions {
		return fmt.Errorf("it has %d dimensions; 1 to %d are possible", dims, maxDimensions)
	}
	elements := uint64(1)
	t.Shape = make([]int, dims)
	for i := range t.Shape {
		n, err := c.uint64()
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("dimension %d is zero", i)
		}
		if n > math.MaxInt/elements {
			return fmt.Errorf("dimension %d of %d makes more elements than an int can count", i, n)
		}
		elements *= n
		t.Shape[len(t.Shape)-1-i] = int(n)
	}
	kind, err := c.uint32()
	if err != nil {
		return err
	}
	t.Type = Type(kind)
	if !t.Type.Valid() {
		return fmt.Errorf("its type %d is unknown: the file is damaged or needs a newer Burble", kind)
	}
	row := t.Shape[len(t.Shape)-1]
	if row%t.Type.BlockElements() != 0 {
		return fmt.Errorf("rows of %d values are not a whole number of %s blocks of %d", row, t.Type, t.Type.BlockElements())
	}
	if elements/uint64(t.Type.BlockElements()) > math.MaxInt64/uint64(t.Type.BlockBytes()) {
		return fmt.Errorf("%d elements exceed the 63-bit size limit", elements)
	}
	offset, err := c.uint64()
	if err != nil {
		return err
	}
	if offset > math.MaxInt64 {
		return fmt.Errorf("its offset %d is beyond the end of the file", offset)
	}
	t.Offset = int64(offset)
	return nil
}
