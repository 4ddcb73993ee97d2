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

// The cache maps pieces of at most 23 bytes to at most seven tokens. Each piece has one place, where it replaces what
// was there, so the size is fixed: 32,768 entries of 56 bytes.
const (
	cacheBits  = 15
	cacheBytes = 23
	cacheIDs   = 7
)

type cacheEntry struct {
	key cacheKey
	n   uint32
	ids [cacheIDs]int32
}

// cacheKey holds the bytes of a piece, and its length in the last one; 0 is free.
type cacheKey struct{ a, b, c uint64 }

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
	// No token goes across the beginning of a word, nor over a character that is in no token but its own. So no merge
	// does either, and what lies between can be taken one by one.
	start, i := 0, 0
	for i < len(s) {
		switch {
		case e.t.model.alone[s[i]]:
			if start < i {
				e.word(s[start:i])
			}
			e.word(s[i : i+1])
			i++
			start = i
		case strings.HasPrefix(s[i:], spaceMark):
			if start < i {
				e.word(s[start:i])
			}
			start = i
			for strings.HasPrefix(s[i:], spaceMark) {
				i += len(spaceMark)
			}
		default:
			i++
		}
	}
	if start < i {
		e.word(s[start:i])
	}
}

// word appends the tokens of a text that no merge crosses the ends of.
func (e *encoder) word(s string) {
	if len(s) > cacheBytes {
		e.out = e.compute(e.out, s)
		return
	}
	key := makeCacheKey(s)
	entry := &e.cache[key.hash()>>(64-cacheBits)]
	if entry.key == key {
		e.out = append(e.out, entry.ids[:entry.n]...)
		return
	}
	from := len(e.out)
	e.out = e.compute(e.out, s)
	if ids := e.out[from:]; len(ids) <= cacheIDs {
		entry.key, entry.n = key, uint32(copy(entry.ids[:], ids))
	}
}

func makeCacheKey(s string) cacheKey {
	var p [cacheBytes + 1]byte
	copy(p[:], s)
	p[cacheBytes] = byte(len(s))
	return cacheKey{binary.LittleEndian.Uint64(p[:8]), binary.LittleEndian.Uint64(p[8:16]), binary.LittleEndian.Uint64(p[16:])}
}

func (k cacheKey) hash() uint64 {
	h := (k.a ^ k.b*0x9e3779b97f4a7c15 ^ k.c*0xc2b2ae3d27d4eb4f) * 0xff51afd7ed558ccd
	return (h ^ h>>32) * 0xc4ceb9fe1a85ec53
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
