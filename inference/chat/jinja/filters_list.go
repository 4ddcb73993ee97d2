package jinja

import (
	"slices"
	"sort"
	"strconv"
	"strings"
)

// findListFilter looks up a filter that works on lists and mappings.
func findListFilter(name string) filterFunc {
	switch name {
	case "length", "count":
		return with(name, 0, nil, func(st *state, v any, _ []any) any {
			n, ok := st.length(v)
			if !ok {
				st.typeError("object of type '%s' has no len()", typeName(v))
			}
			return n
		})
	case "list":
		return with(name, 0, nil, func(st *state, v any, _ []any) any {
			items := st.iterate(v)
			st.allocItems(len(items))
			return &list{items: slices.Clone(items)}
		})
	case "join":
		return with(name, 0, []string{"d", "attribute"}, func(st *state, v any, p []any) any {
			items := st.iterate(v)
			get := st.getter(p[1], nil)
			parts := make([]string, len(items))
			for i, item := range items {
				parts[i] = st.str(get(item))
			}
			sep := ""
			if isGiven(p[0]) {
				sep = st.str(p[0])
			}
			return st.join(parts, sep)
		})
	case "first":
		return with(name, 0, nil, func(st *state, v any, _ []any) any {
			items := st.iterate(v)
			if len(items) == 0 {
				return &undefined{hint: "No first item, sequence was empty."}
			}
			if g, ok := v.(*generator); ok {
				g.items = items[1:]
			}
			return items[0]
		})
	case "last":
		return with(name, 0, nil, func(st *state, v any, _ []any) any {
			if _, ok := v.(*generator); ok {
				st.typeError("'generator' object is not reversible")
			}
			items := st.iterate(v)
			if len(items) == 0 {
				return &undefined{hint: "No last item, sequence was empty."}
			}
			return items[len(items)-1]
		})
	case "reverse":
		return with(name, 0, nil, func(st *state, v any, _ []any) any {
			items := st.iterate(v)
			st.allocItems(len(items))
			items = slices.Clone(items)
			slices.Reverse(items)
			if _, ok := text(v); !ok {
				return &generator{items}
			}
			parts := make([]string, len(items))
			for i := range items {
				parts[i], _ = text(items[i])
			}
			return like(v, st.join(parts, ""))
		})
	case "items":
		return with(name, 0, nil, func(st *state, v any, _ []any) any {
			switch x := v.(type) {
			case *undefined:
				return &generator{}
			case *Dict:
				return &generator{st.pairs(x)}
			}
			st.typeError("Can only get item pairs from a mapping.")
			return nil
		})
	case "dictsort":
		return with(name, 0, []string{"case_sensitive", "by", "reverse"}, dictSort)
	case "sort":
		return with(name, 0, []string{"reverse", "case_sensitive", "attribute"}, func(st *state, v any, p []any) any {
			key := st.sortKey(p[2], p[1])
			return &list{items: st.sorted(st.iterate(v), key, isGiven(p[0]) && st.truth(p[0]))}
		})
	case "unique":
		return with(name, 0, []string{"case_sensitive", "attribute"}, func(st *state, v any, p []any) any {
			get, seen, out := st.caseless(st.getter(p[1], nil), p[0]), NewDict(), &generator{}
			for _, item := range st.iterate(v) {
				k := get(item)
				if h, ok := st.hashKey(k); ok {
					if _, ok := seen.get(h); ok {
						continue
					}
				}
				st.setItem(seen, k, nil)
				out.items = append(out.items, item)
			}
			return out
		})
	case "groupby":
		return with(name, 1, []string{"attribute", "default", "case_sensitive"}, groupBy)
	case "sum":
		return with(name, 0, []string{"attribute", "start"}, func(st *state, v any, p []any) any {
			var total any = 0
			if isGiven(p[1]) {
				total = p[1]
			}
			get := st.getter(p[0], nil)
			for _, item := range st.iterate(v) {
				total = st.arithmetic("+", total, get(item))
			}
			return total
		})
	case "min", "max":
		return with(name, 0, []string{"case_sensitive", "attribute"}, func(st *state, v any, p []any) any {
			items := st.iterate(v)
			if len(items) == 0 {
				return &undefined{hint: "No aggregated item, sequence was empty."}
			}
			key := st.caseless(st.getter(p[1], nil), p[0])
			best, bestKey := items[0], key(items[0])
			for _, item := range items[1:] {
				k := key(item)
				if name == "min" && st.compare("<", k, bestKey) || name == "max" && st.compare(">", k, bestKey) {
					best, bestKey = item, k
				}
			}
			return best
		})
	case "batch":
		return with(name, 1, []string{"linecount", "fill_with"}, batch)
	case "slice":
		return with(name, 1, []string{"slices", "fill_with"}, sliceColumns)
	case "map":
		return mapItems
	case "select", "reject", "selectattr", "rejectattr":
		return func(st *state, v any, a *args) any {
			return st.choose(v, a, strings.HasSuffix(name, "attr"), strings.HasPrefix(name, "select"))
		}
	case "attr":
		return with(name, 1, []string{"name"}, func(st *state, v any, p []any) any {
			s := st.str(p[0])
			if x, ok := st.attribute(v, s); ok {
				return x
			}
			return &undefined{hint: "'" + typeName(v) + " object' has no attribute '" + s + "'"}
		})
	}
	return nil
}

