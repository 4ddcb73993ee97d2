// Package tex sets mathematics that is written in TeX's language: it reads the source, lays it out by TeX's rules in a
// font made for formulas (STIX Two Math), and draws the result at any size.
//
// It knows the commands of LaTeX and amsmath that language models use, and no macros that the text defines. What it
// does not know is an error, and the source is shown instead. Every formula is bounded in length, depth and size, so
// that none takes long: there is nothing to wait for and nothing to stop.
package tex

import (
	"strings"
	"sync"

	"codeberg.org/go-fonts/stix/stix2mathregular"
)

// Setter sets formulas. It may be used by several goroutines at once. The font is read when the first formula is set.
type Setter struct {
	mu      sync.Mutex
	font    *mathFont
	err     error
	symbols map[string]symbol
	names   map[string]bool
}

// NewSetter returns a setter. It costs nothing until it is used.
func NewSetter() *Setter { return &Setter{} }

// Formula is a formula that was laid out. Lengths are in ems: multiply them by the size of the text.
type Formula struct {
	Width, Height, Depth float32   // Height above, Depth below the baseline
	Breaks               []float32 // where the formula may be cut to go on in the next line
	ink                  []ink
	setter               *Setter
}

// Set lays a formula out: source is TeX without the dollars around it. A displayed formula is set larger than one in
// a line of text. The error says what about the source could not be understood.
func (t *Setter) Set(source string, displayed bool) (*Formula, error) {
	if len(source) > maxSource {
		return nil, errTooLong
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.font == nil && t.err == nil {
		t.font, t.err = loadFont(stix2mathregular.TTF)
		t.symbols = symbols()
		t.names = map[string]bool{}
		for _, n := range strings.Fields(operatorNames) {
			t.names[n] = false
		}
		for _, n := range strings.Fields(limitNames) {
			t.names[n] = true
		}
	}
	if t.err != nil {
		return nil, t.err
	}
	p := &parser{src: source, symbols: t.symbols, names: t.names}
	// At the outermost level, \\ parts lines and & aligns, as some models leave the environment out.
	rows, err := p.rows(func(t token) bool { return t.end })
	if err != nil {
		return nil, err
	}
	s := style{level: text}
	if displayed {
		s.level = display
	}
	l := &layouter{font: t.font}
	var b box
	if len(rows) == 1 && len(rows[0].cells) == 1 && rows[0].lines == 0 {
		b, err = l.list(rows[0].cells[0], s)
	} else {
		b, err = (&array{rows: rows, kind: alignedArray, columns: "rl", display: displayed}).layout(l, s)
	}
	if err != nil {
		return nil, err
	}
	if b.slanted {
		b.w += b.italic
	}
	f := &Formula{Width: b.w, Height: b.h, Depth: b.d, ink: b.ink, setter: t}
	if !displayed {
		f.Breaks = l.breaks
	}
	if high := f.Height + f.Depth; f.Width > maxWidth || high > maxHeight || f.Width*high > maxArea {
		return nil, errTooLong
	}
	f.bound(t.font)
	return f, nil
}

// The largest formula in ems: with text of the usual size on a screen of 2×, an em has 33 pixels, and the picture has to
// fit into a texture of 8,192 and a few megabytes.
const maxWidth, maxHeight, maxArea = 240, 120, 4000

// bound widens the formula to what its ink covers, which may be more than the boxes say.
func (f *Formula) bound(font *mathFont) {
	for _, i := range f.ink {
		if i.kind == glyphInk {
			m := font.metrics(i.glyph)
			f.Height, f.Depth = max(f.Height, i.y+m.h*i.size), max(f.Depth, m.d*i.size-i.y)
			f.Width = max(f.Width, i.x+m.right*i.size)
		}
	}
}
