package attach

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ledongthuc/pdf"
	"golang.org/x/text/encoding/charmap"
)

// affine is the matrix [a b 0; c d 0; e f 1] that maps row vectors (ISO 32000-1, 8.3.3).
type affine [6]float64

var unit = affine{1, 0, 0, 1, 0, 0}

// then returns the matrix that does m and then n.
func (m affine) then(n affine) affine {
	return affine{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// pdfState is the part of the graphics state that text needs.
type pdfState struct {
	ctm                  affine
	font                 *pdfFont
	size, letter, word   float64
	leading, rise, scale float64
}

// show writes a string at tm, and returns tm after it.
func (p *pdfPage) show(raw string, s *pdfState, tm affine) affine {
	f := s.font
	if f == nil || raw == "" {
		return tm
	}
	width := 0.0
	for _, code := range f.codes(raw) {
		w := f.width(code)*s.size + s.letter
		if code == ' ' && !f.wide {
			w += s.word
		}
		width += w * s.scale
	}
	at := affine{1, 0, 0, 1, 0, s.rise}.then(tm).then(s.ctm)
	end := affine{1, 0, 0, 1, width, 0}.then(tm)
	after := end.then(s.ctm)
	length := math.Hypot(at[0], at[1])
	height := math.Abs(s.size) * math.Hypot(at[2], at[3])
	if !(length > 0) || !(height > 0) || math.IsInf(length+height, 0) {
		return end
	}
	along := point{at[0] / length, at[1] / length}
	base := tm.then(s.ctm) // without the rise: a raised letter stays in its line
	p.put(f.text(raw), point{base[4], base[5]}, point{after[4], after[5]}, along, height, f.estimated)
	return end
}

// put adds text that stands between two points, with the white space that goes before it.
func (p *pdfPage) put(text string, from, to, along point, height float64, estimated bool) {
	if text == "" || text == p.said && math.Hypot(from.x-p.from.x, from.y-p.from.y) < height/5 {
		return // drawn twice: for a shadow, or to look bold
	}
	p.said, p.from = text, from
	if p.text.Len() > 0 {
		dx, dy := from.x-p.last.x, from.y-p.last.y
		forth := (dx*p.along.x + dy*p.along.y) / height
		aside := math.Abs(dx*p.along.y-dy*p.along.x) / max(height, p.height)
		turned := along.x*p.along.x+along.y*p.along.y < 0.9
		all := p.text.String()
		space := strings.HasSuffix(all, " ") || strings.HasSuffix(all, "\n")
		switch {
		case turned || aside > 1.9:
			p.breakLine("\n\n")
		case aside > 0.45 || forth < -2 && !estimated:
			p.breakLine("\n")
		case space || strings.HasPrefix(text, " "):
		case estimated && p.moved && forth > 0.2-0.12*p.wide: // the longer the last string, the less is known of its end
			p.text.WriteByte(' ')
		case estimated && p.moved:
		case forth > 3:
			p.text.WriteString("  ") // columns
		case forth > 0.18:
			p.text.WriteByte(' ')
		}
	}
	p.last, p.along, p.height, p.moved = to, along, height, false
	p.wide = math.Hypot(to.x-from.x, to.y-from.y) / height
	for _, r := range text {
		if r >= 0x80 && r < 0xa0 { // codes of Windows-1252 that were taken for Latin-1
			r = charmap.Windows1252.DecodeByte(byte(r))
		}
		if s := ligature(r); s != "" {
			p.text.WriteString(s)
			continue
		}
		if r == utf8.RuneError || !unicode.IsPrint(r) && r != ' ' {
			if unicode.IsSpace(r) {
				p.text.WriteByte(' ')
			}
			continue
		}
		p.text.WriteRune(r)
	}
	if p.text.Len() > p.most {
		panic(stopped{})
	}
}

// ligature returns the letters of one that is drawn as one: models know words by their letters.
func ligature(r rune) string {
	switch r {
	case 'ﬀ':
		return "ff"
	case 'ﬁ':
		return "fi"
	case 'ﬂ':
		return "fl"
	case 'ﬃ':
		return "ffi"
	case 'ﬄ':
		return "ffl"
	}
	return ""
}

func (p *pdfPage) breakLine(with string) {
	all := p.text.String()
	for strings.HasSuffix(all, "\n") && with != "" {
		all, with = all[:len(all)-1], with[1:]
	}
	p.text.WriteString(with)
}

// pdfFont is a font as far as the reading of text needs it.
type pdfFont struct {
	encoder   pdf.TextEncoding
	wide      bool // codes are of two bytes
	first     int
	widths    []float64       // of the codes from first on, in 1/1000 of the size
	wideWidth map[int]float64 // the same of a wide font
	otherwise float64
	estimated bool // the font says no widths
}

const maxWidths = 1 << 16

func newPDFFont(v pdf.Value) *pdfFont {
	f := &pdfFont{otherwise: 500}
	lib := pdf.Font{V: v}
	f.encoder = lib.Encoder()
	if v.Key("Subtype").Name() == "Type0" {
		f.wide = true
		f.readWide(v.Key("DescendantFonts").Index(0))
		return f
	}
	f.first = int(v.Key("FirstChar").Int64())
	list := v.Key("Widths")
	for i := range min(list.Len(), maxWidths) {
		f.widths = append(f.widths, list.Index(i).Float64())
	}
	f.estimated = len(f.widths) == 0
	if m := v.Key("FontMatrix"); m.Len() == 6 && v.Key("Subtype").Name() == "Type3" { // whose widths are in a space of their own
		for i := range f.widths {
			f.widths[i] *= 1000 * m.Index(0).Float64()
		}
	}
	return f
}

// readWide reads the widths of a composite font: "W" lists "first [w w w]" and "first last w" (ISO 32000-1, 9.7.4.3).
func (f *pdfFont) readWide(v pdf.Value) {
	f.otherwise, f.wideWidth = 1000, map[int]float64{}
	if d := v.Key("DW"); !d.IsNull() {
		f.otherwise = d.Float64()
	}
	list := v.Key("W")
	for i := 0; i+1 < list.Len() && len(f.wideWidth) < maxWidths; {
		first := int(list.Index(i).Int64())
		if second := list.Index(i + 1); second.Kind() == pdf.Array {
			for k := range min(second.Len(), maxWidths) {
				f.wideWidth[first+k] = second.Index(k).Float64()
			}
			i += 2
			continue
		}
		last := int(list.Index(i + 1).Int64())
		for code := first; code <= last && code-first < maxWidths; code++ {
			f.wideWidth[code] = list.Index(i + 2).Float64()
		}
		i += 3
	}
}

// codes returns the character codes of a string.
func (f *pdfFont) codes(raw string) []int {
	var list []int
	if f.wide {
		for i := 0; i+1 < len(raw); i += 2 {
			list = append(list, int(raw[i])<<8|int(raw[i+1]))
		}
		return list
	}
	for i := range len(raw) {
		list = append(list, int(raw[i]))
	}
	return list
}

// width returns how wide a letter is, as a share of the font's size.
func (f *pdfFont) width(code int) float64 {
	switch {
	case f.wide:
		if w, ok := f.wideWidth[code]; ok {
			return w / 1000
		}
	case f.estimated: // one of the fonts that every viewer has: about as Helvetica and Times are
		return estimate(rune(code))
	case code >= f.first && code-f.first < len(f.widths):
		return f.widths[code-f.first] / 1000
	}
	return f.otherwise / 1000
}

func estimate(r rune) float64 {
	switch {
	case strings.ContainsRune("ijlIft.,;:'!|() -r[]", r):
		return 0.3
	case strings.ContainsRune("mwMW@%", r):
		return 0.83
	case r >= 'A' && r <= 'Z':
		return 0.68
	}
	return 0.5
}

func (f *pdfFont) text(raw string) string { return f.encoder.Decode(raw) }