// getter makes the function that looks up an attribute such as "a.b.0"; the identity where none is given. Where the
// result is undefined, it gives fallback instead, unless that is nil.
func (st *state) getter(attribute, fallback any) func(any) any {
	if !isGiven(attribute) {
		return func(v any) any { return v }
	}
	var path []any
	if s, ok := text(attribute); ok {
		st.scan(4 * len(s))
		for part := range strings.SplitSeq(s, ".") {
			if i, err := strconv.Atoi(part); err == nil && part[0] != '-' && part[0] != '+' {
				path = append(path, i)
			} else {
				path = append(path, part)
			}
		}
	} else {
		path = []any{attribute}
	}
	return func(v any) any {
		for _, part := range path {
			st.step(1)
			v = st.item(v, part)
			if _, ok := v.(*undefined); ok && fallback != nil {
				v = fallback
			}
		}
		return v
	}
}

// caseless wraps a key so that texts compare without regard to case, unless the argument asks for it.
func (st *state) caseless(key func(any) any, caseSensitive any) func(any) any {
	if isGiven(caseSensitive) && st.truth(caseSensitive) {
		return key
	}
	return func(v any) any {
		k := key(v)
		if s, ok := text(k); ok {
			return st.lower(s)
		}
		return k
	}
}

// sortKey makes the key of the filter sort, whose attribute may name several with commas between them.
func (st *state) sortKey(attribute, caseSensitive any) func(any) any {
	s, ok := text(attribute)
	if !ok || !strings.Contains(s, ",") {
		return st.caseless(st.getter(attribute, nil), caseSensitive)
	}
	st.scan(16 * len(s))
	var keys []func(any) any
	for part := range strings.SplitSeq(s, ",") {
		keys = append(keys, st.caseless(st.getter(part, nil), caseSensitive))
	}
	return func(v any) any {
		st.allocItems(len(keys))
		k := &list{items: make([]any, len(keys))}
		for i := range keys {
			k.items[i] = keys[i](v)
		}
		return k
	}
}

// sorted returns a stably sorted copy.
func (st *state) sorted(items []any, key func(any) any, reverse bool) []any {
	st.allocItems(3 * len(items))
	type entry struct{ item, key any }
	entries := make([]entry, len(items))
	for i, item := range items {
		entries[i] = entry{item, key(item)}
	}
	sort.SliceStable(entries, func(i, j int) bool {
		st.step(1)
		if reverse {
			i, j = j, i
		}
		return st.compare("<", entries[i].key, entries[j].key)
	})
	out := make([]any, len(items))
	for i := range entries {
		out[i] = entries[i].item
	}
	return out
}

func dictSort(st *state, v any, p []any) any {
	d, ok := v.(*Dict)
	if !ok {
		st.defined(v)
		st.typeError("'%s' object has no attribute 'items'", typeName(v))
	}
	at := 0
	if isGiven(p[1]) {
		switch by := st.textArg(p[1]); by {
		case "value":
			at = 1
		case "key":
		default:
			st.typeError("You can only sort by either \"key\" or \"value\"")
		}
	}
	key := st.caseless(func(v any) any { return v.(*list).items[at] }, p[0])
	return &list{items: st.sorted(st.pairs(d), key, isGiven(p[2]) && st.truth(p[2]))}
}

