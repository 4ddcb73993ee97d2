package jinja

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Values are nil, bool, int, *big.Int (integers beyond 64 bits),
// float64, string, markup, and pointers to the types below.

// markup is text that the filter safe or escape made: what is added to it with + gets escaped.
type markup string

// list is a Python list or tuple.
type list struct {
	items  []any
	tuple  bool
	fields []string // names of a named tuple's elements
}

// generator is what map, select and the like return: it is true, has no length, and can be read once.
type generator struct{ items []any }

// view is what a dictionary's keys, values and items methods return.
type view struct {
	kind  string
	items []any
}

// rangeValue is a range. Its elements are start, start+step, …
type rangeValue struct{ start, stop, step, n int }

// namespace is an object whose attributes a template may set.
type namespace struct{ vars *Dict }

// undefined is a missing value: it prints as nothing and is false; using it for more is an error.
type undefined struct{ hint string }

type cycler struct {
	items []any
	pos   int
}

type joiner struct {
	separator any
	used      bool
}

// Dict is a dictionary that keeps the order of its keys, as Python's and JSON's do.
type Dict struct {
	keys, values []any
	index        map[any]int
}

// NewDict makes an empty dictionary.
func NewDict() *Dict { return &Dict{} }

// Set adds a key or replaces its value.
func (d *Dict) Set(key string, value any) { d.set(key, key, value) }

// Get looks a key up.
func (d *Dict) Get(key string) (any, bool) { return d.get(key) }

// Len is the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// Keys lists the keys in their order.
func (d *Dict) Keys() []string {
	keys := make([]string, 0, len(d.keys))
	for _, k := range d.keys {
		if s, ok := text(k); ok {
			keys = append(keys, s)
		}
	}
	return keys
}

// get and set take the hash of a key, see hashKey.
func (d *Dict) get(hash any) (any, bool) {
	if i, ok := d.index[hash]; ok {
		return d.values[i], true
	}
	return nil, false
}

func (d *Dict) set(hash, key, value any) {
	if i, ok := d.index[hash]; ok {
		d.values[i] = value
		return
	}
	if d.index == nil {
		d.index = make(map[any]int)
	}
	d.index[hash] = len(d.keys)
	d.keys = append(d.keys, key)
	d.values = append(d.values, value)
}

// remove takes the i-th key out. Later keys move up, which takes time in their number.
func (d *Dict) remove(hash any) {
	i := d.index[hash]
	delete(d.index, hash)
	d.keys = slices.Delete(d.keys, i, i+1)
	d.values = slices.Delete(d.values, i, i+1)
	for h, j := range d.index {
		if j > i {
			d.index[h] = j - 1
		}
	}
}

type (
	noneKey  struct{}
	bigKey   string
	tupleKey string
)

// hashKey gives what a value is found by in a dictionary: equal keys have equal hashes, 1 and True and 1.0 among
// them. It reports false for a list or dictionary, which cannot be a key.
func (st *state) hashKey(v any) (any, bool) {
	switch k := v.(type) {
	case nil:
		return noneKey{}, true
	case string:
		st.scan(len(k))
		return k, true
	case markup:
		st.scan(len(k))
		return string(k), true
	case bool:
		if k {
			return 1, true
		}
		return 0, true
	case int:
		return k, true
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<62 {
			return int(k), true
		}
		if k != k {
			return noneKey{}, false
		}
		return k, true
	case *big.Int:
		return bigKey(k.String()), true
	case *list:
		if !k.tuple {
			return nil, false
		}
		st.enter()
		defer st.leave()
		var b strings.Builder
		for _, item := range k.items {
			h, ok := st.hashKey(item)
			if !ok {
				return nil, false
			}
			part := fmt.Sprintf("%T %v", h, h)
			st.alloc(len(part) + 8)
			b.WriteString(strconv.Itoa(len(part)) + ":" + part)
		}
		return tupleKey(b.String()), true
	case *Dict, *generator, *view:
		return nil, false
	}
	return v, true
}

func (st *state) setItem(d *Dict, key, value any) {
	h, ok := st.hashKey(key)
	if !ok {
		st.typeError("unhashable type: '%s'", typeName(key))
	}
	st.alloc(64)
	d.set(h, key, value)
}

