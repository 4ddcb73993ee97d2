package transcript

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"fyne.io/fyne/v2"

	"burble/ui/tex"
)

// lineBreaker breaks spans into lines. Words are the units: what stands between blanks, whatever its styles.
type lineBreaker struct {
	flow   *flow
	width  float32
	runs   []run
	line   int
	x      float32 // end of the line so far
	widest float32
	enough float32    // a line this wide ends it all; 0: none does
	word   []fragment // of the word being collected
	blank  fragment   // the blank before it
	order  direction  // of the paragraph
}

// fragment is a piece of a word in one style.
type fragment struct {
	span  int
	text  string
	width float32
	piece *piece // a formula, or a part of one
	in    script
}

// piece is the part of a formula that stands on one line. Lengths are in ems.
type piece struct {
	formula     *tex.Formula
	left, right float32
	em          float32
}

// maxFragment bounds a fragment in bytes: a word of a megabyte must not be measured as a whole for each of its lines.
const maxFragment = 200

func (b *lineBreaker) run() {
	b.order = directionOf(b.flow.spans)
	for i, s := range b.flow.spans {
		if f := b.flow.formula(i); f != nil {
			b.math(i, f)
			continue
		}
		b.span(i, s.Text)
	}
	b.flush()
	b.closeLine()
}

func (b *lineBreaker) span(i int, text string) {
	for len(text) > 0 && (b.enough == 0 || b.x < b.enough) {
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
			in := scriptOf(r)
			for end < len(text) {
				r, n := utf8.DecodeRuneInString(text[end:])
				if r == '\n' || r == ' ' || r == '\t' || breaksAround(r) || !in.goesOn(r) {
					break
				}
				if end >= maxFragment { // measured at once, and again for each line that a longer one would take
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

// math adds a formula. It is a word, or a part of one, as long as it fits on a line; else it is cut where TeX would
// cut it, after relations and operators, and made smaller where that is not enough.
func (b *lineBreaker) math(i int, f *tex.Formula) {
	em := b.flow.look.size * mathScale
	room := b.width - 2*mathPad
	if f.Width*em <= room {
		b.word = append(b.word, mathFragment(i, &piece{f, 0, f.Width, em}))
		return
	}
	b.flush()
	for left := float32(0); left < f.Width; {
		right := f.Width
		if (right-left)*em > room {
			for _, at := range f.Breaks {
				if at > left && ((at-left)*em <= room || right == f.Width) {
					right = at
				}
			}
		}
		b.word = append(b.word, mathFragment(i, &piece{f, left, right, min(em, room/(right-left))}))
		left = right
		if left < f.Width {
			b.flush()
		}
	}
}

func mathFragment(span int, p *piece) fragment {
	return fragment{span: span, text: "\u00a0", width: (p.right-p.left)*p.em + 2*mathPad, piece: p}
}

func (b *lineBreaker) fragment(span int, text string) fragment {
	style, size := b.flow.styleOf(span)
	return fragment{span: span, text: text, width: fyne.MeasureText(text, size, style).Width, in: scriptIn(text)}
}

func (b *lineBreaker) isCode(span int) bool { return b.flow.mono(span) }

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
		if w.piece == nil && b.isCode(w.span) && (i == 0 || b.word[i-1].span != w.span) {
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
	if w.piece != nil {
		b.closeRun()
		if b.x > 0 && b.x+w.width > b.width {
			b.newLine()
		}
		b.runs = append(b.runs, run{span: w.span, piece: w.piece, x: b.x, w: w.width, line: b.line})
		b.x += w.width
		return
	}
	if n := len(b.runs); n > 0 && b.continues(b.runs[n-1], w) {
		r := &b.runs[n-1]
		r.text += w.text
		r.w += w.width
		r.in = max(r.in, w.in)
		b.x += w.width
		return
	}
	b.closeRun()
	style, size := b.flow.styleOf(w.span)
	pad := float32(0)
	if b.isCode(w.span) {
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
		b.runs = append(b.runs, run{text: head, span: w.span, style: style, size: size, x: b.x + pad, w: hw, line: b.line, in: w.in})
		b.x += hw + 2*pad
		b.newLine()
		w = b.fragment(w.span, string(runes[fit:]))
	}
	b.runs = append(b.runs, run{text: w.text, span: w.span, style: style, size: size, x: b.x + pad, w: w.width, line: b.line, in: w.in})
	b.x += w.width + 2*pad
}

// continues reports whether a fragment can be drawn in one piece with the run before it.
func (b *lineBreaker) continues(r run, w fragment) bool {
	if r.piece != nil || r.line != b.line || r.span != w.span || b.x+w.width > b.width {
		return false
	}
	if b.isCode(w.span) {
		return true
	}
	if b.order.mixed { // words are put into order by themselves
		return r.in == w.in && r.in != neutral
	}
	return (r.in == w.in || r.in == neutral || w.in == neutral) && !partsFonts(r.text, w.text)
}

// partsFonts reports whether text ends with an arrow or the sign of a key, and what follows is a blank. Fyne draws a
// blank in the font of the character before it, and the one that it has for these has none, and would show a box.
func partsFonts(text, next string) bool {
	if next[0] != ' ' {
		return false
	}
	r, _ := utf8.DecodeLastRuneInString(text)
	return r >= 0x2190 && r < 0x2200 || r >= 0x2300 && r < 0x2400
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
	if n == 0 || b.runs[n-1].line != b.line || b.runs[n-1].piece != nil {
		return
	}
	r := &b.runs[n-1]
	w := fyne.MeasureText(r.text, r.size, r.style).Width
	b.x += w - r.w
	r.w = w
}

func (b *lineBreaker) closeLine() {
	b.widest = max(b.widest, b.x) // what the line must be wide for not to be broken, before its last run is measured as a whole
	b.closeRun()
	b.widest = max(b.widest, b.x)
	if b.order.mixed {
		b.arrange()
	}
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
