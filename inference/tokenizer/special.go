package tokenizer

// specials finds tokens that are matched in the text before it is cut into pieces. At each position the longest
// one wins.
type specials struct {
	first  [256]uint8 // index+1 into groups, by the text's first byte; 0: none
	groups []specialGroup
	ids    map[string]int32
}

// specialGroup holds what is known about the texts that begin with one byte.
type specialGroup struct {
	second  [4]uint64 // set of second bytes
	lengths []int     // of the texts, descending
}

func newSpecials(v *vocabulary, want func(tokenKind) bool) *specials {
	s := &specials{ids: make(map[string]int32)}
	for i, k := range v.kinds {
		if !want(k) {
			continue
		}
		text := v.tokens[i]
		if _, ok := s.ids[text]; ok {
			continue
		}
		s.ids[text] = int32(i)
		c := text[0]
		if s.first[c] == 0 {
			if len(s.groups) == 255 {
				continue // no valid UTF-8 begins with all 256 bytes
			}
			s.groups = append(s.groups, specialGroup{})
			s.first[c] = uint8(len(s.groups))
		}
		g := &s.groups[s.first[c]-1]
		if len(text) > 1 {
			g.second[text[1]>>6] |= 1 << (text[1] & 63)
		}
		g.addLength(len(text))
	}
	return s
}

func (g *specialGroup) addLength(n int) {
	at := 0
	for at < len(g.lengths) && g.lengths[at] >= n {
		if g.lengths[at] == n {
			return
		}
		at++
	}
	g.lengths = append(g.lengths, 0)
	copy(g.lengths[at+1:], g.lengths[at:])
	g.lengths[at] = n
}

// next returns the first special token in text from position i on; found is false where there is none.
func (s *specials) next(text string, i int) (start, end int, id int32, found bool) {
	if len(s.groups) == 0 {
		return 0, 0, 0, false
	}
	for ; i < len(text); i++ {
		f := s.first[text[i]]
		if f == 0 {
			continue
		}
		g := &s.groups[f-1]
		shortest := g.lengths[len(g.lengths)-1]
		if shortest > 1 && (i+1 >= len(text) || g.second[text[i+1]>>6]>>(text[i+1]&63)&1 == 0) {
			continue
		}
		for _, n := range g.lengths {
			if i+n > len(text) {
				continue
			}
			if id, ok := s.ids[text[i:i+n]]; ok {
				return i, i + n, id, true
			}
		}
	}
	return 0, 0, 0, false
}
