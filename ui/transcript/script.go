package transcript

import (
	"slices"
	"strings"
	"unicode"

	"burble/ui/markdown"
)

// script says which font a character needs, roughly: each but neutral and latin has one of its own, or shares it with its neighbours.
type script uint8

const (
	neutral script = iota // blanks, punctuation, digits, which every font has, and pictures
	latin                 // and Greek and Cyrillic: the window's own font
	hebrew
	arabic
	wide  // Chinese, Japanese, Korean
	other // the first of many: one for each block of 128 characters
)

// scriptOf returns the script of a character. The ranges are blocks of Unicode.
func scriptOf(r rune) script {
	switch {
	case r < 0x590:
		if unicode.IsLetter(r) {
			return latin
		}
		return neutral
	case r < 0x600, r >= 0xfb1d && r < 0xfb50:
		return hebrew
	case r < 0x900, r >= 0xfb50 && r < 0xfe00, r >= 0xfe70 && r < 0xff00:
		return arabic
	case r < 0x1e00:
		return other + script((r-0x900)>>7)
	case r < 0x2000:
		return latin
	case r < 0x2e80, r >= 0xfe00 && r < 0xfe10:
		return neutral
	case r >= 0xd800 && r < 0xf900, r >= 0x1f000 && r < 0x20000:
		return neutral
	}
	return wide
}

// leftward reports whether the script is written from right to left.
func (s script) leftward() bool { return s == hebrew || s == arabic }

// goesOn reports whether r can stand in one run with text of script s before it. It notes the script that comes up.
func (s *script) goesOn(r rune) bool {
	next := scriptOf(r)
	switch {
	case next == *s:
		return true
	case next == neutral:
		return !s.leftward() || r >= 0x80 // punctuation is put into order by itself
	case *s == neutral:
		*s = next
		return !next.leftward()
	}
	return false
}

// scriptIn returns the script of a fragment's text.
func scriptIn(text string) script {
	for _, r := range text {
		if s := scriptOf(r); s != neutral {
			return s
		}
	}
	return neutral
}

// direction says in which direction a paragraph is written.
type direction struct {
	mixed    bool // some of it is from right to left
	leftward bool // its first letter is, and so its lines begin at the right
}

func directionOf(spans []markdown.Span) (d direction) {
	first := true
	for _, s := range spans {
		if s.Style&(markdown.Mono|markdown.Math) != 0 {
			continue
		}
		for _, r := range s.Text {
			if r < 'A' {
				continue
			}
			in := scriptOf(r)
			if in == neutral {
				continue
			}
			if first {
				first, d.leftward = false, in.leftward()
			}
			if in.leftward() {
				d.mixed = true
				return d
			}
		}
	}
	return d
}

// arrange puts the runs of the line into the order in which they are seen. It is what Unicode's bidirectional algorithm (UAX #9) does
// with words, at two levels, without embeddings and overrides: neighbours from right to left change places, and what is neutral
// goes with them where it stands between them. Fyne puts the characters within a word into order.
func (b *lineBreaker) arrange() {
	from := len(b.runs)
	for from > 0 && b.runs[from-1].line == b.line {
		from--
	}
	runs := b.runs[from:]
	left := make([]bool, len(runs)) // written from right to left
	for i, r := range runs {
		switch {
		case r.piece == nil && !b.isCode(r.span) && r.in == neutral:
			before, after := b.order.leftward, b.order.leftward
			if i > 0 {
				before = left[i-1]
			}
			for _, next := range runs[i+1:] {
				if next.in != neutral || next.piece != nil {
					after = next.piece == nil && next.in.leftward() && !b.isCode(next.span)
					break
				}
			}
			if left[i] = b.order.leftward; before == after {
				left[i] = before
			}
			if left[i] {
				runs[i].text = mirrored(r.text)
			}
		default:
			left[i] = r.piece == nil && r.in.leftward() && !b.isCode(r.span)
		}
	}
	order := make([]int, len(runs))
	for i := range order {
		order[i] = i
	}
	reverse := func(which bool) {
		for i := 0; i < len(order); {
			j := i
			for j < len(order) && left[order[j]] == which {
				j++
			}
			slices.Reverse(order[i:j])
			i = max(j, i+1)
		}
	}
	if b.order.leftward {
		reverse(false)
		slices.Reverse(order)
	} else {
		reverse(true)
	}
	x := float32(0)
	for _, i := range order {
		pad := float32(0)
		if runs[i].piece == nil && b.isCode(runs[i].span) {
			pad = codePad
		}
		runs[i].x = x + pad
		x += runs[i].w + 2*pad
	}
}

// mirrored is punctuation as it is seen among words from right to left. Numbers and pictures stay as they are.
func mirrored(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r >= 0x2070 || unicode.IsDigit(r) }) {
		return text
	}
	r := []rune(text)
	slices.Reverse(r)
	const pairs = "()[]{}<>«»‹›"
	all := []rune(pairs)
	for i, c := range r {
		if at := slices.Index(all, c); at >= 0 {
			r[i] = all[at^1]
		}
	}
	return string(r)
}
