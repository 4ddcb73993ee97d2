package tokenizer

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// encoder is the state of one Encode: the output, the working memory of merges, and the cache.
type encoder struct {
	t       *Tokenizer
	merger  merger
	out     []int32
	cache   []cacheEntry
	spelled []byte
	piece   func(string) // the method encodePiece, made once because making it allocates
}

// The cache maps pieces of at most 15 bytes to at most five tokens. Each piece has one place, where it replaces what
// was there, so the size is fixed: 32,768 entries of 40 bytes.
const (
	cacheBits  = 15
	cacheBytes = 15
	cacheIDs   = 5
)

type cacheEntry struct {
	lo, hi uint64 // the bytes of the piece, and in the upper byte of hi its length; 0 is free
	n      uint32
	ids    [cacheIDs]int32
}

func newEncoder(t *Tokenizer) *encoder {
	e := &encoder{t: t, merger: merger{model: t.model}, cache: make([]cacheEntry, 1<<cacheBits)}
	e.piece = e.encodePiece
	return e
}

// text encodes a text without special tokens. first says that it begins the whole text or follows a special token.
func (e *encoder) text(s string, first bool) {
	t := e.t
	if t.model.byteLevel {
		s = validUTF8(s)
		if len(t.pre.stages) == 1 {
			e.single(s, t.pre.stages[0])
		} else {
			split(s, t.pre.stages, e.piece)
		}
		return
	}
	if t.squeeze {
		s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
	}
	if t.spacePrefix && first {
		s = " " + s
	}
	s = strings.ReplaceAll(s, " ", spaceMark)
	if t.pre.raw {
		split(validUTF8(s), t.pre.stages, e.piece)
		return
	}
	e.encodePiece(s)
}

// single is split for one stage, which most vocabularies have.
func (e *encoder) single(s string, match matcher) {
	gap := 0
	for i := 0; i < len(s); {
		end := match(s, i)
		if end < 0 {
			i = ^end
			continue
		}
		if gap < i {
			e.encodePiece(s[gap:i])
		}
		e.encodePiece(s[i:end])
		i, gap = end, end
	}
	if gap < len(s) {
		e.encodePiece(s[gap:])
	}
}

// encodePiece appends the tokens of a piece that the pre-tokenizer cut.
func (e *encoder) encodePiece(s string) {
	if e.t.model.byteLevel || e.t.model.innerSpace {
		e.word(s)
		return
	}
	// No token goes across the beginning of a word, so no merge does either, and words can be taken one by one.
	for start := 0; start < len(s); {
		end := start
		for strings.HasPrefix(s[end:], spaceMark) {
			end += len(spaceMark)
		}
		if n := strings.Index(s[end:], spaceMark); n >= 0 {
			end += n
		} else {
			end = len(s)
		}
		e.word(s[start:end])
		start = end
	}
}

// word appends the tokens of a text that no merge crosses the ends of.
func (e *encoder) word(s string) {
	if len(s) > cacheBytes {
		e.out = e.compute(e.out, s)
		return
	}
	lo, hi := cacheKey(s)
	h := (lo ^ hi*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	entry := &e.cache[h>>(64-cacheBits)]
	if entry.lo == lo && entry.hi == hi {
		e.out = append(e.out, entry.ids[:entry.n]...)
		return
	}
	from := len(e.out)
	e.out = e.compute(e.out, s)
	if ids := e.out[from:]; len(ids) <= cacheIDs {
		entry.lo, entry.hi, entry.n = lo, hi, uint32(copy(entry.ids[:], ids))
	}
}

// cacheKey packs at most 15 bytes and their number.
func cacheKey(s string) (lo, hi uint64) {
	var b [16]byte
	copy(b[:], s)
	b[15] = byte(len(s))
	return binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])
}

func (e *encoder) compute(out []int32, s string) []int32 {
	t := e.t
	if t.pre.ignoreMerges || t.pre.wholeLines && s[0] == '\n' {
		if id := e.findPiece(s); id >= 0 {
			return append(out, id)
		}
	}
	e.merger.load(s)
	e.merger.merge(s)
	return e.merger.appendTokens(out, s)
}

// findPiece returns the token that is spelt like a piece, or -1.
func (e *encoder) findPiece(s string) int32 {
	m := e.t.model
	if !m.byteLevel {
		return m.find(s)
	}
	const longest = 1024 // no token is longer, but a piece may be megabytes
	if len(s) > longest {
		return -1
	}
	e.spelled = e.spelled[:0]
	for i := range len(s) {
		e.spelled = utf8.AppendRune(e.spelled, byteRune(s[i]))
	}
	return m.find(string(e.spelled))
}
