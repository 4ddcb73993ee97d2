package tex

import "strings"

// fraction is one thing above another, with or without a rule between them, perhaps in delimiters.
type fraction struct {
	top, bottom []node
	ruled       bool
	left, right rune
	style       *style // that is asked for
}

func (n *fraction) class() class {
	if n.left != 0 {
		return ordinary
	}
	return inner
}

// layout follows rule 15.
func (n *fraction) layout(l *layouter, s style) (box, error) {
	if n.style != nil {
		s.level = n.style.level
	}
	top, err := l.list(n.top, s.numerator())
	if err != nil {
		return box{}, err
	}
	bottom, err := l.list(n.bottom, s.denominator())
	if err != nil {
		return box{}, err
	}
	w := max(top.w, bottom.w)
	shown := s.level == display
	pick := func(big, small constant) float32 {
		if shown {
			return l.length(big, s)
		}
		return l.length(small, s)
	}
	var b box
	var up, down float32
	if n.ruled {
		thick, axis := l.length(fractionRuleThickness, s), l.axis(s)
		w += 0.1 * l.scale(s)
		up = pick(fractionNumeratorDisplayStyleShiftUp, fractionNumeratorShiftUp)
		down = pick(fractionDenominatorDisplayStyleShiftDown, fractionDenominatorShiftDown)
		up = max(up, axis+thick/2+pick(fractionNumDisplayStyleGapMin, fractionNumeratorGapMin)+top.d)
		down = max(down, thick/2-axis+pick(fractionDenomDisplayStyleGapMin, fractionDenominatorGapMin)+bottom.h)
		b.rule(0, axis-thick/2, w, thick)
	} else {
		up = pick(stackTopDisplayStyleShiftUp, stackTopShiftUp)
		down = pick(stackBottomDisplayStyleShiftDown, stackBottomShiftDown)
		gap := pick(stackDisplayStyleGapMin, stackGapMin)
		if have := (up - top.d) - (bottom.h - down); have < gap {
			up += (gap - have) / 2
			down += (gap - have) / 2
		}
	}
	b.put(top, (w-top.w)/2, up)
	b.put(bottom, (w-bottom.w)/2, -down)
	b.w, b.h, b.d = w, up+top.h, down+bottom.d
	if n.left == 0 {
		pad := 0.06 * l.scale(s)
		o := box{w: w + 2*pad, h: b.h, d: b.d}
		o.put(b, pad, 0)
		return o, nil
	}
	return l.enclose([]box{b}, []rune{n.left, n.right}, s)
}

// enclose sets boxes between delimiters that are as high as they are.
func (l *layouter) enclose(parts []box, delimiters []rune, s style) (box, error) {
	axis := l.axis(s)
	reach := float32(0)
	for _, p := range parts {
		reach = max(reach, p.h-axis, p.d+axis)
	}
	length := max(2*reach*0.901, 2*reach-0.5*l.scale(s))
	var b box
	for i, d := range delimiters {
		o, err := l.delimiter(d, length, s)
		if err != nil {
			return box{}, err
		}
		b.append(o)
		if i < len(parts) {
			b.append(parts[i])
		}
	}
	b.slanted, b.italic, b.attach = false, 0, b.w/2
	return b, nil
}

// delimiter returns a delimiter of at least a length, centred on the axis.
func (l *layouter) delimiter(r rune, length float32, s style) (box, error) {
	if r == 0 {
		return box{w: 0.12 * l.scale(s)}, nil
	}
	g, err := l.glyphOf(r)
	if err != nil {
		return box{}, err
	}
	b := l.font.grown(g, length, l.scale(s), false)
	b.single = false
	return b.raised(l.axis(s) - (b.h-b.d)/2), nil
}

// fence is \left … \right: delimiters, with parts between them.
type fence struct {
	delimiters []rune
	parts      [][]node
}

func (n *fence) class() class { return inner }

func (n *fence) layout(l *layouter, s style) (box, error) {
	var parts []box
	for _, p := range n.parts {
		b, err := l.list(p, s)
		if err != nil {
			return box{}, err
		}
		parts = append(parts, b)
	}
	return l.enclose(parts, n.delimiters, s)
}

// sizedDelimiter is what \big and its like make.
type sizedDelimiter struct {
	r      rune
	length float32
	as     class
}

func (n *sizedDelimiter) class() class { return n.as }

func (n *sizedDelimiter) layout(l *layouter, s style) (box, error) {
	return l.delimiter(n.r, n.length, s)
}

