package transcript

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
	"burble/ui/markdown"
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

// flow is a paragraph: spans of text wrapped into lines of equal height.
//
// It is our own because Fyne's RichText leaves neither line height nor the ground behind inline code to us, and
// because a click has to find the word under it. Lines are broken between words; a word wider than a line is broken
// inside. Text right to left is drawn by Fyne run by run, in logical order.
type flow struct {
	widget.BaseWidget
	spans []markdown.Span
	look  textLook
	align fyne.TextAlign
	open  func(string) // follows a link
	level int          // of a heading, or 0

	width   float32 // what the runs are laid out for
	height  float32
	natural float32 // width of the longest line
	runs    []run
	texts   []*canvas.Text
	grounds []*canvas.Rectangle
	hover   int // run under the pointer, or -1
}

// run is text of one style on one line.
type run struct {
	text    string
	span    int
	style   fyne.TextStyle
	size    float32
	x, y, w float32 // of the text itself
	line    int
}

func newFlow(spans []markdown.Span, l textLook, open func(string)) *flow {
	f := &flow{spans: spans, look: l, open: open, hover: -1}
	f.ExtendBaseWidget(f)
	return f
}

// set replaces the text.
func (f *flow) set(spans []markdown.Span) {
	f.spans = spans
	f.width = 0
}

// heightFor lays the text out for a width and returns its height.
func (f *flow) heightFor(width float32) float32 {
	if width != f.width {
		f.layout(width)
		f.sync()
	}
	return f.height
}

// naturalWidth returns the width of the text without wrapping.
func (f *flow) naturalWidth() float32 {
	b := lineBreaker{flow: f, width: 1e9}
	b.run()
	return b.widest
}

const codePad = 4 // on either side of inline code

func (f *flow) styleOf(s markdown.Span) (fyne.TextStyle, float32) {
	st := fyne.TextStyle{
		Bold:          f.look.bold || s.Style&markdown.Bold != 0,
		Italic:        s.Style&markdown.Italic != 0,
		Strikethrough: s.Style&markdown.Strike != 0,
	}
	if s.Style&markdown.Mono != 0 {
		return fyne.TextStyle{Monospace: true, Strikethrough: st.Strikethrough}, f.look.size * 0.9
	}
	return st, f.look.size
}

func (f *flow) layout(width float32) {
	b := lineBreaker{flow: f, width: width, runs: f.runs[:0]}
	b.run()
	f.runs, f.width, f.natural = b.runs, width, b.widest
	lineHeight := f.lineHeight()
	f.height = lineHeight * float32(b.line+1)
	for i := range f.runs {
		r := &f.runs[i]
		size, base := fyne.CurrentApp().Driver().RenderedTextSize("x", f.look.size, fyne.TextStyle{Bold: f.look.bold}, nil)
		own := base
		if r.style.Monospace {
			_, own = fyne.CurrentApp().Driver().RenderedTextSize("x", r.size, r.style, nil)
		}
		r.y = float32(r.line)*lineHeight + (lineHeight-size.Height)/2 + base - own
	}
	if f.align != fyne.TextAlignLeading {
		f.alignLines()
	}
}

func (f *flow) lineHeight() float32 { return float32(int(f.look.size*f.look.lead + 0.5)) }

func (f *flow) alignLines() {
	for from := 0; from < len(f.runs); {
		to := from
		for to < len(f.runs) && f.runs[to].line == f.runs[from].line {
			to++
		}
		last := f.runs[to-1]
		spare := f.width - last.x - last.w
		if f.align == fyne.TextAlignCenter {
			spare /= 2
		}
		for i := from; i < to; i++ {
			f.runs[i].x += spare
		}
		from = to
	}
}

