package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// A matcher finds one match of a pre-tokenizer's pattern. It returns the end of the match that starts at s[i], or,
// where none does, the complement (^p) of a position p > i before which none starts. s is valid UTF-8.
type matcher func(s string, i int) int

// split cuts s by the stages, one after the other: each cuts the pieces of the one before it into its matches and
// what lies between them. emit gets the pieces in order.
func split(s string, stages []matcher, emit func(piece string)) {
	if len(stages) == 0 {
		emit(s)
		return
	}
	match, rest := stages[0], stages[1:]
	gap := 0
	for i := 0; i < len(s); {
		end := match(s, i)
		if end < 0 {
			i = ^end
			continue
		}
		if gap < i {
			split(s[gap:i], rest, emit)
		}
		split(s[i:end], rest, emit)
		i, gap = end, end
	}
	if gap < len(s) {
		split(s[gap:], rest, emit)
	}
}

// contraction returns the length of 's, 't, 'm, 'd, 're, 've or 'll at s[i], or 0.
func contraction(s string, i int, fold bool) int {
	if i+1 >= len(s) || s[i] != '\'' {
		return 0
	}
	var bits byte
	if fold {
		bits = 0x20
	}
	// With fold, |0x20 turns capitals into small letters, and no other byte into one of the letters below.
	a := s[i+1] | bits
	switch a {
	case 's', 't', 'm', 'd':
		return 2
	}
	if i+2 < len(s) {
		b := s[i+2] | bits
		if a == 'r' && b == 'e' || a == 'v' && b == 'e' || a == 'l' && b == 'l' {
			return 3
		}
	}
	return 0
}

// trailing returns the end of \s+(?!\S)|\s+ at s[i], the run of white space being s[i:end].
func trailing(s string, i, end int) int {
	if end == len(s) {
		return end
	}
	_, n := utf8.DecodeLastRuneInString(s[i:end])
	if end-n > i {
		return end - n
	}
	return end
}

// whitespace returns the end of \s*[\r\n]+|\s+(?!\S)|\s+ at s[i], which is white space.
func whitespace(s string, i int) int {
	end := run(s, i, space)
	for p := end - 1; p >= i; p-- {
		if isNewline(s[p]) {
			return p + 1
		}
	}
	return trailing(s, i, end)
}

// matchGPT2 is the pattern of GPT-2 (openai/gpt-2, encoder.py):
// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func matchGPT2(s string, i int) int {
	if n := contraction(s, i, false); n > 0 {
		return i + n
	}
	j := i
	k, n := classAt(s, i)
	if s[i] == ' ' && i+1 < len(s) {
		j = i + 1
		k, n = classAt(s, j)
	}
	switch {
	case k&letter != 0:
		return run(s, j+n, letter)
	case k&number != 0:
		return run(s, j+n, number)
	case k&space == 0:
		return runNot(s, j+n, space|letter|number)
	}
	return trailing(s, i, run(s, i, space))
}

// words is the pattern that GPT-4's cl100k introduced, with what models vary in it:
// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
type words struct {
	marks   bool // marks belong to words instead of to punctuation
	digits  int  // most digits in a piece; 0 is no limit
	tail    tail // what may follow punctuation
	phrases bool // a word goes on after a single space: (?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+
}

// tail says which characters a piece of punctuation takes along.
type tail uint8

const (
	tailNewlines tail = iota // [\r\n]*
	tailSlashes              // [\r\n/]*
	tailOne                  // [\r\n/]?
	tailNone
)

func (t tail) end(s string, i int) int {
	switch t {
	case tailNone:
		return i
	case tailOne:
		if i < len(s) && (isNewline(s[i]) || s[i] == '/') {
			i++
		}
		return i
	}
	for i < len(s) && (isNewline(s[i]) || t == tailSlashes && s[i] == '/') {
		i++
	}
	return i
}