// root is a square root, or another one.
type root struct{ index, body []node }

func (n *root) class() class { return ordinary }

// layout follows rule 11.
func (n *root) layout(l *layouter, s style) (box, error) {
	body, err := l.list(n.body, s.cramp())
	if err != nil {
		return box{}, err
	}
	if body.slanted {
		body.w += body.italic
	}
	gap := l.length(radicalVerticalGap, s)
	if s.level == display {
		gap = l.length(radicalDisplayStyleVerticalGap, s)
	}
	thick := l.length(radicalRuleThickness, s)
	g, err := l.glyphOf('√')
	if err != nil {
		return box{}, err
	}
	body.h, body.d = max(body.h, 0.45*l.scale(s)), max(body.d, 0)
	sign := l.font.grown(g, body.h+body.d+gap+thick, l.scale(s), false)
	if spare := sign.h + sign.d - (body.h + body.d + gap + thick); spare > 0 {
		gap += spare / 2
	}
	top := body.h + gap + thick
	var b box
	if len(n.index) > 0 {
		index, err := l.list(n.index, style{level: scriptScript})
		if err != nil {
			return box{}, err
		}
		raise := l.font.constants[radicalDegreeBottomRaise]*(sign.h+sign.d) - (sign.h + sign.d - top)
		before, after := l.length(radicalKernBeforeDegree, s), l.length(radicalKernAfterDegree, s)
		b.put(index, before, raise+index.d)
		b.h = raise + index.d + index.h
		b.w = max(before+index.w+after, 0)
	}
	b.put(sign, b.w, top-sign.h)
	b.h, b.d = max(b.h, top+l.length(radicalExtraAscender, s)), max(body.d, sign.h+sign.d-top)
	b.w += sign.w
	b.rule(b.w, top-thick, body.w, thick)
	b.put(body, b.w, 0)
	b.w += body.w
	b.attach = b.w / 2
	return b, nil
}

// accent is a mark above its body.
type accent struct {
	r    rune
	wide bool
	body []node
}

func (n *accent) class() class { return ordinary }

// layout follows rule 12.
func (n *accent) layout(l *layouter, s style) (box, error) {
	body, err := l.list(n.body, s.cramp())
	if err != nil {
		return box{}, err
	}
	g, err := l.glyphOf(n.r)
	if err != nil {
		return box{}, err
	}
	size := l.scale(s)
	mark := l.font.glyph(g, size)
	if n.wide {
		mark = l.font.fitting(g, body.w, size)
	}
	if n.wide && strings.ContainsRune("\u20d7\u20d6\u20e1", n.r) {
		mark = l.font.grown(g, body.w, size, true)
	}
	// A mark that combines has its ink to the left of its origin.
	left, right := mark.bounds(l.font)
	at := mark.attach
	if _, ok := l.font.attach[g]; !ok || n.wide {
		at = (left + right) / 2
	}
	attach := body.attach
	if !body.single {
		attach = body.w/2 + body.italic/2
	}
	delta := min(body.h, l.length(accentBaseHeight, s))
	b := body
	b.ink = append([]ink(nil), body.ink...)
	b.put(mark, attach-at, body.h-delta)
	b.h = max(body.h, body.h-delta+mark.h)
	if over := attach - at + right; over > b.w && !body.single {
		b.w = over
	}
	return b, nil
}

// bounds returns where a box's glyphs begin and end.
func (b box) bounds(f *mathFont) (left, right float32) {
	for i, o := range b.ink {
		m := f.metrics(o.glyph)
		if x := o.x + m.left*o.size; i == 0 || x < left {
			left = x
		}
		if x := o.x + m.right*o.size; i == 0 || x > right {
			right = x
		}
	}
	return left, right
}

// fitting returns the widest variant of an accent that is not wider than a length.
func (f *mathFont) fitting(g gid, length, size float32) box {
	best := g
	for _, v := range f.level[g].variants {
		if v.size*size <= length {
			best = v.glyph
		}
	}
	return f.glyph(best, size)
}

// braced is a body with a brace over or under it.
type braced struct {
	body  []node
	r     rune
	under bool
}

func (n *braced) class() class { return operator }

