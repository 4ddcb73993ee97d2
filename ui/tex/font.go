package tex

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
)

// mathFont is a font with a MATH table, as the OpenType specification (1.9, "MATH: Mathematical Typesetting Table")
// describes it. All lengths are in ems.
type mathFont struct {
	face      *font.Face
	unit      float32 // ems in a font's unit
	constants [lastConstant]float32
	scales    [4]float32 // of the styles
	italics   map[gid]float32
	attach    map[gid]float32 // where an accent stands above the glyph
	vertical  map[gid]construction
	level     map[gid]construction
	overlap   float32 // by which parts of an assembly overlap at least
	rows      map[gid]metrics
}

type gid = font.GID

// metrics are a glyph's advance, its ink above and below the baseline, and where the ink begins and ends.
type metrics struct{ w, h, d, left, right float32 }

// construction is how a glyph grows in one direction: by other glyphs, or put together from parts.
type construction struct {
	variants []variant
	parts    []part
}

type variant struct {
	glyph gid
	size  float32
}

type part struct {
	glyph              gid
	start, end, length float32 // connectors at both ends, and the whole
	repeats            bool
}

// constant is an index into the MATH table's constants that are lengths, in their order there.
type constant int

const (
	mathLeading constant = iota
	axisHeight
	accentBaseHeight
	flattenedAccentBaseHeight
	subscriptShiftDown
	subscriptTopMax
	subscriptBaselineDropMin
	superscriptShiftUp
	superscriptShiftUpCramped
	superscriptBottomMin
	superscriptBaselineDropMax
	subSuperscriptGapMin
	superscriptBottomMaxWithSubscript
	spaceAfterScript
	upperLimitGapMin
	upperLimitBaselineRiseMin
	lowerLimitGapMin
	lowerLimitBaselineDropMin
	stackTopShiftUp
	stackTopDisplayStyleShiftUp
	stackBottomShiftDown
	stackBottomDisplayStyleShiftDown
	stackGapMin
	stackDisplayStyleGapMin
	stretchStackTopShiftUp
	stretchStackBottomShiftDown
	stretchStackGapAboveMin
	stretchStackGapBelowMin
	fractionNumeratorShiftUp
	fractionNumeratorDisplayStyleShiftUp
	fractionDenominatorShiftDown
	fractionDenominatorDisplayStyleShiftDown
	fractionNumeratorGapMin
	fractionNumDisplayStyleGapMin
	fractionRuleThickness
	fractionDenominatorGapMin
	fractionDenomDisplayStyleGapMin
	skewedFractionHorizontalGap
	skewedFractionVerticalGap
	overbarVerticalGap
	overbarRuleThickness
	overbarExtraAscender
	underbarVerticalGap
	underbarRuleThickness
	underbarExtraDescender
	radicalVerticalGap
	radicalDisplayStyleVerticalGap
	radicalRuleThickness
	radicalExtraAscender
	radicalKernBeforeDegree
	radicalKernAfterDegree
	displayOperatorMinHeight // from here on not in the run of lengths
	radicalDegreeBottomRaise
	lastConstant
)

// table reads big-endian numbers; what lies outside of it is 0.
type table []byte

func (t table) from(at int) table {
	if at <= 0 || at > len(t) {
		return nil
	}
	return t[at:]
}

func (t table) u(at int) int {
	if at < 0 || at+2 > len(t) {
		return 0
	}
	return int(binary.BigEndian.Uint16(t[at:]))
}

func (t table) i(at int) int { return int(int16(t.u(at))) }

// coverage returns the glyphs that a coverage table lists, in the order of their indices.
func (t table) coverage() []gid {
	var glyphs []gid
	switch n := t.u(2); t.u(0) {
	case 1:
		for i := range n {
			glyphs = append(glyphs, gid(t.u(4+2*i)))
		}
	case 2:
		for i := range n {
			for g := t.u(4 + 6*i); g <= t.u(6+6*i); g++ {
				glyphs = append(glyphs, gid(g))
			}
		}
	}
	return glyphs
}

func loadFont(data []byte) (*mathFont, error) {
	loader, err := opentype.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading the font for formulas: %w", err)
	}
	parsed, err := font.NewFont(loader)
	if err != nil {
		return nil, fmt.Errorf("reading the font for formulas: %w", err)
	}
	raw, err := loader.RawTable(opentype.MustNewTag("MATH"))
	if err != nil {
		return nil, fmt.Errorf("the font for formulas has no table for them: %w", err)
	}
	f := &mathFont{face: font.NewFace(parsed), unit: 1 / float32(parsed.Upem()), rows: map[gid]metrics{}}
	t := table(raw)
	c := t.from(t.u(4))
	f.scales = [4]float32{1, 1, float32(c.i(0)) / 100, float32(c.i(2)) / 100}
	for i := range int(displayOperatorMinHeight) {
		f.constants[i] = f.ems(c.i(8 + 4*i))
	}
	f.constants[displayOperatorMinHeight] = f.ems(c.u(6))
	f.constants[radicalDegreeBottomRaise] = float32(c.i(8+4*int(displayOperatorMinHeight))) / 100
	info := t.from(t.u(6))
	f.italics = f.values(info.from(info.u(0)))
	f.attach = f.values(info.from(info.u(2)))
	v := t.from(t.u(8))
	f.overlap = f.ems(v.u(0))
	rows := v.u(6)
	f.vertical = f.constructions(v, v.from(v.u(2)).coverage(), rows, 10)
	f.level = f.constructions(v, v.from(v.u(4)).coverage(), v.u(8), 10+2*rows)
	return f, nil
}

