package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// class is a set of Unicode properties of one code point, as the pre-tokenizers' patterns use them. A code point
// with no bit set is a control, format, private or unassigned one.
type class uint8

const (
	upper  class = 1 << iota // Lu, Lt
	lower                    // Ll
	other                    // Lm, Lo: letters without case
	mark                     // M
	number                   // N
	punct                    // P
	symbol                   // S
	space                    // White_Space, the \s of the patterns

	letter = upper | lower | other
)

// classLimit bounds the table: planes 0 to 3 hold all letters, numbers and punctuation there are. Planes 14 to 16
// are looked up in the Unicode tables.
const classLimit = 0x32000

// classes is read only.
var classes = buildClasses()

func buildClasses() *[classLimit]class {
	t := new([classLimit]class)
	fill := func(table *unicode.RangeTable, c class) {
		for _, r := range table.R16 {
			for x := rune(r.Lo); x <= rune(r.Hi); x += rune(r.Stride) {
				t[x] |= c
			}
		}
		for _, r := range table.R32 {
			for x := r.Lo; x <= r.Hi && x < classLimit; x += r.Stride {
				t[x] |= c
			}
		}
	}
	for _, p := range classTables() {
		fill(p.table, p.class)
	}
	return t
}

type classTable struct {
	table *unicode.RangeTable
	class class
}

func classTables() []classTable {
	return []classTable{
		{unicode.Lu, upper}, {unicode.Lt, upper}, {unicode.Ll, lower}, {unicode.Lm, other}, {unicode.Lo, other},
		{unicode.M, mark}, {unicode.N, number}, {unicode.P, punct}, {unicode.S, symbol},
		{unicode.White_Space, space},
	}
}

func classOf(r rune) class {
	if uint32(r) < classLimit {
		return classes[r]
	}
	var c class
	for _, p := range classTables() {
		if unicode.Is(p.table, r) {
			c |= p.class
		}
	}
	return c
}

// classAt returns the class of the code point that starts at s[i], and its length in bytes.
func classAt(s string, i int) (class, int) {
	if c := s[i]; c < utf8.RuneSelf {
		return classes[c], 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	return classOf(r), n
}

// run returns the end of the code points from i on that have a property of set.
func run(s string, i int, set class) int {
	for i < len(s) {
		if c := s[i]; c < utf8.RuneSelf {
			if classes[c]&set == 0 {
				return i
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if classOf(r)&set == 0 {
			return i
		}
		i += n
	}
	return i
}

// runNot returns the end of the code points from i on that have no property of set.
func runNot(s string, i int, set class) int {
	for i < len(s) {
		if c := s[i]; c < utf8.RuneSelf {
			if classes[c]&set != 0 {
				return i
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if classOf(r)&set != 0 {
			return i
		}
		i += n
	}
	return i
}

// runMax is run for at most limit code points; 0 is no limit.
func runMax(s string, i int, set class, limit int) int {
	if limit == 0 {
		return run(s, i, set)
	}
	for ; limit > 0 && i < len(s); limit-- {
		k, n := classAt(s, i)
		if k&set == 0 {
			break
		}
		i += n
	}
	return i
}

func isNewline(c byte) bool { return c == '\n' || c == '\r' }
