package jinja

import (
	"slices"
)

// listMethod finds a method of a list. Those that change it are there too, though Jinja's sandbox forbids them:
// templates of real models append to lists of their own, and the caller's data are copies.
func listMethod(l *list, name string) (any, bool) {
	method := func(required int, params []string, run func(st *state, p []any) any) (any, bool) {
		return &function{name, func(st *state, a *args) any {
			return run(st, a.bind(st, name, required, params...))
		}}, true
	}
	switch name {
	case "index":
		return method(1, []string{"value", "start"}, func(st *state, p []any) any {
			for i, item := range l.items {
				if i >= st.intArg(p[1], 0) && st.equal(item, p[0]) {
					return i
				}
			}
			st.typeError("%s is not in list", st.repr(p[0]))
			return nil
		})
	case "count":
		return method(1, []string{"value"}, func(st *state, p []any) any {
			n := 0
			for _, item := range l.items {
				if st.equal(item, p[0]) {
					n++
				}
			}
			return n
		})
	}
	if l.tuple {
		return nil, false
	}
	switch name {
	case "append":
		return method(1, []string{"value"}, func(st *state, p []any) any {
			st.allocItems(2)
			l.items = append(l.items, p[0])
			return nil
		})
	case "extend":
		return method(1, []string{"iterable"}, func(st *state, p []any) any {
			items := st.iterate(p[0])
			st.allocItems(len(l.items) + len(items))
			l.items = slices.Concat(l.items, items)
			return nil
		})
	case "insert":
		return method(2, []string{"index", "value"}, func(st *state, p []any) any {
			i := st.intArg(p[0], 0)
			if i < 0 {
				i += len(l.items)
			}
			st.allocItems(len(l.items) + 1)
			l.items = slices.Insert(slices.Clone(l.items), min(max(i, 0), len(l.items)), p[1])
			return nil
		})
	case "pop":
		return method(0, []string{"index"}, func(st *state, p []any) any {
			i, ok := position(st.intArg(p[0], -1), len(l.items))
			if !ok {
				st.typeError("pop index out of range")
			}
			v := l.items[i]
			if i == len(l.items)-1 {
				l.items = l.items[:i:i]
			} else {
				st.allocItems(len(l.items))
				l.items = slices.Delete(slices.Clone(l.items), i, i+1)
			}
			return v
		})
	case "remove":
		return method(1, []string{"value"}, func(st *state, p []any) any {
			for i, item := range l.items {
				if st.equal(item, p[0]) {
					st.allocItems(len(l.items))
					l.items = slices.Delete(slices.Clone(l.items), i, i+1)
					return nil
				}
			}
			st.typeError("list.remove(x): x not in list")
			return nil
		})
	case "clear":
		return method(0, nil, func(*state, []any) any {
			l.items = nil
			return nil
		})
	case "copy":
		return method(0, nil, func(st *state, _ []any) any {
			st.allocItems(len(l.items))
			return &list{items: slices.Clone(l.items)}
		})
	case "reverse":
		return method(0, nil, func(st *state, _ []any) any {
			st.allocItems(len(l.items))
			l.items = slices.Clone(l.items)
			slices.Reverse(l.items)
			return nil
		})
	case "sort":
		return method(0, []string{"key", "reverse"}, func(st *state, p []any) any {
			if isGiven(p[0]) {
				st.typeError("sort() with a key is not available")
			}
			l.items = st.sorted(l.items, func(v any) any { return v }, isGiven(p[1]) && st.truth(p[1]))
			return nil
		})
	}
	return nil, false
}

// dictMethod finds a method of a dictionary.
func dictMethod(d *Dict, name string) (any, bool) {
	method := func(required int, params []string, run func(st *state, p []any) any) (any, bool) {
		return &function{name, func(st *state, a *args) any {
			return run(st, a.bind(st, name, required, params...))
		}}, true
	}
	find := func(st *state, key any) (hash, value any, ok bool) {
		hash, ok = st.hashKey(key)
		if !ok {
			st.typeError("unhashable type: '%s'", typeName(key))
		}
		value, ok = d.get(hash)
		return hash, value, ok
	}
	orNone := func(v any) any {
		if _, ok := v.(absent); ok {
			return nil
		}
		return v
	}
	switch name {
	case "get":
		return method(1, []string{"key", "default"}, func(st *state, p []any) any {
			if _, v, ok := find(st, p[0]); ok {
				return v
			}
			return orNone(p[1])
		})
	case "items":
		return method(0, nil, func(st *state, _ []any) any {
			return &view{"dict_items", st.pairs(d)}
		})
	case "keys":
		return method(0, nil, func(st *state, _ []any) any {
			st.allocItems(d.Len())
			return &view{"dict_keys", slices.Clone(d.keys)}
		})
	case "values":
		return method(0, nil, func(st *state, _ []any) any {
			st.allocItems(d.Len())
			return &view{"dict_values", slices.Clone(d.values)}
		})
	case "copy":
		return method(0, nil, func(st *state, _ []any) any { return st.copyDict(d) })
	case "update":
		return &function{name, func(st *state, a *args) any {
			st.update(d, a)
			return nil
		}}, true
	case "pop":
		return method(1, []string{"key", "default"}, func(st *state, p []any) any {
			h, v, ok := find(st, p[0])
			if ok {
				st.step(4 * d.Len())
				d.remove(h)
				return v
			}
			if _, missing := p[1].(absent); missing {
				st.typeError("KeyError: %s", st.repr(p[0]))
			}
			return p[1]
		})
	case "popitem":
		return method(0, nil, func(st *state, _ []any) any {
			if d.Len() == 0 {
				st.typeError("popitem(): dictionary is empty")
			}
			last := d.Len() - 1
			pair := &list{items: []any{d.keys[last], d.values[last]}, tuple: true}
			h, _ := st.hashKey(d.keys[last])
			st.step(4 * d.Len())
			d.remove(h)
			return pair
		})
	case "setdefault":
		return method(1, []string{"key", "default"}, func(st *state, p []any) any {
			if _, v, ok := find(st, p[0]); ok {
				return v
			}
			st.setItem(d, p[0], orNone(p[1]))
			return orNone(p[1])
		})
	case "clear":
		return method(0, nil, func(*state, []any) any {
			*d = Dict{}
			return nil
		})
	}
	return nil, false
}

// pairs lists a dictionary's (key, value) tuples.
func (st *state) pairs(d *Dict) []any {
	st.allocItems(4 * d.Len())
	items := make([]any, d.Len())
	for i, k := range d.keys {
		items[i] = &list{items: []any{k, d.values[i]}, tuple: true}
	}
	return items
}

func (st *state) copyDict(d *Dict) *Dict {
	c := NewDict()
	for i, k := range d.keys {
		st.setItem(c, k, d.values[i])
	}
	return c
}

// update adds to d what dict() and update() take: a mapping or pairs, and named arguments.
func (st *state) update(d *Dict, a *args) {
	if len(a.positional) > 1 {
		st.typeError("dict expected at most 1 argument, got %d", len(a.positional))
	}
	if len(a.positional) == 1 {
		if src, ok := a.positional[0].(*Dict); ok {
			for i, k := range slices.Clone(src.keys) {
				st.setItem(d, k, src.values[i])
			}
		} else {
			for _, item := range st.iterate(a.positional[0]) {
				pair := st.iterate(item)
				if len(pair) != 2 {
					st.typeError("a dictionary's elements must be pairs")
				}
				st.setItem(d, pair[0], pair[1])
			}
		}
	}
	for _, n := range a.named {
		st.setItem(d, n.name, n.value)
	}
}
