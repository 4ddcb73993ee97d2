package tokenizer

import (
	"math"
	"slices"
	"unicode/utf8"
)

// noPair is the priority of two neighbours that nothing joins.
const noPair = math.MaxUint32

// shortPiece is the number of symbols up to which looking at all pairs for every merge beats a heap.
const shortPiece = 40

// merger joins neighbouring symbols of a piece until no pair is left that can be joined: always the pair of the
// lowest priority, the leftmost of equals. Both BPE by ranks (Sennrich et al. 2016, arXiv:1508.07909) and
// SentencePiece's BPE by scores (Kudo and Richardson 2018, arXiv:1808.06226) are this; they differ in join.
type merger struct {
	model *model
	start []int32 // start[i] is where symbol i begins in the piece; one more entry holds the end
	id    []int32 // what symbol i is: a token, a symbol without a token, or -1

	prio []uint32 // of symbol i with the one after it
	prev []int32
	next []int32 // -1: dead
	heap []uint64
}

// merge reduces m.start and m.id, which hold the symbols of piece.
func (m *merger) merge(piece string) {
	switch n := len(m.id); {
	case n < 2:
	case n <= shortPiece:
		m.mergeShort(piece)
	default:
		m.mergeLong(piece)
	}
}

func (m *merger) join(piece string, i, j int, end int32) (uint32, int32) {
	return m.model.join(m.id[i], m.id[j], piece[m.start[i]:end])
}

func (m *merger) mergeShort(piece string) {
	var prio [shortPiece]uint32
	var into [shortPiece]int32
	n := len(m.id)
	for i := 0; i+1 < n; i++ {
		prio[i], into[i] = m.join(piece, i, i+1, m.start[i+2])
	}
	for n > 1 {
		best := 0
		for i, p := range prio[1 : n-1] {
			if p < prio[best] {
				best = i + 1
			}
		}
		if prio[best] == noPair {
			break
		}
		m.id[best] = into[best]
		copy(m.id[best+1:n-1], m.id[best+2:n])
		copy(m.start[best+1:n], m.start[best+2:n+1])
		n--
		copy(prio[best+1:n], prio[best+2:n+1])
		copy(into[best+1:n], into[best+2:n+1])
		if best+1 < n {
			prio[best], into[best] = m.join(piece, best, best+1, m.start[best+2])
		}
		if best > 0 {
			prio[best-1], into[best-1] = m.join(piece, best-1, best, m.start[best+1])
		}
	}
	m.id = m.id[:n]
	m.start = m.start[:n+1]
}

// mergeLong takes O(n log n) for n symbols: a heap of priorities and positions, where entries that a merge made out
// of date are left and skipped when they come up.
func (m *merger) mergeLong(piece string) {
	n := len(m.id)
	m.prio = slices.Grow(m.prio[:0], n)[:n]
	m.prev = slices.Grow(m.prev[:0], n)[:n]
	m.next = slices.Grow(m.next[:0], n)[:n]
	m.heap = m.heap[:0]
	for i := range n {
		m.prev[i], m.next[i], m.prio[i] = int32(i-1), int32(i+1), noPair
		if i+1 < n {
			if m.prio[i], _ = m.join(piece, i, i+1, m.start[i+2]); m.prio[i] != noPair {
				m.heap = append(m.heap, uint64(m.prio[i])<<32|uint64(i))
			}
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	for len(m.heap) > 0 {
		top := m.pop()
		i := int(uint32(top))
		// Equal priorities of the same position are the same pair, or as good.
		if m.next[i] < 0 || m.prio[i] != uint32(top>>32) {
			continue
		}
		j := int(m.next[i])
		k := int(m.next[j])
		_, m.id[i] = m.join(piece, i, j, m.start[k])
		m.next[i], m.next[j] = int32(k), -1
		m.prio[i] = noPair
		if k < n {
			m.prev[k] = int32(i)
			m.push(piece, i)
		}
		if h := int(m.prev[i]); h >= 0 {
			m.push(piece, h)
		}
	}
	out := 0
	for i := 0; i < n; i = int(m.next[i]) {
		m.id[out], m.start[out] = m.id[i], m.start[i]
		out++
	}
	m.start[out] = m.start[n]
	m.id = m.id[:out]
	m.start = m.start[:out+1]
}

// push computes the priority of symbol i with the one after it and queues it.
func (m *merger) push(piece string, i int) {
	j := int(m.next[i])
	m.prio[i], _ = m.join(piece, i, j, m.start[m.next[j]])
	if m.prio[i] == noPair {
		return
	}
	m.heap = append(m.heap, uint64(m.prio[i])<<32|uint64(i))
	for c := len(m.heap) - 1; c > 0; {
		p := (c - 1) / 2
		if m.heap[p] <= m.heap[c] {
			break
		}
		m.heap[p], m.heap[c] = m.heap[c], m.heap[p]
		c = p
	}
}

func (m *merger) pop() uint64 {
	top := m.heap[0]
	last := len(m.heap) - 1
	m.heap[0] = m.heap[last]
	m.heap = m.heap[:last]
	m.down(0)
	return top
}

func (m *merger) down(p int) {
	for {
		c := 2*p + 1
		if c >= len(m.heap) {
			return
		}
		if c+1 < len(m.heap) && m.heap[c+1] < m.heap[c] {
			c++
		}
		if m.heap[p] <= m.heap[c] {
			return
		}
		m.heap[p], m.heap[c] = m.heap[c], m.heap[p]
		p = c
	}
}

// load sets the symbols a piece begins with.
func (m *merger) load(piece string) {
	m.start, m.id = m.start[:0], m.id[:0]
	if m.model.byteLevel {
		for i := range len(piece) {
			m.start = append(m.start, int32(i))
			m.id = append(m.id, m.model.byteSymbol[piece[i]])
		}
	} else {
		for i := 0; i < len(piece); {
			_, n := utf8.DecodeRuneInString(piece[i:])
			m.start = append(m.start, int32(i))
			m.id = append(m.id, m.model.symbol(piece[i:i+n]))
			i += n
		}
	}
	m.start = append(m.start, int32(len(piece)))
}

// release lets go of the memory that a very long piece took.
func (m *merger) release() {
	const keep = 1 << 16
	if cap(m.id) > keep {
		*m = merger{model: m.model}
	}
}