func (f *mathFont) ems(units int) float32 { return float32(units) * f.unit }

// values reads a table of a value for each of some glyphs.
func (f *mathFont) values(t table) map[gid]float32 {
	glyphs := t.from(t.u(0)).coverage()
	m := make(map[gid]float32, len(glyphs))
	for i, g := range glyphs[:min(len(glyphs), t.u(2))] {
		m[g] = f.ems(t.i(4 + 4*i))
	}
	return m
}

func (f *mathFont) constructions(t table, glyphs []gid, n, at int) map[gid]construction {
	m := make(map[gid]construction, n)
	for i, g := range glyphs[:min(len(glyphs), n)] {
		row := t.from(t.u(at + 2*i))
		var c construction
		for j := range row.u(2) {
			c.variants = append(c.variants, variant{gid(row.u(4 + 4*j)), f.ems(row.u(6 + 4*j))})
		}
		if a := row.from(row.u(0)); a != nil {
			for j := range a.u(4) {
				p := 6 + 10*j
				c.parts = append(c.parts, part{glyph: gid(a.u(p)), start: f.ems(a.u(p + 2)), end: f.ems(a.u(p + 4)),
					length: f.ems(a.u(p + 6)), repeats: a.u(p+8)&1 != 0})
			}
		}
		m[g] = c
	}
	return m
}

// metrics returns a glyph's measures at a size of 1.
func (f *mathFont) metrics(g gid) metrics {
	if m, ok := f.rows[g]; ok {
		return m
	}
	m := metrics{w: f.face.HorizontalAdvance(g) * f.unit}
	if e, ok := f.face.GlyphExtents(g); ok {
		m.h, m.d = e.YBearing*f.unit, -(e.YBearing+e.Height)*f.unit
		m.left, m.right = e.XBearing*f.unit, (e.XBearing+e.Width)*f.unit
	}
	f.rows[g] = m
	return m
}

// grown returns the box of a glyph that is at least a length high or, level, wide; the longest there is where the font
// has none so long and no parts to make it of.
func (f *mathFont) grown(g gid, length, size float32, level bool) box {
	table := f.vertical
	if level {
		table = f.level
	}
	c := table[g]
	best := g
	for _, v := range c.variants {
		best = v.glyph
		if v.size*size >= length {
			return f.glyph(best, size)
		}
	}
	if len(c.parts) == 0 {
		return f.glyph(best, size)
	}
	return f.assemble(c.parts, length, size, level)
}

// maxRepeats bounds how often a part is repeated: no formula is that long.
const maxRepeats = 200

// assemble puts parts together: as many repetitions as it takes, and as much overlap as brings the length down to what
// is wanted.
func (f *mathFont) assemble(parts []part, length, size float32, level bool) box {
	whole := func(repeats int) (list []part, longest, slack float32) {
		for _, p := range parts {
			n := 1
			if p.repeats {
				n = repeats
			}
			for range n {
				list = append(list, p)
			}
		}
		for i, p := range list {
			longest += p.length
			if i > 0 {
				longest -= f.overlap
				slack += max(min(list[i-1].end, p.start)-f.overlap, 0)
			}
		}
		return list, longest * size, slack * size
	}
	repeats := 1
	list, longest, slack := whole(repeats)
	for longest < length && repeats < maxRepeats {
		before := longest
		repeats++
		list, longest, slack = whole(repeats)
		if longest <= before {
			break
		}
	}
	extra := float32(0) // overlap of each joint beyond the least, as a share of what there is
	if slack > 0 {
		extra = min(max(longest-length, 0)/slack, 1)
	}
	var b box
	at := float32(0)
	for i, p := range list {
		if i > 0 {
			at -= (f.overlap + extra*max(min(list[i-1].end, p.start)-f.overlap, 0)) * size
		}
		g := f.glyph(p.glyph, size)
		if level {
			b.put(g, at, 0)
			b.h, b.d = max(b.h, g.h), max(b.d, g.d)
		} else {
			b.put(g, 0, at+g.d)
			b.w = max(b.w, g.w)
		}
		at += p.length * size
	}
	if level {
		b.w = at
	} else {
		b.h = at
	}
	return b
}

// glyph returns the box of a glyph.
func (f *mathFont) glyph(g gid, size float32) box {
	m := f.metrics(g)
	b := box{w: m.w * size, h: m.h * size, d: m.d * size, italic: f.italics[g] * size, single: true,
		ink: []ink{{kind: glyphInk, glyph: g, size: size}}}
	b.attach = b.w / 2
	if a, ok := f.attach[g]; ok {
		b.attach = a * size
	}
	return b
}
