package main

import (
	"container/heap"
	"slices"
	"strings"

	"github.com/dlclark/regexp2/v2"
)

// pieces is how Qwen 2 cuts text before byte-level BPE. (Its tokenizer.json; Hui et al. 2024, arXiv:2407.10671)
const pieces = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

// Special tokens come last in the vocabulary.
const (
	endOfText = "<|endoftext|>"
	imStart   = "<|im_start|>"
	imEnd     = "<|im_end|>"
)

// byteRunes are the letters that byte-level BPE writes bytes as. (Radford et al. 2019)
func byteRunes() (table [256]rune) {
	next := rune(256)
	for c := range 256 {
		if c >= '!' && c <= '~' || c >= 0xA1 && c <= 0xAC || c >= 0xAE {
			table[c] = rune(c)
		} else {
			table[c] = next
			next++
		}
	}
	return table
}

// trainBPE learns a vocabulary of at most size tokens from texts: the 256 bytes, one token for each merge, and the special
// ones. Pairs seen only once or twice are not merged. (Sennrich et al. 2016, arXiv:1508.07909)
func trainBPE(texts []string, size int) (tokens, merges []string, err error) {
	cut := regexp2.MustCompile(pieces, regexp2.None)
	counts := map[string]int{}
	for _, t := range texts {
		for m, e := cut.FindStringMatch(t); m != nil || e != nil; m, e = cut.FindNextMatch(m) {
			if e != nil {
				return nil, nil, e
			}
			counts[m.String()]++
		}
	}
	table := byteRunes()
	type word struct {
		parts []string
		count int
	}
	var words []word
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		w := word{count: counts[k]}
		for i := range len(k) {
			w.parts = append(w.parts, string(table[k[i]]))
		}
		words = append(words, w)
	}
	for c := range 256 {
		tokens = append(tokens, string(table[c]))
	}
	type pair [2]string
	total := map[pair]int{}
	where := map[pair]map[int]bool{}
	add := func(i int, sign int) {
		w := &words[i]
		for j := 0; j+1 < len(w.parts); j++ {
			p := pair{w.parts[j], w.parts[j+1]}
			total[p] += sign * w.count
			if where[p] == nil {
				where[p] = map[int]bool{}
			}
			where[p][i] = true
		}
	}
	for i := range words {
		add(i, 1)
	}
	queue := &pairQueue{}
	for p, n := range total {
		*queue = append(*queue, counted{p, n})
	}
	heap.Init(queue)
	known := map[string]bool{}
	for len(tokens) < size-3 && queue.Len() > 0 {
		best := heap.Pop(queue).(counted)
		if n := total[best.pair]; n != best.count { // out of date
			if n > 2 {
				heap.Push(queue, counted{best.pair, n})
			}
			continue
		}
		if best.count <= 2 {
			break
		}
		merged := best.pair[0] + best.pair[1]
		merges = append(merges, best.pair[0]+" "+best.pair[1])
		if !known[merged] {
			known[merged] = true
			tokens = append(tokens, merged)
		}
		touched := map[pair]bool{}
		for i := range where[best.pair] {
			add(i, -1)
			w := &words[i]
			var parts []string
			for j := 0; j < len(w.parts); j++ {
				if j+1 < len(w.parts) && w.parts[j] == best.pair[0] && w.parts[j+1] == best.pair[1] {
					parts = append(parts, merged)
					j++
				} else {
					parts = append(parts, w.parts[j])
				}
			}
			w.parts = parts
			add(i, 1)
			for j := 0; j+1 < len(parts); j++ {
				touched[pair{parts[j], parts[j+1]}] = true
			}
		}
		for p := range touched {
			heap.Push(queue, counted{p, total[p]})
		}
	}
	return append(tokens, endOfText, imStart, imEnd), merges, nil
}

// pairQueue holds pairs, the most frequent first, and in alphabetical order among equals.
type pairQueue []counted

type counted struct {
	pair  [2]string
	count int
}

func (q pairQueue) Len() int { return len(q) }
func (q pairQueue) Less(i, j int) bool {
	if q[i].count != q[j].count {
		return q[i].count > q[j].count
	}
	return strings.Join(q[i].pair[:], " ") < strings.Join(q[j].pair[:], " ")
}
func (q pairQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *pairQueue) Push(x any)   { *q = append(*q, x.(counted)) }
func (q *pairQueue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}
