package tokenizer

import (
	"fmt"
	"hash/maphash"
	"strconv"

	"burble/gguf"
)

// tokenKind is the type of a token, numbered as tokenizer.ggml.token_type does (the GGUF specification).
type tokenKind uint8

const (
	kindNormal  tokenKind = 1
	kindUnknown tokenKind = 2
	kindControl tokenKind = 3
	kindUser    tokenKind = 4
	kindUnused  tokenKind = 5
	kindByte    tokenKind = 6
)

// vocabulary holds the tokens by id and by text.
type vocabulary struct {
	tokens []string // as the file spells them
	kinds  []tokenKind
	scores []float32 // SentencePiece only
	index  table
}

func loadVocabulary(md *gguf.Metadata) (*vocabulary, error) {
	tokens, ok := md.Strings("tokenizer.ggml.tokens")
	if !ok || len(tokens) == 0 {
		return nil, fmt.Errorf("the file has no vocabulary (tokenizer.ggml.tokens): convert the model again with its tokenizer")
	}
	v := &vocabulary{tokens: tokens, kinds: make([]tokenKind, len(tokens))}
	if types, ok := md.Ints("tokenizer.ggml.token_type"); ok {
		if len(types) < len(tokens) {
			return nil, fmt.Errorf("the vocabulary has %d tokens but only %d token types: the file is damaged, download it again", len(tokens), len(types))
		}
		for i := range v.kinds {
			if t := types[i]; t >= int32(kindNormal) && t <= int32(kindByte) {
				v.kinds[i] = tokenKind(t)
			}
		}
	} else {
		for i := range v.kinds {
			v.kinds[i] = kindNormal
		}
	}
	if scores, ok := md.Floats("tokenizer.ggml.scores"); ok {
		if len(scores) < len(tokens) {
			return nil, fmt.Errorf("the vocabulary has %d tokens but only %d scores: the file is damaged, download it again", len(tokens), len(scores))
		}
		v.scores = scores
	} else if scores, ok := md.Ints("tokenizer.ggml.scores"); ok && len(scores) >= len(tokens) {
		v.scores = make([]float32, len(tokens))
		for i := range v.scores {
			v.scores[i] = float32(scores[i])
		}
	}
	v.index.init(len(tokens))
	for i, text := range tokens {
		if text == "" {
			tokens[i] = "[EMPTY_" + strconv.Itoa(i) + "]"
		}
		v.index.insert(tokens, int32(i))
	}
	return v, nil
}

// find returns the id of a token by its text, or -1.
func (v *vocabulary) find(text string) int32 { return v.index.find(v.tokens, text) }

// table is a hash table from texts to their numbers. It keeps no strings of its own, which makes it several times
// faster to fill than a Go map.
type table struct {
	seed maphash.Seed
	mask uint64
	slot []uint64 // upper half of the hash | number+1; 0 is free
}

func (t *table) init(n int) {
	size := 16
	for size < 2*n {
		size *= 2
	}
	t.seed = maphash.MakeSeed()
	t.mask = uint64(size - 1)
	t.slot = make([]uint64, size)
}

// insert adds texts[i]. Where the text is there already, it keeps its number.
func (t *table) insert(texts []string, i int32) {
	h := maphash.String(t.seed, texts[i])
	for p := h & t.mask; ; p = (p + 1) & t.mask {
		e := t.slot[p]
		if e == 0 {
			t.slot[p] = h&^0xffffffff | uint64(i+1)
			return
		}
		if e>>32 == h>>32 && texts[int32(e)-1] == texts[i] {
			return
		}
	}
}

func (t *table) find(texts []string, text string) int32 {
	h := maphash.String(t.seed, text)
	for p := h & t.mask; ; p = (p + 1) & t.mask {
		e := t.slot[p]
		if e == 0 {
			return -1
		}
		if e>>32 == h>>32 {
			if i := int32(e) - 1; texts[i] == text {
				return i
			}
		}
	}
}

// pairs is a hash table from two neighbouring symbols to the merge that joins them.
type pairs struct {
	mask uint64
	slot []pair
}

type pair struct {
	key    uint64 // left symbol + 1 | right symbol; 0 is free
	rank   uint32
	merged int32
}

func (t *pairs) init(n int) {
	size := 16
	for size*3 < n*4 {
		size *= 2
	}
	t.mask = uint64(size - 1)
	t.slot = make([]pair, size)
}

func pairKey(left, right int32) uint64 { return uint64(left+1)<<32 | uint64(uint32(right)) }

func pairHash(key uint64) uint64 {
	key *= 0x9e3779b97f4a7c15
	return key ^ key>>29
}

func (t *pairs) insert(left, right int32, rank uint32, merged int32) {
	key := pairKey(left, right)
	for p := pairHash(key) & t.mask; ; p = (p + 1) & t.mask {
		switch t.slot[p].key {
		case 0:
			t.slot[p] = pair{key, rank, merged}
			return
		case key: // the first merge of a pair counts
			return
		}
	}
}

func (t *pairs) find(left, right int32) (rank uint32, merged int32) {
	key := pairKey(left, right)
	for p := pairHash(key) & t.mask; ; p = (p + 1) & t.mask {
		e := &t.slot[p]
		if e.key == key {
			return e.rank, e.merged
		}
		if e.key == 0 {
			return noPair, -1
		}
	}
}
