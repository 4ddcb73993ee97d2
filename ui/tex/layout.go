package tex

import (
	"fmt"
	"unicode"
)

// level is TeX's style without its being cramped.
type level uint8

const (
	display level = iota
	text
	scriptLevel
	scriptScript
)

// style is one of TeX's eight styles (The TeXbook, chapter 17).
type style struct {
	level   level
	cramped bool
}

func (s style) superscript() style {
	return style{min(max(s.level, text)+1, scriptScript), s.cramped}
}

func (s style) subscript() style { return style{s.superscript().level, true} }

func (s style) numerator() style { return style{min(s.level+1, scriptScript), s.cramped} }

func (s style) denominator() style { return style{s.numerator().level, true} }

func (s style) cramp() style { return style{s.level, true} }

// node is an atom or something between atoms.
type node interface {
	class() class
	layout(l *layouter, s style) (box, error)
}

// layouter sets nodes as boxes. The rules are those of The TeXbook's appendix G, with the lengths and glyphs of an
// OpenType font's MATH table in the place of TeX's font parameters.
type layouter struct {
	font   *mathFont
	breaks []float32 // where the outermost list may be broken
	depth  int
	ink    int
}

// maxInk bounds how much is copied from box to box.
const maxInk = 400_000

// glyphOf returns the glyph of a character.
func (l *layouter) glyphOf(r rune) (gid, error) {
	if g, ok := l.font.face.NominalGlyph(r); ok && g != 0 {
		return g, nil
	}
	return 0, fmt.Errorf("the font for formulas has no %q", r)
}

func (l *layouter) scale(s style) float32 { return l.font.scales[s.level] }

// length returns a constant of the font at a style's size.
func (l *layouter) length(c constant, s style) float32 { return l.font.constants[c] * l.scale(s) }

func (l *layouter) axis(s style) float32 { return l.length(axisHeight, s) }

// between is the space between classes of atoms, in eighteenths of an em; negative where there is none in scripts
// (The TeXbook, page 170).
var between = [8][8]int8{
	ordinary:    {0, 3, -4, -5, 0, 0, 0, -3},
	operator:    {3, 3, 0, -5, 0, 0, 0, -3},
	dyadic:      {-4, -4, 0, 0, -4, 0, 0, -4},
	relation:    {-5, -5, 0, 0, -5, 0, 0, -5},
	opening:     {0, 0, 0, 0, 0, 0, 0, 0},
	closing:     {0, 3, -4, -5, 0, 0, 0, -3},
	punctuation: {-3, -3, 0, -3, -3, -3, -3, -3},
	inner:       {-3, 3, -4, -5, -3, 0, -3, -3},
}

// list sets nodes side by side, with the space that their classes ask for.
func (l *layouter) list(nodes []node, s style) (box, error) {
	l.depth++
	defer func() { l.depth-- }()
	classes := classesOf(nodes)
	var b box
	previous := -1 // the last atom
	for i, n := range nodes {
		if c, ok := n.(*styleChange); ok {
			s.level = c.level
			continue
		}
		o, err := n.layout(l, s)
		if err != nil {
			return box{}, err
		}
		if l.ink += len(o.ink); l.ink > maxInk {
			return box{}, errTooLong
		}
		if _, ok := n.(*space); ok {
			b.append(o)
			continue
		}
		if previous >= 0 {
			w := between[classes[previous]][classes[i]]
			if w < 0 && s.level >= scriptLevel {
				w = 0
			}
			if b.slanted && !o.slanted && b.italic > 0 {
				b.w += b.italic
			}
			b.w += abs(float32(w)) / 18 * l.scale(s)
			if l.depth == 1 && (classes[previous] == relation || classes[previous] == dyadic) {
				l.breaks = append(l.breaks, b.w)
			}
		}
		first := len(b.ink) == 0 && len(nodes) == 1
		attach, single := o.attach, o.single
		b.append(o)
		if first {
			b.attach, b.single = attach, single
		}
		previous = i
	}
	if len(nodes) != 1 {
		b.attach, b.single = b.w/2, false
	}
	return b, nil
}

func abs(x float32) float32 { return max(x, -x) }

