package tex

// box is something laid out: its width, its height above and its depth below the baseline, in ems, and what is drawn.
type box struct {
	w, h, d float32
	italic  float32 // by how much a slanted glyph leans over its right edge at the top
	attach  float32 // where an accent stands above it
	single  bool    // it is one glyph
	slanted bool    // it ends with a slanted letter
	ink     []ink
}

type inkKind uint8

const (
	glyphInk inkKind = iota
	ruleInk          // a rectangle, x and y being its lower left corner
	lineInk          // a stroke from (x, y) to (x+w, y+h), as thick as size
)

// ink is one thing that is drawn, at a place from its box's left end on the baseline, y growing upwards.
type ink struct {
	kind  inkKind
	glyph gid
	x, y  float32
	size  float32 // of a glyph: the em
	w, h  float32
}

// put draws another box at a place. The box's own size stays.
func (b *box) put(o box, x, y float32) {
	for _, i := range o.ink {
		i.x += x
		i.y += y
		b.ink = append(b.ink, i)
	}
}

// append sets another box at the right end.
func (b *box) append(o box) {
	b.put(o, b.w, 0)
	b.w += o.w
	b.h, b.d = max(b.h, o.h), max(b.d, o.d)
	b.slanted, b.italic = o.slanted, o.italic
}

func (b *box) rule(x, y, w, h float32) {
	b.ink = append(b.ink, ink{kind: ruleInk, x: x, y: y, w: w, h: h})
}

// raised returns the box moved upwards.
func (b box) raised(by float32) box {
	c := b
	c.ink = nil
	c.put(b, 0, by)
	c.h, c.d = b.h+by, b.d-by
	return c
}

// reboxed returns the box in the middle of a width.
func (b box) reboxed(w float32) box {
	c := b
	c.ink = nil
	c.put(b, (w-b.w)/2, 0)
	c.w, c.single = w, false
	return c
}
