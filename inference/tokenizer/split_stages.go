package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Stages of pre-tokenizers that cut a text several times, each on the pieces of the one before.

// matchNumbers is \p{N}{1,limit}; limit 0 is \p{N}+.
func matchNumbers(limit int) matcher {
	return func(s string, i int) int {
		if end := runMax(s, i, number, limit); end > i {
			return end
		}
		return ^runNot(s, i, number)
	}
}

// matchTriples is [0-9][0-9][0-9].
func matchTriples(s string, i int) int {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	if i+3 <= len(s) && digit(s[i]) && digit(s[i+1]) && digit(s[i+2]) {
		return i + 3
	}
	i++
	for i < len(s) && !digit(s[i]) {
		i++
	}
	return ^i
}

// matchThousands cuts a run of numbers into groups of three from the right: 1234567 becomes 1, 234, 567.
func matchThousands(s string, i int) int {
	if k, _ := classAt(s, i); k&number == 0 {
		return ^runNot(s, i, number)
	}
	// Inside a run the groups before this one have set the alignment; counting again would be quadratic.
	if r, _ := utf8.DecodeLastRuneInString(s[:i]); i > 0 && classOf(r)&number != 0 {
		return runMax(s, i, number, 3)
	}
	end := run(s, i, number)
	first := utf8.RuneCountInString(s[i:end]) % 3
	if first == 0 {
		first = 3
	}
	return runMax(s, i, number, first)
}

// matchDigits is \d{1,3}(?=(?:\d{3})*\b): it cuts a run of decimal digits into groups of three from the right, but
// leaves out one that a letter, a mark or an underscore follows.
func matchDigits(s string, i int) int {
	n := digitAt(s, i)
	if n == 0 {
		_, n = classAt(s, i)
		return ^(i + n)
	}
	group := 3
	if r, _ := utf8.DecodeLastRuneInString(s[:i]); i == 0 || !unicode.IsDigit(r) {
		end, count := i, 0
		for ; n > 0; n = digitAt(s, end) {
			end += n
			count++
		}
		if end < len(s) && isWord(s, end) {
			return ^end
		}
		if count%3 != 0 {
			group = count % 3
		}
	}
	for ; group > 0; group-- {
		i += digitAt(s, i)
	}
	return i
}

// digitAt returns the length of the decimal digit at s[i], or 0.
func digitAt(s string, i int) int {
	if i >= len(s) {
		return 0
	}
	if r, n := utf8.DecodeRuneInString(s[i:]); unicode.IsDigit(r) {
		return n
	}
	return 0
}

// isWord says whether \w matches at s[i].
func isWord(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return classOf(r)&(letter|mark) != 0 || unicode.In(r, unicode.Nd, unicode.Nl, unicode.Pc)
}

// matchLines is [^\n]+|[\n]+.
func matchLines(s string, i int) int {
	if s[i] == '\n' {
		for i < len(s) && s[i] == '\n' {
			i++
		}
		return i
	}
	if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(s)
}

// matchNewline is [\r\n].
func matchNewline(s string, i int) int {
	if isNewline(s[i]) {
		return i + 1
	}
	if n := strings.IndexAny(s[i:], "\r\n"); n >= 0 {
		return ^(i + n)
	}
	return ^len(s)
}

// matchTrailingSpace is \s+$.
func matchTrailingSpace(s string, i int) int {
	start := len(s)
	for start > i {
		r, n := utf8.DecodeLastRuneInString(s[:start])
		if classOf(r)&space == 0 {
			break
		}
		start -= n
	}
	if start == i {
		return len(s)
	}
	return ^start
}

// matchClass is \s?[set]+ with spaced, else [set]+, for a set of properties and single characters.
func matchClass(set class, extra string, spaced bool) matcher {
	in := func(s string, i int) (bool, int) {
		k, n := classAt(s, i)
		return k&set != 0 || strings.Contains(extra, s[i:i+n]), n
	}
	return matchSet(in, spaced)
}