// text returns a string's or markup's text.
func text(v any) (string, bool) {
	switch s := v.(type) {
	case string:
		return s, true
	case markup:
		return string(s), true
	}
	return "", false
}

// like gives s the kind of text that v is.
func like(v any, s string) any {
	if _, ok := v.(markup); ok {
		return markup(s)
	}
	return s
}

// typeName is Python's name of a value's type.
func typeName(v any) string {
	switch x := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case markup:
		return "Markup"
	case *list:
		if x.tuple {
			return "tuple"
		}
		return "list"
	case *Dict:
		return "dict"
	case *rangeValue:
		return "range"
	case *generator:
		return "generator"
	case *view:
		return x.kind
	case *namespace:
		return "Namespace"
	case *undefined:
		return "Undefined"
	case *loop:
		return "LoopContext"
	case *macro:
		return "Macro"
	case *function:
		return "function"
	case *cycler:
		return "Cycler"
	case *joiner:
		return "Joiner"
	}
	return "object"
}

func (st *state) undefinedError(u *undefined) { st.fail(Undefined, "%s", u.hint) }

// defined ends the render if v is undefined.
func (st *state) defined(v any) {
	if u, ok := v.(*undefined); ok {
		st.undefinedError(u)
	}
}

// truth is Python's bool().
func (st *state) truth(v any) bool {
	switch x := v.(type) {
	case nil:
		return false
	case bool:
		return x
	case int:
		return x != 0
	case float64:
		return x != 0
	case string:
		return x != ""
	case markup:
		return x != ""
	case *list:
		return len(x.items) > 0
	case *Dict:
		return x.Len() > 0
	case *view:
		return len(x.items) > 0
	case *rangeValue:
		return x.n > 0
	case *undefined:
		return false
	}
	return true
}

// length is Python's len(); ok is false for a value that has none.
func (st *state) length(v any) (n int, ok bool) {
	switch x := v.(type) {
	case string:
		st.scan(len(x))
		return utf8.RuneCountInString(x), true
	case markup:
		st.scan(len(x))
		return utf8.RuneCountInString(string(x)), true
	case *list:
		return len(x.items), true
	case *Dict:
		return x.Len(), true
	case *view:
		return len(x.items), true
	case *rangeValue:
		return x.n, true
	case *undefined:
		return 0, true
	case *loop:
		return len(x.items), true
	}
	return 0, false
}

// iterate returns the elements of a value; the caller must not change the slice.
func (st *state) iterate(v any) []any {
	items, ok := st.elements(v)
	if !ok {
		st.typeError("'%s' object is not iterable", typeName(v))
	}
	return items
}

func (st *state) elements(v any) (items []any, ok bool) {
	switch x := v.(type) {
	case *list:
		items = x.items
	case *Dict:
		st.allocItems(len(x.keys))
		items = slices.Clone(x.keys)
	case *view:
		items = x.items
	case *generator:
		items, x.items = x.items, nil
	case *rangeValue:
		st.allocItems(x.n)
		items = make([]any, x.n)
		for i := range items {
			items[i] = x.start + i*x.step
		}
	case string, markup:
		s, _ := text(v)
		st.allocItems(2 * len(s))
		items = make([]any, 0, len(s))
		for _, r := range s {
			items = append(items, like(v, string(r)))
		}
	case *undefined:
	default:
		return nil, false
	}
	st.step(len(items))
	return items[:len(items):len(items)], true
}

// number gives a number's value; bool counts as one, as in Python.
func number(v any) (f float64, ok bool) {
	switch x := v.(type) {
	case bool:
		if x {
			return 1, true
		}
		return 0, true
	case int:
		return float64(x), true
	case float64:
		return x, true
	case *big.Int:
		return asFloat(x), true
	}
	return 0, false
}

// integer gives an int's or bool's value.
func integer(v any) (int, bool) {
	switch x := v.(type) {
	case bool:
		if x {
			return 1, true
		}
		return 0, true
	case int:
		return x, true
	}
	return 0, false
}
