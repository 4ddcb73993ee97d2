package gguf

import (
	"fmt"
	"strings"
)

// Type is a ggml tensor type as stored in a GGUF tensor description. The
// numbers are those of enum ggml_type in ggml.h; gaps are types that were
// withdrawn.
type Type uint32

// Tensor types. The letter-and-digit names are ggml's.
const (
	F32     Type = 0
	F16     Type = 1
	Q4_0    Type = 2
	Q4_1    Type = 3
	Q5_0    Type = 6
	Q5_1    Type = 7
	Q8_0    Type = 8
	Q8_1    Type = 9
	Q2_K    Type = 10
	Q3_K    Type = 11
	Q4_K    Type = 12
	Q5_K    Type = 13
	Q6_K    Type = 14
	Q8_K    Type = 15
	IQ2_XXS Type = 16
	IQ2_XS  Type = 17
	IQ3_XXS Type = 18
	IQ1_S   Type = 19
	IQ4_NL  Type = 20
	IQ3_S   Type = 21
	IQ2_S   Type = 22
	IQ4_XS  Type = 23
	I8      Type = 24
	I16     Type = 25
	I32     Type = 26
	I64     Type = 27
	F64     Type = 28
	IQ1_M   Type = 29
	BF16    Type = 30
	TQ1_0   Type = 34
	TQ2_0   Type = 35
	MXFP4   Type = 39
	NVFP4   Type = 40
	Q1_0    Type = 41
	Q2_0    Type = 42
)

// geometry says how a type packs values: elements values take bytes bytes.
type geometry struct {
	name     string
	elements int
	bytes    int
}

// geometries holds the block sizes of ggml-common.h; an entry without a name
// is not a type.
var geometries = [...]geometry{
	F32:     {"F32", 1, 4},
	F16:     {"F16", 1, 2},
	Q4_0:    {"Q4_0", 32, 18},
	Q4_1:    {"Q4_1", 32, 20},
	Q5_0:    {"Q5_0", 32, 22},
	Q5_1:    {"Q5_1", 32, 24},
	Q8_0:    {"Q8_0", 32, 34},
	Q8_1:    {"Q8_1", 32, 36},
	Q2_K:    {"Q2_K", 256, 84},
	Q3_K:    {"Q3_K", 256, 110},
	Q4_K:    {"Q4_K", 256, 144},
	Q5_K:    {"Q5_K", 256, 176},
	Q6_K:    {"Q6_K", 256, 210},
	Q8_K:    {"Q8_K", 256, 292},
	IQ2_XXS: {"IQ2_XXS", 256, 66},
	IQ2_XS:  {"IQ2_XS", 256, 74},
	IQ3_XXS: {"IQ3_XXS", 256, 98},
	IQ1_S:   {"IQ1_S", 256, 50},
	IQ4_NL:  {"IQ4_NL", 32, 18},
	IQ3_S:   {"IQ3_S", 256, 110},
	IQ2_S:   {"IQ2_S", 256, 82},
	IQ4_XS:  {"IQ4_XS", 256, 136},
	I8:      {"I8", 1, 1},
	I16:     {"I16", 1, 2},
	I32:     {"I32", 1, 4},
	I64:     {"I64", 1, 8},
	F64:     {"F64", 1, 8},
	IQ1_M:   {"IQ1_M", 256, 56},
	BF16:    {"BF16", 1, 2},
	TQ1_0:   {"TQ1_0", 256, 54},
	TQ2_0:   {"TQ2_0", 256, 66},
	MXFP4:   {"MXFP4", 32, 17},
	NVFP4:   {"NVFP4", 64, 36},
	Q1_0:    {"Q1_0", 128, 18},
	Q2_0:    {"Q2_0", 64, 18},
}

// Types lists every known type in numeric order.
func Types() []Type {
	var all []Type
	for i, g := range geometries {
		if g.name != "" {
			all = append(all, Type(i))
		}
	}
	return all
}

// ParseType finds a type by its ggml name, in either letter case.
func ParseType(name string) (Type, error) {
	for i, g := range geometries {
		if g.name != "" && strings.EqualFold(g.name, name) {
			return Type(i), nil
		}
	}
	return 0, fmt.Errorf("gguf: no tensor type is called %q", name)
}

// Valid reports whether the type is one this package knows.
func (t Type) Valid() bool {
	return uint64(t) < uint64(len(geometries)) && geometries[t].name != ""
}

// String returns ggml's name for the type, such as "Q4_K".
func (t Type) String() string {
	if !t.Valid() {
		return fmt.Sprintf("type %d", uint32(t))
	}
	return geometries[t].name
}

// BlockElements is the number of values in a block, 1 for plain types and 0
// for an unknown type.
func (t Type) BlockElements() int {
	if !t.Valid() {
		return 0
	}
	return geometries[t].elements
}

// BlockBytes is the size of a block in bytes, 0 for an unknown type.
func (t Type) BlockBytes() int {
	if !t.Valid() {
		return 0
	}
	return geometries[t].bytes
}

// RowBytes is the size in bytes of n values stored one after the other. n must
// be a multiple of BlockElements.
func (t Type) RowBytes(n int) (int64, error) {
	if !t.Valid() {
		return 0, fmt.Errorf("gguf: unknown tensor %s", t)
	}
	g := geometries[t]
	if n < 0 || n%g.elements != 0 {
		return 0, fmt.Errorf("gguf: %d values are not a whole number of %s blocks of %d", n, t, g.elements)
	}
	blocks := int64(n / g.elements)
	if blocks > (1<<63-1)/int64(g.bytes) {
		return 0, fmt.Errorf("gguf: %d values of %s exceed the 63-bit size limit", n, t)
	}
	return blocks * int64(g.bytes), nil
}