// sync brings the canvas objects in line with the runs; those that have not changed are left alone.
func (f *flow) sync() {
	grounds := 0
	for i, r := range f.runs {
		if i == len(f.texts) {
			f.texts = append(f.texts, canvas.NewText("", nil))
		}
		t := f.texts[i]
		c := f.look.color
		if f.spans[r.span].Link != "" {
			c = theme.ColorNameHyperlink
			r.style.Underline = f.hover >= 0 && f.runs[f.hover].span == r.span
		}
		if col := look.Color(c); t.Text != r.text || t.TextStyle != r.style || t.TextSize != r.size || t.Color != col {
			t.Text, t.TextStyle, t.TextSize, t.Color = r.text, r.style, r.size, col
			t.Refresh()
		}
		t.Move(fyne.NewPos(r.x, r.y))
		t.Resize(fyne.NewSize(r.w, t.MinSize().Height)) // a higher text would be centred by some painters
		if r.style.Monospace {
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
			top := float32(r.line)*f.lineHeight() + (f.lineHeight()-h)/2
			g.Move(fyne.NewPos(r.x-codePad, top))
			g.Resize(fyne.NewSize(r.w+2*codePad, h))
		}
	}
	f.texts = f.texts[:len(f.runs)]
	f.grounds = f.grounds[:grounds]
}

// CreateRenderer is Fyne's.
func (f *flow) CreateRenderer() fyne.WidgetRenderer { return &flowRenderer{f} }

type flowRenderer struct{ f *flow }

func (r *flowRenderer) Destroy()           {}
func (r *flowRenderer) MinSize() fyne.Size { return fyne.NewSize(1, r.f.height) }
func (r *flowRenderer) Layout(s fyne.Size) { r.f.heightFor(s.Width) }
func (r *flowRenderer) Refresh()           { r.f.sync() }
func (r *flowRenderer) Objects() []fyne.CanvasObject {
	objects := make([]fyne.CanvasObject, 0, len(r.f.grounds)+len(r.f.texts))
	for _, g := range r.f.grounds {
		objects = append(objects, g)
	}
	for _, t := range r.f.texts {
		objects = append(objects, t)
	}
	return objects
}

func (f *flow) linkAt(p fyne.Position) int {
	for i, r := range f.runs {
		top := float32(r.line) * f.lineHeight()
		if f.spans[r.span].Link != "" && p.X >= r.x && p.X < r.x+r.w && p.Y >= top && p.Y < top+f.lineHeight() {
			return i
		}
	}
	return -1
}

// Tapped follows the link under the pointer.
func (f *flow) Tapped(e *fyne.PointEvent) {
	if i := f.linkAt(e.Position); i >= 0 && f.open != nil {
		f.open(f.spans[f.runs[i].span].Link)
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

// lineBreaker breaks spans into lines. Words are the units: what stands between blanks, whatever its styles.
type lineBreaker struct {
	flow   *flow
	width  float32
	runs   []run
	line   int
	x      float32 // end of the line so far
	widest float32
	word   []fragment // of the word being collected
	blank  fragment   // the blank before it
}

// fragment is a piece of a word in one style.
type fragment struct {
	span  int
	text  string
	width float32
}

func (b *lineBreaker) run() {
	for i, s := range b.flow.spans {
		b.span(i, s.Text)
	}
	b.flush()
	b.closeLine()
}

func (b *lineBreaker) span(i int, text string) {
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == '\n':
			b.flush()
			b.newLine()
			b.blank = fragment{}
			text = text[n:]
		case r == ' ' || r == '\t':
			b.flush()
			end := n
			for end < len(text) && (text[end] == ' ' || text[end] == '\t') {
				end++
			}
			b.blank = b.fragment(i, strings.ReplaceAll(text[:end], "\t", "    "))
			text = text[end:]
		case breaksAround(r):
			b.flush()
			end := n
			for end < len(text) { // punctuation must not begin a line
				r, n := utf8.DecodeRuneInString(text[end:])
				if !clings(r) {
					break
				}
				end += n
			}
			b.word = append(b.word, b.fragment(i, text[:end]))
			text = text[end:]
		default:
			end := n
			for end < len(text) {
				r, n := utf8.DecodeRuneInString(text[end:])
				if r == '\n' || r == ' ' || r == '\t' || breaksAround(r) {
					break
				}
				end += n
				if r == '/' || r == '-' && end-n > 0 { // long paths and compounds may break here
					break
				}
			}
			b.word = append(b.word, b.fragment(i, text[:end]))
			text = text[end:]
			if c := b.lastByte(); (c == '/' || c == '-') && len(text) > 0 {
				b.flush()
			}
		}
	}
}

