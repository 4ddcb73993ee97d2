package tokenizer

import (
	"fmt"
	"math"
	"strings"

	"burble/gguf"
)

// model is what the file knows about joining symbols to tokens.
//
// A symbol is a token's id, or, from len(tokens) on, a text that merges lead through without there being a token
// for it; -1 is a symbol that takes no part in any merge.
type model struct {
	*vocabulary
	byteLevel  bool // symbols are bytes, spelt in GPT-2's alphabet; else characters
	byScore    bool // SentencePiece: any two symbols join whose text is a token; the highest score first
	merges     pairs
	extra      []string // texts of the symbols without tokens
	extraIndex map[string]int32
	byteSymbol [256]int32 // for byteLevel
	byteToken  [256]int32 // fallback for what is not in the vocabulary; -1 where there is none
	longest    int        // bytes of the longest token
	unknown    int32      // or -1
	// innerSpace says that some token holds a ▁ after another character, so that merges can cross words.
	innerSpace bool
	alone      [256]bool // ASCII white space that is in no token but its own; SentencePiece only
}

const spaceMark = "▁" // U+2581, SentencePiece's spelling of the space

// join returns the priority of joining two neighbouring symbols, whose text together is span, and what they become.
func (m *model) join(left, right int32, span string) (uint32, int32) {
	if !m.byScore {
		if left < 0 || right < 0 {
			return noPair, -1
		}
		return m.merges.find(left, right)
	}
	if len(span) > m.longest {
		return noPair, -1
	}
	id := m.find(span)
	if id < 0 {
		return noPair, -1
	}
	return descending(m.scores[id]), id
}

// descending maps floats to integers of the opposite order, all of them below noPair.
func descending(f float32) uint32 {
	bits := math.Float32bits(f)
	if bits>>31 != 0 {
		bits = ^bits
	} else {
		bits |= 1 << 31
	}
	return min(^bits, noPair-1)
}

// symbol returns the symbol of a text, or -1.
func (m *model) symbol(text string) int32 {
	if id := m.find(text); id >= 0 {
		return id
	}
	if id, ok := m.extraIndex[text]; ok {
		return id
	}
	return -1
}

// intern is symbol, which it makes where there is none.
func (m *model) intern(text string) int32 {
	id := m.symbol(text)
	if id < 0 {
		id = int32(len(m.tokens) + len(m.extra))
		m.extra = append(m.extra, text)
		if m.extraIndex == nil {
			m.extraIndex = make(map[string]int32)
		}
		m.extraIndex[text] = id
	}
	return id
}

// newMerges makes a model of the file's list of merges, each two symbols with a space between them.
func newMerges(v *vocabulary, md *gguf.Metadata, byteLevel bool) (*model, error) {
	merges, ok := md.Strings("tokenizer.ggml.merges")
	if !ok {
		return nil, fmt.Errorf("the file has a BPE vocabulary but no merges (tokenizer.ggml.merges): convert the model again with its tokenizer")
	}
	m := &model{vocabulary: v, byteLevel: byteLevel, unknown: -1}
	m.merges.init(len(merges))
	var joined []byte
	guess := int32(-1)
	for rank, text := range merges {
		// A symbol may itself be a space, never the empty text.
		cut := -1
		if len(text) > 1 {
			cut = strings.IndexByte(text[1:], ' ') + 1
		}
		if cut <= 0 || cut == len(text)-1 {
			return nil, fmt.Errorf("merge %d, %q, is not two symbols with a space between them: the file is damaged, download it again", rank, text)
		}
		left, right := text[:cut], text[cut+1:]
		a, b := m.intern(left), m.intern(right)
		// Merges mostly make tokens in the order of their ids.
		guess++
		if int(guess) >= len(v.tokens) || !isConcat(v.tokens[guess], left, right) {
			joined = append(append(joined[:0], left...), right...)
			guess = v.find(string(joined))
			if guess < 0 {
				guess = m.intern(string(joined))
			}
		}
		m.merges.insert(a, b, uint32(rank), guess)
		if !byteLevel && !m.innerSpace {
			m.innerSpace = crossesWords(left + right)
		}
	}
	for b := range 256 {
		if byteLevel {
			spelt := string(byteRune(byte(b)))
			m.byteToken[b] = v.find(spelt)
			m.byteSymbol[b] = m.symbol(spelt)
		} else {
			m.byteToken[b] = v.find(byteName(byte(b)))
		}
	}
	return m, nil
}

// isConcat says whether s is a followed by b.
func isConcat(s, a, b string) bool {
	return len(s) == len(a)+len(b) && s[:len(a)] == a && s[len(a):] == b
}

// newScores makes a SentencePiece model.
func newScores(v *vocabulary) (*model, error) {
	if v.scores == nil {
		return nil, fmt.Errorf("the file has a SentencePiece vocabulary but no scores (tokenizer.ggml.scores): convert the model again with its tokenizer")
	}
	m := &model{vocabulary: v, byScore: true, unknown: -1}
	m.alone['\n'], m.alone['\r'], m.alone['\t'] = true, true, true
	for _, t := range v.tokens {
		for i := range len(t) {
			if t[i] < ' ' && len(t) > 1 {
				m.alone[t[i]] = false
			}
		}
		m.longest = max(m.longest, len(t))
		m.innerSpace = m.innerSpace || crossesWords(t)
	}
	for b := range 256 {
		m.byteToken[b] = v.find(byteName(byte(b)))
		if m.byteToken[b] < 0 {
			m.byteToken[b] = v.find(string([]byte{byte(b)}))
		}
	}
	return m, nil
}

// crossesWords says whether a text has a ▁ after another character.
func crossesWords(text string) bool {
	return strings.Contains(strings.TrimLeft(text, spaceMark), spaceMark)
}

func byteName(b byte) string { return fmt.Sprintf("<0x%02X>", b) }

// appendTokens appends the tokens of the symbols that m holds for piece.
func (m *merger) appendTokens(out []int32, piece string) []int32 {
	for i, id := range m.id {
		if id >= 0 && int(id) < len(m.model.tokens) {
			out = append(out, id)
			continue
		}
		out = m.model.appendBytes(out, piece[m.start[i]:m.start[i+1]])
	}
	return out
}

// appendBytes appends the tokens of single bytes. A byte without one becomes the unknown token, or nothing.
func (m *model) appendBytes(out []int32, text string) []int32 {
	for i := range len(text) {
		if id := m.byteToken[text[i]]; id >= 0 {
			out = append(out, id)
		} else if m.unknown >= 0 {
			out = append(out, m.unknown)
		}
	}
	return out
}

// byteRune returns the character that GPT-2's alphabet spells a byte with (openai/gpt-2, encoder.py): printable
// Latin-1 stands for itself, the other 68 bytes follow from U+0100 on.
func byteRune(b byte) rune {
	switch {
	case '!' <= b && b <= '~', 0xa1 <= b && b <= 0xac, 0xae <= b:
		return rune(b)
	case b <= ' ':
		return 0x100 + rune(b)
	case b <= 0xa0: // 0x7F to 0xA0
		return 0x100 + 33 + rune(b-0x7f)
	}
	return 0x100 + 67 // 0xAD
}

// runeByte is the inverse of byteRune.
func runeByte(r rune) (byte, bool) {
	switch {
	case r < 0x100:
		return byte(r), byteRune(byte(r)) == r
	case r <= 0x120:
		return byte(r - 0x100), true
	case r <= 0x142:
		return byte(r - 0x100 - 33 + 0x7f), true
	case r == 0x143:
		return 0xad, true
	}
	return 0, false
}