// classesOf returns the atoms' classes, those of binary operators that have no operand on one side becoming ordinary.
func classesOf(nodes []node) []class {
	classes := make([]class, len(nodes))
	previous := -1
	for i, n := range nodes {
		switch n.(type) {
		case *space, *styleChange:
			continue
		}
		c := n.class()
		if c == dyadic && (previous < 0 || classes[previous] == dyadic || classes[previous] == operator || classes[previous] == relation ||
			classes[previous] == opening || classes[previous] == punctuation) {
			c = ordinary
		}
		if previous >= 0 && classes[previous] == dyadic && (c == relation || c == closing || c == punctuation) {
			classes[previous] = ordinary
		}
		classes[i] = c
		previous = i
	}
	if previous >= 0 && classes[previous] == dyadic {
		classes[previous] = ordinary
	}
	return classes
}

// leaf is one character.
type leaf struct {
	r       rune
	as      class
	big     bool
	slim    bool
	slanted bool
}

func (n *leaf) class() class { return n.as }

func (n *leaf) layout(l *layouter, s style) (box, error) {
	g, err := l.glyphOf(n.r)
	if err != nil {
		return box{}, err
	}
	size := l.scale(s)
	if !n.big {
		b := l.font.glyph(g, size)
		b.slanted = n.slanted
		return b, nil
	}
	b := l.font.glyph(g, size)
	if s.level == display {
		b = l.font.grown(g, l.length(displayOperatorMinHeight, s), size, false)
	}
	b = b.raised(l.axis(s) - (b.h-b.d)/2)
	b.single = false
	return b, nil
}

// group is what stands between braces: as a whole, it is ordinary. A command that only chooses letters leaves the
// class of a single one.
type group struct {
	list    []node
	letters bool
}

func (n *group) class() class {
	if len(n.list) == 1 && n.letters {
		return n.list[0].class()
	}
	return ordinary
}

func (n *group) layout(l *layouter, s style) (box, error) {
	if len(n.list) == 1 {
		return n.list[0].layout(l, s)
	}
	return l.list(n.list, s)
}

// reclassed is a list as one atom of some class.
type reclassed struct {
	list []node
	as   class
}

func (n *reclassed) class() class                             { return n.as }
func (n *reclassed) layout(l *layouter, s style) (box, error) { return l.list(n.list, s) }

type space struct{ width float32 }

func (n *space) class() class { return ordinary }

func (n *space) layout(l *layouter, s style) (box, error) { return box{w: n.width * l.scale(s)}, nil }

type styleChange struct{ level level }

func (n *styleChange) class() class                         { return ordinary }
func (n *styleChange) layout(*layouter, style) (box, error) { return box{}, nil }

// textRun is text between formulas.
type textRun struct {
	text    string
	letters alphabet
}

func (n *textRun) class() class { return ordinary }

func (n *textRun) layout(l *layouter, s style) (box, error) {
	var b box
	size := l.scale(s)
	letters := n.letters
	if letters == mathItalic {
		letters = roman
	}
	for _, r := range n.text {
		if unicode.IsSpace(r) {
			b.w += 0.25 * size
			continue
		}
		r, _ := letters.in(r)
		g, err := l.glyphOf(r)
		if err != nil {
			return box{}, err
		}
		o := l.font.glyph(g, size)
		if l.ink++; l.ink > maxInk {
			return box{}, errTooLong
		}
		b.append(o)
	}
	b.italic, b.attach = 0, b.w/2
	return b, nil
}

// limits is where an operator's scripts stand.
type limits uint8

const (
	byStyle limits = iota // above and below in display style
	beside
	above
)

// named is an operator that is written as a word.
type named struct {
	body   []node
	limits limits
}

func (n *named) class() class { return operator }

func (n *named) layout(l *layouter, s style) (box, error) {
	b, err := l.list(n.body, s)
	if len(n.body) == 1 {
		if f, ok := n.body[0].(*leaf); ok && f.as != ordinary && !f.big { // \mathop{+} and the like
			b = b.raised(l.axis(s) - (b.h-b.d)/2)
		}
	}
	b.slanted, b.single = false, false
	return b, err
}

// scripts is an atom with what stands above and below it.
type scripts struct {
	base   node // or nil
	primes int
	sub    []node // nil: none
	sup    []node
	limits limits
}

func (n *scripts) class() class {
	if n.base == nil {
		return ordinary
	}
	return n.base.class()
}

// stacked reports whether the scripts stand above and below the base.
func (n *scripts) stacked(s style) bool {
	if n.limits != byStyle {
		return n.limits == above
	}
	switch b := n.base.(type) {
	case *leaf:
		return b.big && !b.slim && s.level == display
	case *named:
		return b.limits == byStyle && s.level == display
	case *braced:
		return true
	case *group:
		if len(b.list) == 1 {
			return (&scripts{base: b.list[0]}).stacked(s)
		}
	}
	return false
}

