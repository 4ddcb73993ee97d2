package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// appendPiece appends the bytes that a token stands for. Control tokens stand for nothing unless keepSpecial is
// set, when they stand for their own text.
func (t *Tokenizer) appendPiece(out []byte, id int32, keepSpecial bool) []byte {
	if id < 0 || int(id) >= len(t.model.tokens) {
		return out
	}
	text := t.model.tokens[id]
	switch t.model.kinds[id] {
	case kindControl, kindUnknown:
		if keepSpecial {
			out = append(out, text...)
		}
		return out
	case kindUser:
		return append(out, text...)
	case kindByte:
		if b, ok := parseByteName(text); ok {
			return append(out, b)
		}
		return append(out, text...)
	case kindUnused:
		return out
	}
	if !t.model.byteLevel {
		for {
			before, after, found := strings.Cut(text, spaceMark)
			out = append(out, before...)
			if !found {
				return out
			}
			out = append(out, ' ')
			text = after
		}
	}
	for _, r := range text {
		if b, ok := runeByte(r); ok {
			out = append(out, b)
		} else { // no byte-level token, whatever its type says
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

func parseByteName(text string) (byte, bool) {
	if len(text) != 6 || text[:3] != "<0x" || text[5] != '>' {
		return 0, false
	}
	hi, ok1 := hexDigit(text[3])
	lo, ok2 := hexDigit(text[4])
	return hi<<4 | lo, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// Bytes returns what a token stands for, which may be a part of a character. It is empty for control tokens and
// for ids that don't exist.
func (t *Tokenizer) Bytes(id int32) []byte { return t.appendPiece(nil, id, false) }

// Decode returns the text of tokens, without control tokens. It undoes Encode: the space that SentencePiece
// vocabularies put in front of a text is taken off. What is not valid UTF-8 becomes U+FFFD.
func (t *Tokenizer) Decode(ids []int32) string { return t.decode(ids, false) }

// DecodeSpecial is Decode with the texts of control tokens.
func (t *Tokenizer) DecodeSpecial(ids []int32) string { return t.decode(ids, true) }

func (t *Tokenizer) decode(ids []int32, keepSpecial bool) string {
	d := t.Decoder(keepSpecial)
	strip := t.spacePrefix
	var out strings.Builder
	for i, id := range ids {
		if i == 0 && t.addBOS && id == t.bos && !keepSpecial {
			continue // the space comes after it
		}
		text := d.Add(id)
		if strip {
			text = strings.TrimPrefix(text, " ")
			strip = false
		}
		out.WriteString(text)
	}
	out.WriteString(d.Flush())
	return out.String()
}

// Decoder turns tokens into text as they come. It holds back the beginning of a character until the rest is there,
// so that everything it returns is valid UTF-8. It keeps the leading space of a SentencePiece text, because it
// cannot know what the text goes on from.
type Decoder struct {
	t           *Tokenizer
	keepSpecial bool
	pending     []byte
}

// Decoder returns a new streaming decoder. With keepSpecial control tokens appear as their texts, else not at all.
func (t *Tokenizer) Decoder(keepSpecial bool) *Decoder {
	return &Decoder{t: t, keepSpecial: keepSpecial}
}

// Add returns the text that a token completes, possibly none.
func (d *Decoder) Add(id int32) string {
	d.pending = d.t.appendPiece(d.pending, id, d.keepSpecial)
	return d.take(false)
}

// Flush returns what is held back, as U+FFFD, and makes the decoder ready for another text.
func (d *Decoder) Flush() string { return d.take(true) }

func (d *Decoder) take(all bool) string {
	p := d.pending
	end := len(p)
	if !all {
		// Only the last three bytes can be the beginning of a character.
		for i := max(0, end-utf8.UTFMax+1); i < end; i++ {
			if utf8.RuneStart(p[i]) && !utf8.FullRune(p[i:]) {
				end = i
				break
			}
		}
	}
	if end == 0 {
		return ""
	}
	text := replaceInvalid(p[:end])
	d.pending = append(p[:0], p[end:]...)
	return text
}

// replaceInvalid replaces each longest part that begins a character and doesn't finish it, and each other byte that
// is no part of one, with U+FFFD (the Unicode Standard, 3.9: substitution of maximal subparts).
func replaceInvalid(p []byte) string {
	if utf8.Valid(p) {
		return string(p)
	}
	var out []byte
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && n == 1 {
			for i+n < len(p) && n < utf8.UTFMax && !utf8.FullRune(p[i:i+n]) && maximal(p[i:i+n+1]) {
				n++
			}
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return string(out)
}

// maximal says whether p, which is not a character, begins one.
func maximal(p []byte) bool { return !utf8.FullRune(p) }
