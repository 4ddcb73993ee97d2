package jinja

import (
	"math"
	"math/big"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// filter applies a filter by name.
func (st *state) filter(name string, v any, a *args) any {
	f := findFilter(name)
	if f == nil {
		st.fail(Syntax, "no filter named '%s'", name)
	}
	return f(st, v, a)
}

type filterFunc func(st *state, v any, a *args) any

// with makes a filter of a function that gets its bound arguments.
func with(name string, required int, params []string, run func(st *state, v any, p []any) any) filterFunc {
	return func(st *state, v any, a *args) any { return run(st, v, a.bind(st, name, required, params...)) }
}

// findFilter looks a filter up; nil if there is none. Those for lists are in filters_list.go.
func findFilter(name string) filterFunc {
	switch name {
	case "tojson":
		return toJSON
	case "from_json":
		// Neither Jinja nor transformers has it, but templates of DeepSeek V4 and others count on it.
		return with(name, 0, nil, func(st *state, v any, _ []any) any {
			s := st.textArg(v)
			st.allocItems(4 * len(s))
			data, err := DecodeJSON([]byte(s))
			if err != nil {
				st.typeError("from_json: %v", err)
			}
			return (&converter{}).value(data, 0)
		})
	case "string":
		return with(name, 0, nil, func(st *state, v any, _ []any) any {
			if _, ok := v.(markup); ok {
				return v
			}
			return st.str(v)
		})
	case "upper":
		return with(name, 0, nil, func(st *state, v any, _ []any) any { return like(v, st.upper(st.str(v))) })
	case "lower":
		return with(name, 0, nil, func(st *state, v any, _ []any) any { return like(v, st.lower(st.str(v))) })
	case "capitalize":
		return with(name, 0, nil, func(st *state, v any, _ []any) any { return like(v, st.capitalize(st.str(v))) })
	case "title":
		return with(name, 0, nil, func(st *state, v any, _ []any) any { return titleWords(st, st.str(v)) })
	case "trim":
		return with(name, 0, []string{"chars"}, func(st *state, v any, p []any) any {
			s := st.str(v)
			st.scan(len(s))
			return like(v, st.strip(s, p[0], true, true))
		})
	case "replace":
		return with(name, 2, []string{"old", "new", "count"}, func(st *state, v any, p []any) any {
			s := st.str(v)
			st.scan(len(s))
			return st.replace(s, st.str(p[0]), st.str(p[1]), st.intArg(p[2], -1))
		})
	case "default", "d":
		return with(name, 0, []string{"default_value", "boolean"}, func(st *state, v any, p []any) any {
			_, missing := v.(*undefined)
			if !missing && (!isGiven(p[1]) || !st.truth(p[1]) || st.truth(v)) {
				return v
			}
			if _, ok := p[0].(absent); ok {
				return ""
			}
			return p[0]
		})
	case "safe":
		return with(name, 0, nil, func(st *state, v any, _ []any) any { return markup(st.str(v)) })
	case "escape", "e":
		return with(name, 0, nil, func(st *state, v any, _ []any) any {
			if m, ok := v.(markup); ok {
				return m
			}
			return markup(st.escape(st.str(v)))
		})
	case "forceescape":
		return with(name, 0, nil, func(st *state, v any, _ []any) any { return markup(st.escape(st.str(v))) })
	case "striptags":
		return with(name, 0, nil, func(st *state, v any, _ []any) any { return stripTags(st, st.str(v)) })
	case "indent":
		return with(name, 0, []string{"width", "first", "blank"}, indent)
	case "format":
		return formatFilter
	case "int":
		return with(name, 0, []string{"default", "base"}, toInt)
	case "float":
		return with(name, 0, []string{"default"}, toFloat)
	case "round":
		return with(name, 0, []string{"precision", "method"}, round)
	case "abs":
		return with(name, 0, nil, absolute)
	case "wordcount":
		return with(name, 0, nil, func(st *state, v any, _ []any) any {
			s := st.str(v)
			st.step(1 + len(s)/8)
			return len(strings.FieldsFunc(s, func(r rune) bool {
				return r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r)
			}))
		})
	case "truncate":
		return with(name, 0, []string{"length", "killwords", "end", "leeway"}, truncate)
	case "center":
		return with(name, 0, []string{"width"}, func(st *state, v any, p []any) any {
			return like(v, st.justify(st.str(v), []any{st.intArg(p[0], 80), nil}, 1))
		})
	case "urlencode":
		return with(name, 0, nil, urlEncode)
	}
	return findListFilter(name)
}