// matchRanges is the same for a set of ranges of characters, written as in a regular expression's brackets:
// "a-zµ" holds a to z and µ. A literal "-" comes first.
func matchRanges(set string, spaced bool) matcher {
	ranges := parseRanges(set)
	return matchSet(func(s string, i int) (bool, int) {
		r, n := utf8.DecodeRuneInString(s[i:])
		return inRanges(ranges, r), n
	}, spaced)
}

func matchSet(in func(s string, i int) (bool, int), spaced bool) matcher {
	return func(s string, i int) int {
		start, j := i, i
		if spaced {
			if k, n := classAt(s, i); k&space != 0 {
				j += n
			}
		}
		for end := j; ; {
			ok, n := false, 0
			if end < len(s) {
				ok, n = in(s, end)
			}
			if ok {
				end += n
				continue
			}
			if end > j {
				return end
			}
			break
		}
		if j > start {
			// The white space itself may be in the set.
			if ok, n := in(s, start); ok {
				return start + n
			}
		}
		_, n := classAt(s, start)
		return ^(start + n)
	}
}

// matchRuns is [a]+|[b]+|… for sets of ranges that have no character in common.
func matchRuns(sets ...string) matcher {
	parsed := make([][]runeRange, len(sets))
	for i, s := range sets {
		parsed[i] = parseRanges(s)
	}
	return func(s string, i int) int {
		r, n := utf8.DecodeRuneInString(s[i:])
		for _, set := range parsed {
			if !inRanges(set, r) {
				continue
			}
			for i += n; i < len(s); i += n {
				if r, n = utf8.DecodeRuneInString(s[i:]); !inRanges(set, r) {
					break
				}
			}
			return i
		}
		return ^(i + n)
	}
}

type runeRange struct{ lo, hi rune }

func parseRanges(set string) []runeRange {
	var out []runeRange
	runes := []rune(set)
	for i := 0; i < len(runes); i++ {
		r := runeRange{runes[i], runes[i]}
		if i+2 < len(runes) && runes[i+1] == '-' {
			r.hi = runes[i+2]
			i += 2
		}
		out = append(out, r)
	}
	return out
}

func inRanges(ranges []runeRange, r rune) bool {
	for _, x := range ranges {
		if x.lo <= r && r <= x.hi {
			return true
		}
	}
	return false
}

// matchBloom is BLOOM's ` ?[^(\s|.,!?…。，、।۔،)]+`.
func matchBloom(s string, i int) int {
	start := i
	if s[i] == ' ' {
		i++
	}
	begin := i
	for i < len(s) {
		k, n := classAt(s, i)
		if k&space != 0 || strings.Contains("(|.,!?…。，、।۔،)", s[i:i+n]) {
			break
		}
		i += n
	}
	if i > begin {
		return i
	}
	_, n := classAt(s, start)
	return ^(start + n)
}

// matchDeepSeek is the last stage of DeepSeek-V3 (its tokenizer.json):
// [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*
// |\s*[\r\n]+|\s+(?!\S)|\s+
func matchDeepSeek(s string, i int) int {
	c := s[i]
	k, n := classAt(s, i)
	if c < utf8.RuneSelf && k&(punct|symbol) != 0 {
		j := i + 1
		for j < len(s) && (s[j]|0x20) >= 'a' && (s[j]|0x20) <= 'z' {
			j++
		}
		if j > i+1 {
			return j
		}
	}
	if k&(letter|mark) != 0 {
		return run(s, i, letter|mark)
	}
	var next class
	if i+n < len(s) {
		next, _ = classAt(s, i+n)
		if next&(letter|mark) != 0 && k&(punct|symbol) == 0 && !isNewline(c) {
			return run(s, i+n, letter|mark)
		}
	}
	if k&(punct|symbol) != 0 {
		return tailNewlines.end(s, run(s, i, punct|symbol))
	}
	if c == ' ' && next&(punct|symbol) != 0 {
		return tailNewlines.end(s, run(s, i+1, punct|symbol))
	}
	if k&space != 0 {
		return whitespace(s, i)
	}
	return ^(i + n)
}
