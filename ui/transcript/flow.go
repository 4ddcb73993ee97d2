package transcript

import (
	"math"
	"net/url"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
	"burble/ui/markdown"
	"burble/ui/tex"
)

// textLook is how a flow's plain text looks.
type textLook struct {
	size  float32
	lead  float32 // line height, as a multiple of size
	color fyne.ThemeColorName
	bold  bool
}

func bodyLook() textLook {
	return textLook{size: look.TextSize, lead: look.LineHeight, color: theme.ColorNameForeground}
}

func mutedLook() textLook {
	return textLook{size: 14, lead: 1.5, color: look.ColorMuted}
}

func headingLook(level int) textLook {
	sizes := [...]float32{22, 19, 16.5, 15, 14, 14}
	return textLook{size: sizes[min(max(level, 1), len(sizes))-1], lead: 1.35, color: theme.ColorNameForeground, bold: true}
}

// flow is a paragraph: spans of text wrapped into lines. Lines are of equal height, but for those that a formula makes
// higher.
//
// It is our own because Fyne's RichText leaves neither line height nor the ground behind inline code to us, and
// because a click has to find the word under it. Lines are broken between words; a word wider than a line is broken
// inside. Fyne draws a text of several fonts as high as the highest of them, and cuts off what lies lower in another: so a run is of
// one script. Words from right to left are put into order here; see script.go.
type flow struct {
	widget.BaseWidget
	spans []markdown.Span
	look  textLook
	align fyne.TextAlign
	host  host // nil: links can't be followed, and formulas stay source
	level int  // of a heading, or 0

	width   float32 // what the runs are laid out for
	height  float32
	natural float32 // width of the longest line
	base    float32 // from the top of a text to its baseline
	above   float32 // from the top of a line without formulas to its baseline
	runs    []run
	lines   []line
	texts   []*canvas.Text
	grounds []*canvas.Rectangle
	maths   []*mathPicture
	links   []*linkSpot
	hover   int // run under the pointer, or -1
}

// line is where a line of the paragraph stands.
type line struct{ top, height, baseline float32 }

// run is text of one style on one line, or a formula.
type run struct {
	text    string
	piece   *piece // of a formula
	span    int
	style   fyne.TextStyle
	size    float32
	x, y, w float32 // of the text itself
	line    int
	in      script
}

func newFlow(spans []markdown.Span, l textLook, h host) *flow {
	f := &flow{spans: spans, look: l, host: h, hover: -1}
	f.ExtendBaseWidget(f)
	return f
}

// set replaces the text.
func (f *flow) set(spans []markdown.Span) {
	f.spans = spans
	f.width, f.hover = 0, -1
}

// heightFor lays the text out for a width and returns its height.
func (f *flow) heightFor(width float32) float32 {
	if width != f.width {
		f.layout(width)
		f.sync()
	}
	return f.height
}

// naturalWidth returns the width of the text without wrapping, or enough where it is at least that: a message may be of any length,
// and is laid out once more anyway.
func (f *flow) naturalWidth(enough float32) float32 {
	b := lineBreaker{flow: f, width: 1e9, enough: enough}
	b.run()
	return min(b.widest, enough)
}

const codePad = 4 // on either side of inline code

// formula returns a span's formula, where it is one that can be set.
func (f *flow) formula(span int) *tex.Formula {
	if s := f.spans[span]; s.Style&markdown.Math != 0 && f.host != nil {
		return f.host.formula(markdown.TeX(s.Text), false)
	}
	return nil
}

// mono reports whether a span is shown as code: code is, and formulas whose source could not be understood.
func (f *flow) mono(span int) bool { return f.spans[span].Style&(markdown.Mono|markdown.Math) != 0 }

func (f *flow) styleOf(span int) (fyne.TextStyle, float32) {
	s := f.spans[span]
	st := fyne.TextStyle{
		Bold:          f.look.bold || s.Style&markdown.Bold != 0,
		Italic:        s.Style&markdown.Italic != 0,
		Strikethrough: s.Style&markdown.Strike != 0,
	}
	if f.mono(span) {
		if strings.ContainsFunc(s.Text, wideRune) { // the font for code has no room for the one that these are drawn with
			return fyne.TextStyle{Strikethrough: st.Strikethrough}, f.look.size * 0.9
		}
		return fyne.TextStyle{Monospace: true, Strikethrough: st.Strikethrough}, f.look.size * 0.9
	}
	return st, f.look.size
}

