package jinja

import (
	"math/big"
	"strings"
	"unicode"
)

// test applies the test of an "is" expression.
func (st *state) test(name string, v any, a *args) bool {
	arg := func() any { return a.bind(st, name, 1, "other")[0] }
	switch name {
	case "defined", "undefined":
		_, missing := v.(*undefined)
		return missing == (name == "undefined")
	case "none":
		return v == nil
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "true":
		return v == any(true)
	case "false":
		return v == any(false)
	case "integer":
		switch v.(type) {
		case int, *big.Int:
			return true
		}
		return false
	case "float":
		_, ok := v.(float64)
		return ok
	case "number":
		_, ok := number(v)
		return ok
	case "string":
		_, ok := text(v)
		return ok
	case "mapping":
		_, ok := v.(*Dict)
		return ok
	case "sequence":
		switch v.(type) {
		case string, markup, *list, *Dict, *rangeValue, *undefined:
			return true
		}
		return false
	case "iterable":
		switch v.(type) {
		case string, markup, *list, *Dict, *rangeValue, *undefined, *generator, *view, *loop:
			return true
		}
		return false
	case "callable":
		switch v.(type) {
		case *function, *macro, *undefined, *joiner:
			return true
		}
		return false
	case "lower", "upper":
		s := st.str(v)
		st.scan(len(s))
		cased, other := unicode.IsLower, unicode.IsUpper
		if name == "upper" {
			cased, other = other, cased
		}
		return strings.IndexFunc(s, cased) >= 0 && strings.IndexFunc(s, other) < 0
	case "escaped":
		_, ok := v.(markup)
		return ok
	case "filter":
		s, ok := text(v)
		return ok && findFilter(s) != nil
	case "odd", "even":
		r := st.arithmetic("%", v, 2)
		return st.equal(r, 1) == (name == "odd")
	case "divisibleby":
		return st.equal(st.arithmetic("%", v, a.bind(st, name, 1, "num")[0]), 0)
	case "sameas":
		return same(v, arg())
	case "in":
		return st.contains(a.bind(st, name, 1, "seq")[0], v)
	case "==", "eq", "equalto":
		return st.equal(v, arg())
	case "!=", "ne":
		return !st.equal(v, arg())
	case ">", "gt", "greaterthan":
		return st.compare(">", v, arg())
	case ">=", "ge":
		return st.compare(">=", v, arg())
	case "<", "lt", "lessthan":
		return st.compare("<", v, arg())
	case "<=", "le":
		return st.compare("<=", v, arg())
	}
	st.fail(Syntax, "no test named '%s'", name)
	return false
}

// same is Python's "is", as far as it is defined: for None, booleans and objects, and for equal numbers and texts.
func same(a, b any) bool {
	switch a.(type) {
	case float64:
		return false
	}
	return a == b
}
