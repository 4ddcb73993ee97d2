package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Kind is the type of a metadata value, numbered as in the GGUF specification.
type Kind uint32

// Metadata value types.
const (
	KindUint8 Kind = iota
	KindInt8
	KindUint16
	KindInt16
	KindUint32
	KindInt32
	KindFloat32
	KindBool
	KindString
	KindArray
	KindUint64
	KindInt64
	KindFloat64
)

var kindNames = [...]string{"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool", "string", "array", "uint64", "int64", "float64"}

// kindBytes holds the sizes of the fixed-size kinds; 0 for strings and arrays.
var kindBytes = [...]int{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8}

// String returns the name of the kind, such as "uint32".
func (k Kind) String() string {
	if int64(k) < int64(len(kindNames)) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint32(k))
}

func (k Kind) valid() bool { return int64(k) < int64(len(kindNames)) }

// size is the number of bytes of a value, 0 when that varies.
func (k Kind) size() int {
	if !k.valid() {
		return 0
	}
	return kindBytes[k]
}

// Value is one metadata value. The zero Value is a uint8 of 0.
type Value struct {
	kind Kind
	bits uint64 // numbers sign-extended, floats as their bits, bool as 0 or 1
	str  string
	list *list
}

// list holds the elements of an array in the most compact form, because a
// vocabulary has hundreds of thousands of them.
type list struct {
	elem   Kind
	length int
	raw    []byte   // fixed-size elements, little-endian
	text   string   // strings, one after the other
	ends   []uint64 // end of each string within text
	nested []Value  // arrays of arrays
}

// Kind returns the type of the value.
func (v Value) Kind() Kind { return v.kind }

// Elem returns the element type of an array; for other values it is the
// value's own kind.
func (v Value) Elem() Kind {
	if v.list != nil {
		return v.list.elem
	}
	return v.kind
}

// Len returns the number of elements of an array, and 1 for other values.
func (v Value) Len() int {
	if v.kind == KindArray {
		if v.list == nil {
			return 0
		}
		return v.list.length
	}
	return 1
}

// At returns element i of an array. It panics, as indexing a slice does, when
// i is out of range.
func (v Value) At(i int) Value {
	if i < 0 || v.kind != KindArray || i >= v.Len() {
		panic(fmt.Sprintf("gguf: index %d of a metadata value of length %d", i, v.Len()))
	}
	l := v.list
	switch l.elem {
	case KindString:
		return Value{kind: KindString, str: l.string(i)}
	case KindArray:
		return l.nested[i]
	}
	size := l.elem.size()
	return scalar(l.elem, l.raw[i*size:(i+1)*size])
}

func (l *list) string(i int) string {
	start := uint64(0)
	if i > 0 {
		start = l.ends[i-1]
	}
	return l.text[start:l.ends[i]]
}

// scalar decodes one fixed-size little-endian value.
func scalar(k Kind, b []byte) Value {
	v := Value{kind: k}
	switch k {
	case KindUint8:
		v.bits = uint64(b[0])
	case KindInt8:
		v.bits = uint64(int8(b[0]))
	case KindUint16:
		v.bits = uint64(binary.LittleEndian.Uint16(b))
	case KindInt16:
		v.bits = uint64(int16(binary.LittleEndian.Uint16(b)))
	case KindUint32, KindFloat32:
		v.bits = uint64(binary.LittleEndian.Uint32(b))
	case KindInt32:
		v.bits = uint64(int32(binary.LittleEndian.Uint32(b)))
	case KindBool:
		if b[0] != 0 {
			v.bits = 1
		}
	case KindUint64, KindInt64, KindFloat64:
		v.bits = binary.LittleEndian.Uint64(b)
	}
	return v
}

// Text returns the string of a string value.
func (v Value) Text() (string, bool) { return v.str, v.kind == KindString }

// Int returns an integer value of any width; ok is false for other kinds and
// for unsigned values above the int64 range.
func (v Value) Int() (i int64, ok bool) {
	switch v.kind {
	case KindInt8, KindInt16, KindInt32, KindInt64:
		return int64(v.bits), true
	case KindUint8, KindUint16, KindUint32, KindUint64:
		return int64(v.bits), v.bits <= math.MaxInt64
	}
	return 0, false
}

// Uint returns an integer value of any width that is not negative.
func (v Value) Uint() (u uint64, ok bool) {
	switch v.kind {
	case KindUint8, KindUint16, KindUint32, KindUint64:
		return v.bits, true
	case KindInt8, KindInt16, KindInt32, KindInt64:
		return v.bits, int64(v.bits) >= 0
	}
	return 0, false
}

// Float returns a float value of either width.
func (v Value) Float() (f float64, ok bool) {
	switch v.kind {
	case KindFloat32:
		return float64(math.Float32frombits(uint32(v.bits))), true
	case KindFloat64:
		return math.Float64frombits(v.bits), true
	}
	return 0, false
}

// Bool returns a boolean value.
func (v Value) Bool() (b, ok bool) { return v.bits != 0 && v.kind == KindBool, v.kind == KindBool }

// String formats the value for people on one line: long text and long arrays are
// shortened, and control characters are escaped.
func (v Value) String() string {
	const most = 8 // elements shown of an array
	switch v.kind {
	case KindString:
		return quote(v.str, 120)
	case KindArray:
		var b strings.Builder
		fmt.Fprintf(&b, "[%d × %s]", v.Len(), v.Elem())
		for i := range min(v.Len(), most) {
			b.WriteByte(' ')
			e := v.At(i)
			if e.kind == KindString {
				b.WriteString(quote(e.str, 24))
			} else {
				b.WriteString(e.String())
			}
		}
		if v.Len() > most {
			b.WriteString(" …")
		}
		return b.String()
	case KindBool:
		return strconv.FormatBool(v.bits != 0)
	case KindFloat32:
		return strconv.FormatFloat(float64(math.Float32frombits(uint32(v.bits))), 'g', -1, 32)
	case KindFloat64:
		return strconv.FormatFloat(math.Float64frombits(v.bits), 'g', -1, 64)
	case KindInt8, KindInt16, KindInt32, KindInt64:
		return strconv.FormatInt(int64(v.bits), 10)
	}
	return strconv.FormatUint(v.bits, 10)
}

// quote shortens text to about most bytes and quotes it.
func quote(s string, most int) string {
	if len(s) <= most {
		return strconv.Quote(s)
	}
	cut := most
	for cut > 0 && s[cut]&0xc0 == 0x80 { // not inside a UTF-8 sequence
		cut--
	}
	return strconv.Quote(s[:cut]) + fmt.Sprintf("… (%d bytes)", len(s))
}