func (f *flow) layout(width float32) {
	b := lineBreaker{flow: f, width: width, runs: f.runs[:0]}
	b.run()
	f.runs, f.width, f.natural = b.runs, width, b.widest
	size, base := fyne.CurrentApp().Driver().RenderedTextSize("x", f.look.size, fyne.TextStyle{Bold: f.look.bold}, nil)
	above := (f.lineHeight()-size.Height)/2 + base
	f.lines = slices.Grow(f.lines[:0], b.line+1)[:b.line+1]
	for i := range f.lines {
		f.lines[i] = line{height: f.lineHeight(), baseline: above}
	}
	for _, r := range f.runs {
		if r.piece == nil {
			continue
		}
		l := &f.lines[r.line]
		below := l.height - l.baseline
		l.baseline = max(l.baseline, r.piece.formula.Height*r.piece.em+mathLead)
		l.height = l.baseline + max(below, r.piece.formula.Depth*r.piece.em+mathLead)
	}
	f.height = 0
	for i := range f.lines {
		l := &f.lines[i]
		l.height = float32(int(l.height + 0.5))
		l.top = f.height
		f.height += l.height
	}
	for i := range f.runs {
		r := &f.runs[i]
		own := base
		if r.piece == nil && f.mono(r.span) {
			_, own = fyne.CurrentApp().Driver().RenderedTextSize("x", r.size, r.style, nil)
		}
		// Fyne draws a baseline at the next whole pixel below where it lies: texts of all styles, and formulas, meet there.
		r.y = float32(math.Round(float64(f.lines[r.line].top+f.lines[r.line].baseline-base)) + math.Ceil(float64(base)) - math.Ceil(float64(own)))
	}
	f.base, f.above = base, above
	if f.align != fyne.TextAlignLeading || b.order.leftward {
		f.alignLines(b.order.leftward)
	}
}

func (f *flow) lineHeight() float32 { return float32(int(f.look.size*f.look.lead + 0.5)) }

// alignLines moves lines to where the paragraph is aligned. One that reads leftward begins at the right.
func (f *flow) alignLines(leftward bool) {
	for from := 0; from < len(f.runs); {
		to := from
		for to < len(f.runs) && f.runs[to].line == f.runs[from].line {
			to++
		}
		end := float32(0)
		for _, r := range f.runs[from:to] {
			end = max(end, r.x+r.w)
		}
		spare := f.width - end
		switch {
		case f.align == fyne.TextAlignCenter:
			spare /= 2
		case f.align == fyne.TextAlignTrailing && leftward:
			spare = 0
		}
		for i := from; i < to; i++ {
			f.runs[i].x += spare
		}
		from = to
	}
}

// sync brings the canvas objects in line with the runs; those that have not changed are left alone.
func (f *flow) sync() {
	grounds, texts, maths := 0, 0, 0
	for _, r := range f.runs {
		c := f.look.color
		if f.spans[r.span].Link != "" {
			c = theme.ColorNameHyperlink
			r.style.Underline = f.hover >= 0 && f.hover < len(f.runs) && f.runs[f.hover].span == r.span
		}
		if r.piece != nil {
			if maths == len(f.maths) {
				f.maths = append(f.maths, newMathPicture())
			}
			f.maths[maths].show(*r.piece, c)
			f.maths[maths].moveTo(r.x, r.y, f.base)
			maths++
			continue
		}
		if texts == len(f.texts) {
			f.texts = append(f.texts, canvas.NewText("", nil))
		}
		t := f.texts[texts]
		texts++
		if col := look.Color(c); t.Text != r.text || t.TextStyle != r.style || t.TextSize != r.size || t.Color != col {
			t.Text, t.TextStyle, t.TextSize, t.Color = r.text, r.style, r.size, col
			t.Refresh()
		}
		t.Move(fyne.NewPos(r.x, r.y))
		t.Resize(fyne.NewSize(r.w, t.MinSize().Height)) // a higher text would be centred by some painters
		if f.mono(r.span) {
			if grounds == len(f.grounds) {
				g := canvas.NewRectangle(nil)
				g.CornerRadius = 4
				f.grounds = append(f.grounds, g)
			}
			g := f.grounds[grounds]
			grounds++
			if col := look.Color(look.ColorInlineCode); g.FillColor != col {
				g.FillColor = col
				g.Refresh()
			}
			h := r.size * 1.5
			middle := f.lines[r.line].top + f.lines[r.line].baseline - r.size*0.36
			g.Move(fyne.NewPos(r.x-codePad, middle-h/2))
			g.Resize(fyne.NewSize(r.w+2*codePad, h))
		}
	}
	f.texts = f.texts[:texts]
	f.grounds = f.grounds[:grounds]
	f.maths = f.maths[:maths]
	f.syncLinks()
}