func groupBy(st *state, v any, p []any) any {
	var fallback any
	if isGiven(p[1]) {
		fallback = p[1]
	}
	plain := st.getter(p[0], fallback)
	key := st.caseless(plain, p[2])
	out := &list{}
	var last any
	for _, item := range st.sorted(st.iterate(v), key, false) {
		k := key(item)
		if len(out.items) == 0 || !st.equal(last, k) {
			st.allocItems(8)
			out.items = append(out.items, &list{
				items: []any{plain(item), &list{}}, tuple: true, fields: []string{"grouper", "list"},
			})
			last = k
		}
		group := out.items[len(out.items)-1].(*list).items[1].(*list)
		group.items = append(group.items, item)
	}
	return out
}

func batch(st *state, v any, p []any) any {
	n := st.intArg(p[0], 0)
	items := st.iterate(v)
	st.allocItems(4 * len(items))
	out := &generator{}
	for len(items) > 0 {
		k := len(items)
		if n > 0 {
			k = min(n, k)
		}
		row := slices.Clone(items[:k])
		if items = items[k:]; isGiven(p[1]) && len(row) < n {
			st.allocItems(n - len(row))
			row = append(row, slices.Repeat([]any{p[1]}, n-len(row))...)
		}
		out.items = append(out.items, &list{items: row})
	}
	return out
}

// sliceColumns distributes a list over a number of columns.
func sliceColumns(st *state, v any, p []any) any {
	n := st.intArg(p[0], 0)
	items := st.iterate(v)
	if n <= 0 {
		st.typeError("slice: the number of columns must be positive")
	}
	st.allocItems(4*min(n, 1<<38) + len(items))
	out := &generator{}
	each, more := len(items)/n, len(items)%n
	for i := range n {
		k := each
		if i < more {
			k++
		}
		column := slices.Clone(items[:k])
		items = items[k:]
		if isGiven(p[1]) && i >= more {
			column = append(column, p[1])
		}
		out.items = append(out.items, &list{items: column})
	}
	return out
}

// mapItems is the filter map: it looks up an attribute of every element, or applies a filter to it.
func mapItems(st *state, v any, a *args) any {
	var apply func(any) any
	if len(a.positional) == 0 {
		var attribute, fallback any
		for _, n := range a.named {
			switch n.name {
			case "attribute":
				attribute = n.value
			case "default":
				fallback = n.value
			default:
				st.typeError("Unexpected keyword argument '%s'", n.name)
			}
		}
		if attribute == nil {
			st.typeError("map requires a filter argument")
		}
		apply = st.getter(attribute, fallback)
	} else {
		name := st.textArg(a.positional[0])
		rest := &args{positional: a.positional[1:], named: a.named}
		apply = func(v any) any { return st.filter(name, v, rest) }
	}
	if !st.truth(v) {
		if _, ok := v.(*generator); !ok {
			return &generator{}
		}
	}
	items := st.iterate(v)
	st.allocItems(len(items))
	out := &generator{items: make([]any, len(items))}
	for i, item := range items {
		out.items[i] = apply(item)
	}
	return out
}

// choose keeps the elements, or those with an attribute, that pass a test (or don't, where keep is false).
func (st *state) choose(v any, a *args, byAttribute, keep bool) any {
	rest := a.positional
	get := func(v any) any { return v }
	if byAttribute {
		if len(rest) == 0 {
			st.typeError("Missing parameter for attribute name")
		}
		get, rest = st.getter(rest[0], nil), rest[1:]
	}
	passes := func(v any) bool { return st.truth(v) }
	if len(rest) > 0 {
		name, testArgs := st.textArg(rest[0]), &args{positional: rest[1:], named: a.named}
		passes = func(v any) bool { return st.test(name, v, testArgs) }
	}
	out := &generator{}
	if !st.truth(v) {
		return out
	}
	items := st.iterate(v)
	st.allocItems(len(items))
	for _, item := range items {
		if passes(get(item)) == keep {
			out.items = append(out.items, item)
		}
	}
	return out
}