// titleWords begins every word with a capital, where words begin after white space, hyphens and opening brackets.
func titleWords(st *state, s string) any {
	s = st.lower(s)
	st.alloc(len(s))
	var b strings.Builder
	begin := true
	for _, r := range s {
		if begin {
			b.WriteString(st.upper(string(r)))
		} else {
			b.WriteRune(r)
		}
		begin = isSpace(r) || strings.ContainsRune("-({[<", r)
	}
	return b.String()
}

func stripTags(st *state, s string) any {
	st.alloc(len(s))
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		j := -1
		if i >= 0 {
			j = strings.IndexByte(s[i:], '>')
		}
		if j < 0 {
			b.WriteString(s)
			return strings.Join(strings.Fields(b.String()), " ")
		}
		b.WriteString(s[:i])
		s = s[i+j+1:]
	}
}

func indent(st *state, v any, p []any) any {
	s := st.str(v)
	st.scan(len(s))
	by, ok := text(p[0])
	if !ok {
		n := min(max(st.intArg(p[0], 4), 0), 1<<40)
		st.alloc(n)
		by = strings.Repeat(" ", n)
	}
	blank := isGiven(p[2]) && st.truth(p[2])
	rows := lines(s+"\n", false)
	if len(by) > 0 && len(rows) > (1<<40)/len(by) {
		st.alloc(1 << 40)
	}
	st.alloc(len(s) + len(rows)*(len(by)+1))
	var b strings.Builder
	if isGiven(p[1]) && st.truth(p[1]) {
		b.WriteString(by)
	}
	for i, row := range rows {
		if i > 0 {
			b.WriteByte('\n')
			if row != "" || blank {
				b.WriteString(by)
			}
		}
		b.WriteString(row)
	}
	return like(v, b.String())
}

func formatFilter(st *state, v any, a *args) any {
	if len(a.positional) > 0 && len(a.named) > 0 {
		st.typeError("can't handle positional and keyword arguments at the same time")
	}
	var named any
	if len(a.named) > 0 {
		d := NewDict()
		for _, n := range a.named {
			st.setItem(d, n.name, n.value)
		}
		named = d
	}
	return like(v, st.printf(st.str(v), a.positional, named))
}

// parseInt reads an integer as Python's int() does: with white space around it, a sign and underscores.
func parseInt(s string, base int) any {
	s = strings.TrimFunc(s, isSpace)
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	if strings.HasPrefix(digits, "_") || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__") {
		return nil
	}
	s = strings.ReplaceAll(s, "_", "")
	if base == 10 {
		return parseInteger(s)
	}
	lower := strings.ToLower(s)
	for prefix, b := range map[string]int{"0x": 16, "0o": 8, "0b": 2} {
		if b == base {
			lower = strings.Replace(lower, prefix, "", 1)
		}
	}
	if base == 0 || base >= 2 && base <= 36 {
		if i, err := strconv.ParseInt(lower, base, 64); err == nil {
			return int(i)
		}
	}
	return nil
}

// parseFloat reads a float as Python's float() does.
func parseFloat(s string) (float64, bool) {
	s = strings.TrimFunc(s, isSpace)
	if strings.ContainsAny(s, "xXpP_") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || math.IsInf(f, 0)
}

func toInt(st *state, v any, p []any) any {
	fallback := p[0]
	if _, ok := fallback.(absent); ok {
		fallback = 0
	}
	truncated := func(f float64) any {
		if f != f || math.Abs(f) >= 1<<63 {
			return fallback
		}
		return int(f)
	}
	switch x := v.(type) {
	case *undefined:
		st.undefinedError(x)
	case *big.Int:
		return x
	case float64:
		return truncated(x)
	case string, markup:
		s, _ := text(x)
		st.scan(len(s))
		if i := parseInt(s, st.intArg(p[1], 10)); i != nil {
			return i
		}
		if f, ok := parseFloat(s); ok {
			return truncated(f)
		}
		return fallback
	}
	if i, ok := integer(v); ok {
		return i
	}
	return fallback
}