// CreateRenderer is Fyne's.
func (f *flow) CreateRenderer() fyne.WidgetRenderer { return &flowRenderer{f} }

type flowRenderer struct{ f *flow }

func (r *flowRenderer) Destroy()           {}
func (r *flowRenderer) MinSize() fyne.Size { return fyne.NewSize(1, r.f.height) }
func (r *flowRenderer) Layout(s fyne.Size) { r.f.heightFor(s.Width) }
func (r *flowRenderer) Refresh()           { r.f.sync() }
func (r *flowRenderer) Objects() []fyne.CanvasObject {
	objects := make([]fyne.CanvasObject, 0, len(r.f.grounds)+len(r.f.texts)+len(r.f.maths)+len(r.f.links))
	for _, g := range r.f.grounds {
		objects = append(objects, g)
	}
	for _, l := range r.f.links {
		objects = append(objects, l)
	}
	for _, t := range r.f.texts {
		objects = append(objects, t)
	}
	for _, m := range r.f.maths {
		objects = append(objects, m.raster)
	}
	return objects
}

func (f *flow) linkAt(p fyne.Position) int {
	for i, r := range f.runs {
		l := f.lines[r.line]
		if f.spans[r.span].Link != "" && p.X >= r.x && p.X < r.x+r.w && p.Y >= l.top && p.Y < l.top+l.height {
			return i
		}
	}
	return -1
}

// Tapped follows the link under the pointer.
func (f *flow) Tapped(e *fyne.PointEvent) {
	if i := f.linkAt(e.Position); i >= 0 && f.host != nil {
		f.host.openLink(f.spans[f.runs[i].span].Link)
	}
}

// TappedSecondary shows the menu of the link under the pointer, or else the message's.
func (f *flow) TappedSecondary(e *fyne.PointEvent) {
	switch i := f.linkAt(e.Position); {
	case f.host == nil:
	case i >= 0:
		f.showLinkMenu(f.spans[f.runs[i].span].Link, e.AbsolutePosition)
	default:
		f.host.showMessageMenu(e.AbsolutePosition)
	}
}

// Cursor shows a hand over a link.
func (f *flow) Cursor() desktop.Cursor {
	if f.hover >= 0 {
		return desktop.PointerCursor
	}
	return desktop.DefaultCursor
}

// MouseIn is MouseMoved.
func (f *flow) MouseIn(e *desktop.MouseEvent) { f.MouseMoved(e) }

// MouseMoved underlines the link under the pointer.
func (f *flow) MouseMoved(e *desktop.MouseEvent) { f.setHover(f.linkAt(e.Position)) }

// MouseOut takes the underline away.
func (f *flow) MouseOut() { f.setHover(-1) }

func (f *flow) setHover(i int) {
	if i == f.hover {
		return
	}
	f.hover = i
	if f.host != nil {
		address := ""
		if i >= 0 {
			address = f.spans[f.runs[i].span].Link
		}
		f.host.showAddress(address)
	}
	f.sync()
}

// openLink opens an address in the browser where it is one that a browser is for; a model's text must not be able to
// start anything else.
func openLink(open func(*url.URL) error, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	switch u.Scheme {
	case "http", "https", "mailto":
		return open(u)
	}
	return errNotALink
}
