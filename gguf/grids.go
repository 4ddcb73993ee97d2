package gguf

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"sync"
)

// grids holds the unpacked codebooks: entry e of a grid of eight values is
// grid[8·e : 8·e+8].
type grids struct {
	iq2xxs, iq2xs, iq2s []int8 // entries of 8, values 8, 25, 43
	iq3xxs, iq3s        []int8 // entries of 4
	iq1s                []int8 // entries of 8, values −1, 0, 1
}

// codebooks unpacks the codebooks on first use; they never change.
var codebooks = sync.OnceValue(func() *grids {
	two := []int8{8, 25, 43}
	return &grids{
		iq2xxs: unpackGrid(packedIQ2XXS, two, 8),
		iq2xs:  unpackGrid(packedIQ2XS, two, 8),
		iq2s:   unpackGrid(packedIQ2S, two, 8),
		iq3xxs: unpackGrid(packedIQ3XXS, []int8{4, 12, 20, 28, 36, 44, 52, 62}, 4),
		iq3s:   unpackGrid(packedIQ3S, []int8{1, 3, 5, 7, 9, 11, 13, 15}, 4),
		iq1s:   unpackGrid(packedIQ1S, []int8{-1, 0, 1}, 8),
	}
})

// unpackGrid expands entries of width values from 16-bit words of level indices.
func unpackGrid(packed string, levels []int8, width int) []int8 {
	words, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		panic(err) // the constants of this package are damaged
	}
	bits := 16 / width
	grid := make([]int8, 0, len(words)/2*width)
	for i := 0; i < len(words); i += 2 {
		w := binary.LittleEndian.Uint16(words[i:])
		for range width {
			grid = append(grid, levels[w&(1<<bits-1)])
			w >>= bits
		}
	}
	return grid
}

// Codebook returns a copy of the codebook of an IQ type and the number of values
// of an entry: entry e is values[e·width : (e+1)·width]. It returns nil for types
// without a codebook. IQ1_S and IQ1_M share one, and so do IQ4_NL and IQ4_XS,
// MXFP4 and NVFP4, whose entries are single values (those of the FP4 formats
// are doubled).
func Codebook(t Type) (values []int8, width int) {
	c := codebooks()
	switch t {
	case IQ2_XXS:
		values, width = c.iq2xxs, 8
	case IQ2_XS:
		values, width = c.iq2xs, 8
	case IQ2_S:
		values, width = c.iq2s, 8
	case IQ3_XXS:
		values, width = c.iq3xxs, 4
	case IQ3_S:
		values, width = c.iq3s, 4
	case IQ1_S, IQ1_M:
		values, width = c.iq1s, 8
	case IQ4_NL, IQ4_XS:
		values, width = levelsIQ4[:], 1
	case MXFP4, NVFP4:
		values, width = levelsFP4[:], 1
	}
	return slices.Clone(values), width
}