func (b *lineBreaker) lastByte() byte {
	t := b.word[len(b.word)-1].text
	return t[len(t)-1]
}

func (b *lineBreaker) fragment(span int, text string) fragment {
	style, size := b.flow.styleOf(b.flow.spans[span])
	return fragment{span: span, text: text, width: fyne.MeasureText(text, size, style).Width}
}

func (b *lineBreaker) isCode(span int) bool { return b.flow.spans[span].Style&markdown.Mono != 0 }

// flush puts the collected word on the line, or on the next.
func (b *lineBreaker) flush() {
	if len(b.word) == 0 {
		if b.blank.text != "" && len(b.runs) > 0 && b.isCode(b.blank.span) {
			b.place(b.blank)
			b.blank = fragment{}
		}
		return
	}
	need := b.blank.width
	for i, w := range b.word {
		need += w.width
		if b.isCode(w.span) && (i == 0 || b.word[i-1].span != w.span) {
			need += 2 * codePad
		}
	}
	if b.x > 0 && b.x+need > b.width {
		b.newLine()
		b.blank = fragment{}
	}
	if b.blank.text != "" && b.x > 0 {
		b.place(b.blank)
	}
	b.blank = fragment{}
	for _, w := range b.word {
		b.place(w)
	}
	b.word = b.word[:0]
}

// place appends a fragment to the line, to the run before where it continues it. A fragment wider than the line is
// broken inside.
func (b *lineBreaker) place(w fragment) {
	if n := len(b.runs); n > 0 && b.runs[n-1].line == b.line && b.runs[n-1].span == w.span && b.x+w.width <= b.width {
		b.runs[n-1].text += w.text
		b.runs[n-1].w += w.width
		b.x += w.width
		return
	}
	b.closeRun()
	style, size := b.flow.styleOf(b.flow.spans[w.span])
	pad := float32(0)
	if style.Monospace {
		pad = codePad
	}
	for b.x+w.width+2*pad > b.width {
		runes := []rune(w.text)
		fit := b.fit(runes, b.width-b.x-2*pad, size, style)
		if fit == 0 && b.x > 0 {
			b.newLine()
			continue
		}
		fit = max(fit, 1)
		if fit >= len(runes) {
			break
		}
		head := string(runes[:fit])
		hw := fyne.MeasureText(head, size, style).Width
		b.runs = append(b.runs, run{text: head, span: w.span, style: style, size: size, x: b.x + pad, w: hw, line: b.line})
		b.x += hw + 2*pad
		b.newLine()
		w = b.fragment(w.span, string(runes[fit:]))
	}
	b.runs = append(b.runs, run{text: w.text, span: w.span, style: style, size: size, x: b.x + pad, w: w.width, line: b.line})
	b.x += w.width + 2*pad
}

// fit returns how many runes fit into a width.
func (b *lineBreaker) fit(runes []rune, width, size float32, style fyne.TextStyle) int {
	lo, hi := 0, len(runes)
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if fyne.MeasureText(string(runes[:mid]), size, style).Width <= width {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}

// closeRun measures the last run as a whole, where kerning may have made it narrower than its words.
func (b *lineBreaker) closeRun() {
	n := len(b.runs)
	if n == 0 || b.runs[n-1].line != b.line {
		return
	}
	r := &b.runs[n-1]
	w := fyne.MeasureText(r.text, r.size, r.style).Width
	b.x += w - r.w
	r.w = w
}

func (b *lineBreaker) closeLine() {
	b.closeRun()
	b.widest = max(b.widest, b.x)
}

func (b *lineBreaker) newLine() {
	b.closeLine()
	b.line++
	b.x = 0
}

// breaksAround reports whether a line may break before and after r: scripts that are written without blanks.
func breaksAround(r rune) bool {
	return r >= 0x2e80 && (unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= 0x3000 && r < 0x3040 || r >= 0xff00 && r < 0xfff0)
}

// clings reports whether r must not begin a line.
func clings(r rune) bool {
	return strings.ContainsRune("、。，．：；？！）」』】〉》〕ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ,.;:?!)]}%", r)
}