func toFloat(st *state, v any, p []any) any {
	if f, ok := number(v); ok {
		return f
	}
	if s, ok := text(v); ok {
		st.scan(len(s))
		if f, ok := parseFloat(s); ok {
			return f
		}
	}
	st.defined(v)
	if _, ok := p[0].(absent); ok {
		return 0.0
	}
	return p[0]
}

// round rounds to a number of digits: half to even in the decimal sense, as Python's round(), or up or down.
func round(st *state, v any, p []any) any {
	digits := min(max(st.intArg(p[0], 0), -400), 400)
	method := "common"
	if isGiven(p[1]) {
		method = st.textArg(p[1])
	}
	f, ok := number(v)
	if !ok {
		st.defined(v)
		st.typeError("type %s doesn't define __round__ method", typeName(v))
	}
	switch method {
	case "common":
		if i, ok := integer(v); ok && digits >= 0 {
			return i
		}
		var r float64
		if digits >= 0 {
			r, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
		} else {
			unit := math.Pow(10, float64(-digits))
			r = math.RoundToEven(f/unit) * unit
		}
		if _, ok := integer(v); ok {
			return int(r)
		}
		return r
	case "ceil":
		return math.Ceil(f*math.Pow(10, float64(digits))) / math.Pow(10, float64(digits))
	case "floor":
		return math.Floor(f*math.Pow(10, float64(digits))) / math.Pow(10, float64(digits))
	}
	st.typeError("method must be common, ceil or floor")
	return nil
}

func absolute(st *state, v any, _ []any) any {
	switch x := v.(type) {
	case float64:
		return math.Abs(x)
	case *big.Int:
		return new(big.Int).Abs(x)
	}
	i, ok := integer(v)
	if !ok {
		st.defined(v)
		st.typeError("bad operand type for abs(): '%s'", typeName(v))
	}
	if i < 0 {
		return st.integers("-", 0, i)
	}
	return i
}

func truncate(st *state, v any, p []any) any {
	s := st.str(v)
	st.scan(len(s))
	end := "..."
	if isGiven(p[2]) {
		end = st.textArg(p[2])
	}
	length, leeway := st.intArg(p[0], 255), st.intArg(p[3], 5)
	n, tail := utf8.RuneCountInString(s), utf8.RuneCountInString(end)
	if length < tail || leeway < 0 {
		st.typeError("truncate: the length must not be below that of the end, nor the leeway negative")
	}
	if n-leeway <= length {
		return s
	}
	kept := cut(s, 0, length-tail)
	if !isGiven(p[1]) || !st.truth(p[1]) {
		if i := strings.LastIndexByte(kept, ' '); i >= 0 {
			kept = kept[:i]
		}
	}
	st.alloc(len(kept) + len(end))
	return kept + end
}

// urlEncode quotes a text, or the pairs of a mapping as a query.
func urlEncode(st *state, v any, _ []any) any {
	quote := func(v any, query bool) string {
		s := st.str(v)
		st.alloc(3 * len(s))
		s = url.QueryEscape(s)
		if !query {
			s = strings.NewReplacer("+", "%20", "%2F", "/").Replace(s)
		}
		return strings.ReplaceAll(s, "%7E", "~")
	}
	if _, ok := text(v); ok {
		return quote(v, false)
	}
	var pairs []any
	if d, ok := v.(*Dict); ok {
		pairs = st.pairs(d)
	} else if pairs, ok = st.elements(v); !ok {
		return quote(v, false)
	}
	parts := make([]string, len(pairs))
	for i, item := range pairs {
		pair := st.iterate(item)
		if len(pair) != 2 {
			st.typeError("urlencode needs pairs")
		}
		parts[i] = quote(pair[0], true) + "=" + quote(pair[1], true)
	}
	return st.join(parts, "&")
}
