package gguf

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"unicode/utf8"
)

// Writer writes a GGUF version 3 file. Metadata and tensors are announced
// first, in the order they shall have; Close writes everything, asking each
// tensor's source for its data in turn, so that a model never has to fit in
// memory. A Writer that was not closed has written nothing.
type Writer struct {
	out      io.Writer
	file     *os.File // of a Writer made by Create
	path     string
	metadata *Metadata
	tensors  []*pending
	names    map[string]bool
	closed   bool
}

// pending is a tensor that was announced; fill writes exactly its bytes.
type pending struct {
	Tensor
	fill func(io.Writer) error
}

// NewWriter returns a Writer that writes to out.
func NewWriter(out io.Writer) *Writer {
	return &Writer{out: out, metadata: newMetadata(), names: make(map[string]bool)}
}

// Create returns a Writer for a file, which appears at path when Close has
// succeeded; until then the data is in path + ".partial". Existing files are
// replaced.
func Create(path string) (*Writer, error) {
	file, err := os.Create(path + ".partial")
	if err != nil {
		return nil, fmt.Errorf("gguf: create model file: %w", err)
	}
	w := NewWriter(file)
	w.file, w.path = file, path
	return w, nil
}

// Set stores a metadata value. It takes the Go types that have a GGUF kind
// (bool, string, and int, uint and float types with a size), slices of them, a Value, and
// []Value for an array, whose elements must be of one kind. Setting a key again
// replaces its value.
func (w *Writer) Set(key string, value any) error {
	if key == "" || len(key) > maxKeyBytes || !utf8.ValidString(key) {
		return fmt.Errorf("gguf: %s is not a valid metadata key", quote(key, 64))
	}
	v, err := NewValue(value)
	if err != nil {
		return fmt.Errorf("gguf: set %s: %w", key, err)
	}
	w.metadata.set(key, v)
	return nil
}

// NewValue converts a Go value to a metadata value; see Writer.Set for the types.
func NewValue(value any) (Value, error) {
	number := func(k Kind, bits uint64) (Value, error) { return Value{kind: k, bits: bits}, nil }
	switch x := value.(type) {
	case Value:
		return x, nil
	case bool:
		if x {
			return number(KindBool, 1)
		}
		return number(KindBool, 0)
	case string:
		return Value{kind: KindString, str: x}, nil
	case uint8:
		return number(KindUint8, uint64(x))
	case int8:
		return number(KindInt8, uint64(x))
	case uint16:
		return number(KindUint16, uint64(x))
	case int16:
		return number(KindInt16, uint64(x))
	case uint32:
		return number(KindUint32, uint64(x))
	case int32:
		return number(KindInt32, uint64(x))
	case uint64:
		return number(KindUint64, x)
	case int64:
		return number(KindInt64, uint64(x))
	case float32:
		return number(KindFloat32, uint64(math.Float32bits(x)))
	case float64:
		return number(KindFloat64, math.Float64bits(x))
	case []string:
		return newArray(KindString, x)
	case []bool:
		return newArray(KindBool, x)
	case []uint8:
		return newArray(KindUint8, x)
	case []int8:
		return newArray(KindInt8, x)
	case []uint16:
		return newArray(KindUint16, x)
	case []int16:
		return newArray(KindInt16, x)
	case []uint32:
		return newArray(KindUint32, x)
	case []int32:
		return newArray(KindInt32, x)
	case []uint64:
		return newArray(KindUint64, x)
	case []int64:
		return newArray(KindInt64, x)
	case []float32:
		return newArray(KindFloat32, x)
	case []float64:
		return newArray(KindFloat64, x)
	case []Value:
		if len(x) == 0 {
			return Value{}, errors.New("an empty []Value has no element kind")
		}
		return newArray(x[0].kind, x)
	}
	return Value{}, fmt.Errorf("a %T cannot be stored as metadata", value)
}

// newArray builds the array of one kind from a slice of values of that kind.
func newArray[T any](elem Kind, values []T) (Value, error) {
	l := &list{elem: elem, length: len(values)}
	var text bytes.Buffer
	for i, x := range values {
		v, err := NewValue(x)
		if err != nil {
			return Value{}, err
		}
		if v.kind != elem {
			return Value{}, fmt.Errorf("element %d is a %s in an array of %s", i, v.kind, elem)
		}
		switch elem {
		case KindString:
			text.WriteString(v.str)
			l.ends = append(l.ends, uint64(text.Len()))
		case KindArray:
			l.nested = append(l.nested, v)
		default:
			l.raw = v.appendTo(l.raw)
		}
	}
	l.text = text.String()
	return Value{kind: KindArray, list: l}, nil
}