func (w words) match(s string, i int) int {
	c := s[i]
	if n := contraction(s, i, true); n > 0 {
		return i + n
	}
	word := letter
	if w.marks {
		word |= mark
	}
	k, n := classAt(s, i)
	if k&word != 0 {
		return w.word(s, i, word)
	}
	if k&number != 0 {
		return runMax(s, i, number, w.digits)
	}
	var next class // of the code point after this one, if any
	if i+n < len(s) {
		next, _ = classAt(s, i+n)
		if next&word != 0 && !isNewline(c) {
			return w.word(s, i+n, word)
		}
	}
	if k&space == 0 {
		return w.tail.end(s, runNot(s, i+n, space|number|word))
	}
	if c == ' ' && i+1 < len(s) && next&(space|number|word) == 0 {
		return w.tail.end(s, runNot(s, i+1, space|number|word))
	}
	return whitespace(s, i)
}

func (w words) word(s string, i int, word class) int {
	if !w.phrases {
		return run(s, i, word)
	}
	for {
		i = run(s, run(s, i, letter), mark)
		if i < len(s) {
			if k, _ := classAt(s, i); k&letter != 0 {
				continue
			}
		}
		if i+1 >= len(s) || s[i] != ' ' {
			return i
		}
		if k, _ := classAt(s, i+1); k&letter == 0 {
			return i
		}
		i++
	}
}

// cased is the pattern of GPT-4o's o200k, where a word starts anew at a capital (source: the tokenizer.json of
// models that use it; K2's is in its tokenization_kimi.py):
//
//	[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
type cased struct {
	plain  bool // no contraction at a word's end
	digits int  // most digits in a piece
	tail   tail
	han    bool // Chinese characters are pieces of their own: [\p{Han}]+ comes first
}

func (w cased) match(s string, i int) int {
	if w.han {
		if end := runHan(s, i); end > i {
			return end
		}
	}
	c := s[i]
	k, n := classAt(s, i)
	if end := w.word(s, i, k, n); end > i {
		if w.plain {
			return end
		}
		return end + contraction(s, end, true)
	}
	if k&number != 0 {
		return runMax(s, i, number, w.digits)
	}
	if k&(space|letter) == 0 {
		return w.tail.end(s, runNot(s, i+n, space|letter|number))
	}
	if c == ' ' && i+1 < len(s) {
		if next, _ := classAt(s, i+1); next&(space|letter|number) == 0 {
			return w.tail.end(s, runNot(s, i+1, space|letter|number))
		}
	}
	if k&space == 0 {
		return ^(i + n) // only a letter that han excludes
	}
	return whitespace(s, i)
}

// word returns the end of a word at s[i], without its contraction, or -1. The regular expression's order is: lower
// case at the end, with a leading sign and then without; all capitals, with a leading sign and then without. Only
// a mark can be either the leading sign or part of the word.
func (w cased) word(s string, i int, k class, n int) int {
	if k&(letter|number) != 0 || isNewline(s[i]) {
		end, _ := w.letters(s, i)
		return end
	}
	end, low := w.letters(s, i+n)
	if low {
		return end
	}
	if k&mark != 0 {
		if end, low := w.letters(s, i); low {
			return end
		}
	}
	return end
}

// letters matches [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+ at s[i] and reports low, or else
// [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+; end is -1 where neither matches.
func (w cased) letters(s string, i int) (end int, low bool) {
	both := -1 // end of the last code point that is in both sets
	j := i
	for j < len(s) {
		k, n := w.classAt(s, j)
		if k&(upper|other|mark) == 0 {
			if k&lower != 0 {
				for j < len(s) {
					if k, n = w.classAt(s, j); k&(lower|other|mark) == 0 {
						break
					}
					j += n
				}
				return j, true
			}
			break
		}
		j += n
		if k&upper == 0 {
			both = j
		}
	}
	// The first set took everything: it gives back until the second one has a code point.
	if both >= 0 {
		return both, true
	}
	if j > i {
		return j, false
	}
	return -1, false
}

// classAt is the function classAt, less the letters that han excludes.
func (w cased) classAt(s string, i int) (class, int) {
	if w.han && s[i] >= utf8.RuneSelf {
		if r, n := utf8.DecodeRuneInString(s[i:]); unicode.Is(unicode.Han, r) {
			return 0, n
		}
	}
	return classAt(s, i)
}

func runHan(s string, i int) int {
	for i < len(s) && s[i] >= utf8.RuneSelf {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !unicode.Is(unicode.Han, r) {
			break
		}
		i += n
	}
	return i
}