func (n *scripts) layout(l *layouter, s style) (box, error) {
	var base box
	var err error
	if n.base != nil {
		if base, err = n.base.layout(l, s); err != nil {
			return box{}, err
		}
	}
	var sup, sub box
	if sup, err = l.list(n.sup, s.superscript()); err != nil {
		return box{}, err
	}
	if sub, err = l.list(n.sub, s.subscript()); err != nil {
		return box{}, err
	}
	if n.primes > 0 {
		if base, err = n.primed(l, s, base); err != nil {
			return box{}, err
		}
	}
	if n.stacked(s) {
		return n.stack(l, s, base, sup, sub), nil
	}
	return n.beside(l, s, base, sup, sub), nil
}

// primed sets primes at the base. The font's prime stands high already, and has the size that it needs there.
func (n *scripts) primed(l *layouter, s style, base box) (box, error) {
	g, err := l.glyphOf('′')
	if err != nil {
		return box{}, err
	}
	b := base
	b.ink = append([]ink(nil), base.ink...)
	b.w += base.italic
	for range n.primes {
		prime := l.font.glyph(g, l.scale(s))
		b.append(prime.raised(max(base.h-prime.h, 0)))
	}
	b.slanted, b.italic, b.attach = false, 0, base.attach
	return b, nil
}

// beside sets scripts at the base's right side (rule 18).
func (n *scripts) beside(l *layouter, s style, base, sup, sub box) box {
	hasSup, hasSub := n.sup != nil, n.sub != nil
	up, down := float32(0), float32(0)
	if !base.single {
		up = base.h - l.length(superscriptBaselineDropMax, s)
		down = base.d + l.length(subscriptBaselineDropMin, s)
	}
	if hasSup {
		shift := superscriptShiftUp
		if s.cramped {
			shift = superscriptShiftUpCramped
		}
		up = max(up, l.length(shift, s), sup.d+l.length(superscriptBottomMin, s))
	}
	if hasSub {
		down = max(down, l.length(subscriptShiftDown, s), sub.h-l.length(subscriptTopMax, s))
	}
	if hasSup && hasSub {
		if gap := (up - sup.d) - (sub.h - down); gap < l.length(subSuperscriptGapMin, s) {
			down += l.length(subSuperscriptGapMin, s) - gap
			if lift := l.length(superscriptBottomMaxWithSubscript, s) - (up - sup.d); lift > 0 {
				up += lift
				down -= lift
			}
		}
	}
	b := base
	b.slanted, b.single = false, false
	italic := base.italic
	x := float32(0)
	if f, ok := n.base.(*leaf); ok && f.big { // an integral's width includes its slant
		x = -italic
		italic = 0
	}
	if hasSup {
		b.put(sup, base.w+italic, up)
		b.w = max(b.w, base.w+italic+sup.w)
		b.h, b.d = max(b.h, up+sup.h), max(b.d, sup.d-up)
	}
	if hasSub {
		b.put(sub, base.w+x, -down)
		b.w = max(b.w, base.w+x+sub.w)
		b.h, b.d = max(b.h, sub.h-down), max(b.d, sub.d+down)
	}
	b.w += l.length(spaceAfterScript, s)
	b.attach, b.italic = b.w/2, 0
	return b
}

// stack sets scripts above and below the base (rule 13a).
func (n *scripts) stack(l *layouter, s style, base, sup, sub box) box {
	w := base.w
	if n.sup != nil {
		w = max(w, sup.w)
	}
	if n.sub != nil {
		w = max(w, sub.w)
	}
	b := base.reboxed(w)
	b.slanted = false
	slant := base.italic / 2
	if n.sup != nil {
		y := base.h + max(l.length(upperLimitBaselineRiseMin, s), l.length(upperLimitGapMin, s)+sup.d)
		b.put(sup, (w-sup.w)/2+slant, y)
		b.h = y + sup.h
	}
	if n.sub != nil {
		y := base.d + max(l.length(lowerLimitBaselineDropMin, s), l.length(lowerLimitGapMin, s)+sub.h)
		b.put(sub, (w-sub.w)/2-slant, -y)
		b.d = y + sub.d
	}
	b.attach, b.italic = w/2, 0
	return b
}