func (n *braced) layout(l *layouter, s style) (box, error) {
	body, err := l.list(n.body, s)
	if err != nil {
		return box{}, err
	}
	g, err := l.glyphOf(n.r)
	if err != nil {
		return box{}, err
	}
	mark := l.font.grown(g, body.w, l.scale(s), true)
	left, right := mark.bounds(l.font)
	x := body.w/2 - (left+right)/2
	b := body
	b.ink = append([]ink(nil), body.ink...)
	b.single = false
	gap := 0.12 * l.scale(s)
	if n.under {
		y := body.d + gap + mark.h
		b.put(mark, x, -y)
		b.d = y + mark.d
	} else {
		y := body.h + gap + mark.d
		b.put(mark, x, y)
		b.h = y + mark.h
	}
	return b, nil
}

// arrow is an arrow as long as what stands above and below it.
type arrow struct {
	r           rune
	over, below []node
}

func (n *arrow) class() class { return relation }

func (n *arrow) layout(l *layouter, s style) (box, error) {
	over, err := l.list(n.over, s.superscript())
	if err != nil {
		return box{}, err
	}
	below, err := l.list(n.below, s.subscript())
	if err != nil {
		return box{}, err
	}
	g, err := l.glyphOf(n.r)
	if err != nil {
		return box{}, err
	}
	pad := 0.8 * l.scale(s)
	mark := l.font.grown(g, max(over.w, below.w)+pad, l.scale(s), true)
	b := mark.reboxed(max(mark.w, over.w+pad, below.w+pad))
	gap := 0.12 * l.scale(s)
	if len(n.over) > 0 {
		y := mark.h + gap + over.d
		b.put(over, (b.w-over.w)/2, y)
		b.h = y + over.h
	}
	if len(n.below) > 0 {
		y := max(mark.d, 0) + gap + below.h
		b.put(below, (b.w-below.w)/2, -y)
		b.d = y + below.d
	}
	return b, nil
}

// decorated is a body with lines drawn at it, or with a part of its size taken away.
type decorated struct {
	body []node
	how  string
}

func (n *decorated) class() class {
	if n.how == "ensuremath" && len(n.body) == 1 {
		return n.body[0].class()
	}
	return ordinary
}

func (n *decorated) layout(l *layouter, s style) (box, error) {
	inside := s
	if n.how == "overline" {
		inside = s.cramp()
	}
	b, err := l.list(n.body, inside)
	if err != nil {
		return box{}, err
	}
	size := l.scale(s)
	b.ink = append([]ink(nil), b.ink...)
	stroke := func(x1, y1, x2, y2 float32) {
		b.ink = append(b.ink, ink{kind: lineInk, x: x1, y: y1, w: x2 - x1, h: y2 - y1, size: 0.05 * size})
	}
	switch n.how {
	case "overline":
		thick := l.length(overbarRuleThickness, s)
		y := b.h + l.length(overbarVerticalGap, s)
		b.rule(0, y, b.w+b.italic, thick)
		b.h = y + thick + l.length(overbarExtraAscender, s)
	case "underline":
		thick := l.length(underbarRuleThickness, s)
		y := b.d + l.length(underbarVerticalGap, s) + thick
		b.rule(0, -y, b.w, thick)
		b.d = y + l.length(underbarExtraDescender, s)
	case "boxed", "fbox":
		pad, thick := 0.3*size, 0.04*size
		o := box{w: b.w + 2*pad, h: b.h + pad, d: b.d + pad}
		o.put(b, pad, 0)
		o.rule(0, o.h-thick, o.w, thick)
		o.rule(0, -o.d, o.w, thick)
		o.rule(0, -o.d, thick, o.h+o.d)
		o.rule(o.w-thick, -o.d, thick, o.h+o.d)
		return o, nil
	case "cancel", "xcancel", "bcancel":
		if n.how != "bcancel" {
			stroke(0, -b.d, b.w, b.h)
		}
		if n.how != "cancel" {
			stroke(0, b.h, b.w, -b.d)
		}
	case "not":
		stroke(b.w*0.25, -0.15*size, b.w*0.75, 0.65*size)
	case "phantom":
		b.ink = nil
	case "hphantom":
		b.ink, b.h, b.d = nil, 0, 0
	case "vphantom":
		b.ink, b.w = nil, 0
	case "smash":
		b.h, b.d = 0, 0
	case "llap", "mathllap":
		o := box{h: b.h, d: b.d}
		o.put(b, -b.w, 0)
		return o, nil
	case "rlap", "mathrlap":
		b.w = 0
	case "mathclap":
		return b.reboxed(0), nil
	}
	b.single = false
	return b, nil
}
