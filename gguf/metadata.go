package gguf

import (
	"math"
	"slices"
)

// Metadata holds the key–value pairs of a file in file order. Getters return
// false when the key is absent or has another type.
type Metadata struct {
	keys   []string
	values map[string]Value
}

func newMetadata() *Metadata { return &Metadata{values: make(map[string]Value)} }

func (m *Metadata) set(key string, v Value) {
	if _, ok := m.values[key]; !ok {
		m.keys = append(m.keys, key)
	}
	m.values[key] = v
}

// Keys returns the keys in file order.
func (m *Metadata) Keys() []string { return slices.Clone(m.keys) }

// Value returns the value of a key.
func (m *Metadata) Value(key string) (Value, bool) {
	v, ok := m.values[key]
	return v, ok
}

// String returns a string value.
func (m *Metadata) String(key string) (string, bool) { return m.values[key].Text() }

// Uint returns an integer value of any width that is not negative.
func (m *Metadata) Uint(key string) (uint64, bool) {
	v, ok := m.values[key]
	if !ok {
		return 0, false
	}
	return v.Uint()
}

// Int returns an integer value of any width that fits an int64.
func (m *Metadata) Int(key string) (int64, bool) {
	v, ok := m.values[key]
	if !ok {
		return 0, false
	}
	return v.Int()
}

// Float returns a float32 or float64 value.
func (m *Metadata) Float(key string) (float64, bool) { return m.values[key].Float() }

// Bool returns a boolean value.
func (m *Metadata) Bool(key string) (value, ok bool) { return m.values[key].Bool() }

// array returns the elements of an array value.
func (m *Metadata) array(key string) (*list, bool) {
	v, ok := m.values[key]
	if !ok || v.kind != KindArray || v.list == nil {
		return nil, false
	}
	return v.list, true
}

// Strings returns an array of strings. The strings share one allocation.
func (m *Metadata) Strings(key string) ([]string, bool) {
	l, ok := m.array(key)
	if !ok || l.elem != KindString {
		return nil, false
	}
	out := make([]string, l.length)
	start := uint64(0)
	for i, end := range l.ends {
		out[i] = l.text[start:end]
		start = end
	}
	return out, true
}

// Floats returns an array of float32 or float64 values; the latter are rounded.
func (m *Metadata) Floats(key string) ([]float32, bool) {
	v := m.values[key]
	l, ok := m.array(key)
	if !ok || l.elem != KindFloat32 && l.elem != KindFloat64 {
		return nil, false
	}
	out := make([]float32, l.length)
	for i := range out {
		f, _ := v.At(i).Float()
		out[i] = float32(f)
	}
	return out, true
}

// Ints returns an array of integers of any width, all of which must fit an
// int32.
func (m *Metadata) Ints(key string) ([]int32, bool) {
	v := m.values[key]
	l, ok := m.array(key)
	if !ok {
		return nil, false
	}
	out := make([]int32, l.length)
	for i := range out {
		n, ok := v.At(i).Int()
		if !ok || n < math.MinInt32 || n > math.MaxInt32 {
			return nil, false
		}
		out[i] = int32(n)
	}
	return out, true
}

// Bools returns an array of booleans.
func (m *Metadata) Bools(key string) ([]bool, bool) {
	l, ok := m.array(key)
	if !ok || l.elem != KindBool {
		return nil, false
	}
	out := make([]bool, l.length)
	for i, b := range l.raw {
		out[i] = b != 0
	}
	return out, true
}