// appendTo appends the value as the file stores it, without its kind.
func (v Value) appendTo(b []byte) []byte {
	switch v.kind {
	case KindString:
		return appendString(b, v.str)
	case KindArray:
		l := v.list
		b = binary.LittleEndian.AppendUint32(b, uint32(l.elem))
		b = binary.LittleEndian.AppendUint64(b, uint64(l.length))
		b = append(b, l.raw...)
		for i := range l.ends {
			b = appendString(b, l.string(i))
		}
		for _, n := range l.nested {
			b = n.appendTo(b)
		}
		return b
	}
	var full [8]byte
	binary.LittleEndian.PutUint64(full[:], v.bits)
	return append(b, full[:v.kind.size()]...)
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// AddTensor announces a tensor whose data is in memory. shape is outermost
// first; data must stay unchanged until Close.
func (w *Writer) AddTensor(name string, typ Type, shape []int, data []byte) error {
	t, err := w.announce(name, typ, shape)
	if err != nil {
		return err
	}
	if int64(len(data)) != t.Bytes() {
		return fmt.Errorf("gguf: tensor %v takes %d bytes, not %d", t, t.Bytes(), len(data))
	}
	w.add(t, func(out io.Writer) error {
		_, err := out.Write(data)
		return err
	})
	return nil
}

// AddTensorReader announces a tensor whose data is read from r during Close.
// What r holds beyond the tensor's size is left unread.
func (w *Writer) AddTensorReader(name string, typ Type, shape []int, r io.Reader) error {
	t, err := w.announce(name, typ, shape)
	if err != nil {
		return err
	}
	w.add(t, func(out io.Writer) error {
		_, err := io.CopyN(out, r, t.Bytes())
		return err
	})
	return nil
}

// AddTensorFunc announces a tensor whose data fill writes when Close asks for
// it. It must write exactly the tensor's size.
func (w *Writer) AddTensorFunc(name string, typ Type, shape []int, fill func(io.Writer) error) error {
	t, err := w.announce(name, typ, shape)
	if err != nil {
		return err
	}
	w.add(t, fill)
	return nil
}

func (w *Writer) add(t *Tensor, fill func(io.Writer) error) {
	w.tensors = append(w.tensors, &pending{*t, fill})
	w.names[t.Name] = true
}

// announce checks a new tensor's description.
func (w *Writer) announce(name string, typ Type, shape []int) (*Tensor, error) {
	if name == "" || len(name) > maxNameBytes || !utf8.ValidString(name) {
		return nil, fmt.Errorf("gguf: %s is not a valid tensor name", quote(name, 64))
	}
	if w.names[name] {
		return nil, fmt.Errorf("gguf: tensor %q was added before", name)
	}
	t := &Tensor{Name: name, Type: typ, Shape: append([]int(nil), shape...)}
	if len(shape) == 0 || len(shape) > maxDimensions {
		return nil, fmt.Errorf("gguf: tensor %v: 1 to %d dimensions are possible", t, maxDimensions)
	}
	elements := int64(1)
	for _, d := range shape {
		if d <= 0 || int64(d) > math.MaxInt64/64/elements {
			return nil, fmt.Errorf("gguf: tensor %v: dimension %d is out of range", t, d)
		}
		elements *= int64(d)
	}
	if _, err := typ.RowBytes(shape[len(shape)-1]); err != nil {
		return nil, fmt.Errorf("gguf: tensor %q: %w", name, err)
	}
	return t, nil
}

// Close writes the file. After an error the output is incomplete; a file made by
// Create is then removed. Closing twice is an error.
func (w *Writer) Close() error {
	if w.closed {
		return errors.New("gguf: the writer is already closed")
	}
	w.closed = true
	err := w.write()
	if w.file == nil {
		return err
	}
	if err == nil {
		err = w.file.Sync()
	}
	err = errors.Join(err, w.file.Close())
	if err == nil {
		err = os.Rename(w.file.Name(), w.path)
	}
	if err != nil {
		return fmt.Errorf("gguf: write %s: %w", w.path, errors.Join(err, os.Remove(w.file.Name())))
	}
	return nil
}

// Discard abandons a Writer: the temporary file of one made by Create is removed.
// After Close it does nothing, so that it can be deferred.
func (w *Writer) Discard() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if w.file == nil {
		return nil
	}
	return errors.Join(w.file.Close(), os.Remove(w.file.Name()))
}

func (w *Writer) write() error {
	align, err := alignment(w.metadata)
	if err != nil {
		return err
	}
	out := &counter{w: bufio.NewWriterSize(w.out, 1<<20)}
	if _, err := out.Write(w.header(align)); err != nil {
		return fmt.Errorf("gguf: write header: %w", err)
	}
	for _, t := range w.tensors {
		if err := out.pad(align); err != nil {
			return fmt.Errorf("gguf: write tensor %q: %w", t.Name, err)
		}
		start := out.n
		if err := t.fill(out); err != nil {
			return fmt.Errorf("gguf: write tensor %q: %w", t.Name, err)
		}
		if out.n-start != t.Bytes() {
			return fmt.Errorf("gguf: write tensor %v: its source gave %d bytes instead of %d", &t.Tensor, out.n-start, t.Bytes())
		}
	}
	// The last tensor is padded too, as other writers do.
	if err := out.pad(align); err != nil {
		return fmt.Errorf("gguf: write padding: %w", err)
	}
	if err := out.w.Flush(); err != nil {
		return fmt.Errorf("gguf: write: %w", err)
	}
	return nil
}

func (w *Writer) header(align int64) []byte {
	b := append([]byte("GGUF"), 3, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(w.tensors)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(w.metadata.keys)))
	for _, key := range w.metadata.keys {
		v := w.metadata.values[key]
		b = appendString(b, key)
		b = binary.LittleEndian.AppendUint32(b, uint32(v.kind))
		b = v.appendTo(b)
	}
	offset := int64(0)
	for _, t := range w.tensors {
		b = appendString(b, t.Name)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(t.Shape)))
		for i := range t.Shape {
			b = binary.LittleEndian.AppendUint64(b, uint64(t.Shape[len(t.Shape)-1-i]))
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Type))
		b = binary.LittleEndian.AppendUint64(b, uint64(offset))
		offset += (t.Bytes() + align - 1) / align * align
	}
	return b
}

// counter counts the bytes written.
type counter struct {
	w *bufio.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// pad writes zeros up to a multiple of align.
func (c *counter) pad(align int64) error {
	_, err := c.Write(make([]byte, (align-c.n%align)%align))
	return err
}
