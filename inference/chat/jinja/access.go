package jinja

import (
	"math"
	"strings"
	"unicode/utf8"
)

// attr is "v.name": an attribute or method if there is one, else an element with that key.
func (st *state) attr(v any, name string) any {
	if x, ok := st.attribute(v, name); ok {
		return x
	}
	if d, ok := v.(*Dict); ok {
		if x, ok := d.Get(name); ok {
			return x
		}
	}
	return &undefined{hint: "'" + typeName(v) + " object' has no attribute '" + name + "'"}
}

// attribute looks for an attribute or method.
func (st *state) attribute(v any, name string) (any, bool) {
	switch x := v.(type) {
	case *undefined:
		st.undefinedError(x)
	case string, markup:
		s, _ := text(x)
		return textMethod(v, s, name)
	case *list:
		for i, f := range x.fields {
			if f == name {
				return x.items[i], true
			}
		}
		return listMethod(x, name)
	case *Dict:
		return dictMethod(x, name)
	case *namespace:
		return x.vars.Get(name)
	case *loop:
		return x.attr(name)
	case *macro:
		if name == "name" {
			return x.name, true
		}
	case *cycler:
		switch name {
		case "current":
			return x.items[x.pos], true
		case "next":
			return &function{"next", func(*state, *args) any {
				v := x.items[x.pos]
				x.pos = (x.pos + 1) % len(x.items)
				return v
			}}, true
		case "reset":
			return &function{"reset", func(*state, *args) any {
				x.pos = 0
				return nil
			}}, true
		}
	}
	return nil, false
}

// item is "v[key]": an element, else an attribute or method of that name.
func (st *state) item(v, key any) any {
	switch x := v.(type) {
	case *undefined:
		st.undefinedError(x)
	case *Dict:
		if h, ok := st.hashKey(key); ok {
			if e, ok := x.get(h); ok {
				return e
			}
		}
	case *list:
		if i, ok := integer(key); ok {
			if i, ok = position(i, len(x.items)); ok {
				return x.items[i]
			}
		}
	case *rangeValue:
		if i, ok := integer(key); ok {
			if i, ok = position(i, x.n); ok {
				return x.start + i*x.step
			}
		}
	case string, markup:
		if i, ok := integer(key); ok {
			s, _ := text(x)
			if c, ok := st.character(s, i); ok {
				return like(v, c)
			}
		}
	}
	if name, ok := text(key); ok {
		if a, ok := st.attribute(v, name); ok {
			return a
		}
		return &undefined{hint: "'" + typeName(v) + " object' has no attribute '" + name + "'"}
	}
	return &undefined{hint: typeName(v) + " object has no element " + st.repr(key)}
}

// position resolves an index that may count from the end.
func position(i, n int) (int, bool) {
	if i < 0 {
		i += n
	}
	return i, i >= 0 && i < n
}

// isASCII reports whether bytes are characters, so that they can be indexed.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// character is the i-th code point of s.
func (st *state) character(s string, i int) (string, bool) {
	st.scan(len(s))
	if isASCII(s) {
		i, ok := position(i, len(s))
		if !ok {
			return "", false
		}
		return s[i : i+1], true
	}
	i, ok := position(i, utf8.RuneCountInString(s))
	if !ok {
		return "", false
	}
	for at, r := range s {
		if i == 0 {
			return s[at : at+utf8.RuneLen(r)], true
		}
		i--
	}
	return "", false
}

// slice is v[from:to:step]; bounds are nil where they aren't given. A value that cannot be sliced gives undefined.
func (st *state) slice(v, from, to, step any) any {
	var n int
	switch x := v.(type) {
	case *undefined:
		st.undefinedError(x)
	case string, markup, *list, *rangeValue:
		n, _ = st.length(v)
	default:
		return &undefined{hint: "'" + typeName(v) + "' object can't be sliced"}
	}
	by, ok := 1, true
	if step != nil {
		if by, ok = integer(step); !ok || by == 0 || by == math.MinInt {
			return &undefined{hint: "invalid step of a slice"}
		}
	}
	low, high := 0, n // where indices are cut off
	start, stop := 0, n
	if by < 0 {
		low, high = -1, n-1
		start, stop = n-1, -1
	}
	for i, bound := range []any{from, to} {
		if bound == nil {
			continue
		}
		b, ok := integer(bound)
		if !ok {
			return &undefined{hint: "slice indices must be integers"}
		}
		if b < 0 {
			b += n
		}
		b = min(max(b, low), high)
		if i == 0 {
			start = b
		} else {
			stop = b
		}
	}
	count := 0
	if by > 0 && stop > start {
		count = (stop - start - 1) / by
		count++
	} else if by < 0 && start > stop {
		count = (start - stop - 1) / -by
		count++
	}
	switch x := v.(type) {
	case *list:
		st.allocItems(count)
		items := make([]any, count)
		for i := range items {
			items[i] = x.items[start+i*by]
		}
		return &list{items: items, tuple: x.tuple}
	case *rangeValue:
		return &rangeValue{start: x.start + start*x.step, stop: x.start + (start+count*by)*x.step, step: x.step * by, n: count}
	}
	s, _ := text(v)
	st.scan(len(s))
	if by == 1 {
		return like(v, cut(s, start, start+count))
	}
	st.alloc(4 * len(s))
	runes := []rune(s)
	var b strings.Builder
	for i := range count {
		b.WriteRune(runes[start+i*by])
	}
	return like(v, b.String())
}

// cut is the text from the from-th up to the to-th code point.
func cut(s string, from, to int) string {
	if isASCII(s) {
		return s[from:to]
	}
	begin, end, i := len(s), len(s), 0
	for at := range s {
		if i == from {
			begin = at
		}
		if i == to {
			end = at
			break
		}
		i++
	}
	return s[min(begin, end):end]
}
