package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// str is Python's str().
func (st *state) str(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case markup:
		return string(x)
	case *undefined:
		return ""
	}
	return st.repr(v)
}

// repr is Python's repr().
func (st *state) repr(v any) string {
	var b builder
	b.st = st
	b.repr(v)
	return b.String()
}

// builder builds a text within the budget.
type builder struct {
	strings.Builder
	st *state
}

func (b *builder) add(s string) {
	b.st.alloc(len(s))
	b.WriteString(s)
}

func (b *builder) repr(v any) {
	b.st.enter()
	defer b.st.leave()
	switch x := v.(type) {
	case nil:
		b.add("None")
	case bool:
		if x {
			b.add("True")
		} else {
			b.add("False")
		}
	case int:
		b.add(strconv.Itoa(x))
	case *big.Int:
		b.add(x.String())
	case float64:
		b.add(formatFloat(x))
	case string:
		b.quote(x)
	case markup:
		b.add("Markup(")
		b.quote(string(x))
		b.add(")")
	case *undefined:
		b.add("Undefined")
	case *list:
		open, shut := "[", "]"
		if x.tuple {
			open, shut = "(", ")"
			if len(x.items) == 1 {
				shut = ",)"
			}
		}
		b.items(open, shut, x.items)
	case *view:
		b.items(x.kind+"([", "])", x.items)
	case *Dict:
		b.dict(x)
	case *rangeValue:
		b.add("range(" + strconv.Itoa(x.start) + ", " + strconv.Itoa(x.stop))
		if x.step != 1 {
			b.add(", " + strconv.Itoa(x.step))
		}
		b.add(")")
	case *namespace:
		b.add("<Namespace ")
		b.dict(x.vars)
		b.add(">")
	case *loop:
		b.add("<LoopContext " + strconv.Itoa(x.index+1) + "/" + strconv.Itoa(len(x.items)) + ">")
	case *macro:
		b.add("<Macro '" + x.name + "'>")
	case *function:
		b.add("<function " + x.name + ">")
	default:
		b.add("<" + typeName(v) + " object>")
	}
}

func (b *builder) items(open, shut string, items []any) {
	b.add(open)
	for i, item := range items {
		if i > 0 {
			b.add(", ")
		}
		b.repr(item)
	}
	b.add(shut)
}

func (b *builder) dict(d *Dict) {
	b.add("{")
	for i, k := range d.keys {
		if i > 0 {
			b.add(", ")
		}
		b.repr(k)
		b.add(": ")
		b.repr(d.values[i])
	}
	b.add("}")
}

// quote writes a text as Python's repr does: in single quotes unless it contains only those, and with what is not
// printable escaped.
func (b *builder) quote(s string) {
	q := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		q = '"'
	}
	b.st.alloc(len(s) + 2)
	b.WriteByte(q)
	for _, r := range s {
		switch {
		case r == rune(q) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			b.hex(`\x`, r, 2)
		case r < 0x10000:
			b.hex(`\u`, r, 4)
		default:
			b.hex(`\U`, r, 8)
		}
	}
	b.WriteByte(q)
}

func (b *builder) hex(prefix string, r rune, digits int) {
	h := strconv.FormatInt(int64(r), 16)
	b.add(prefix + strings.Repeat("0", digits-len(h)) + h)
}

// formatFloat writes a float as Python does: the shortest digits that read back the same, with an exponent below
// 1e-4 and from 1e16 on.
func formatFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f != f:
		return "nan"
	}
	e := strconv.FormatFloat(f, 'e', -1, 64)
	exp, _ := strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
	if exp < -4 || exp >= 16 {
		return e
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if strings.IndexByte(s, '.') < 0 {
		s += ".0"
	}
	return s
}

// escape makes a text safe inside HTML, as the filter of that name does.
func (st *state) escape(s string) string {
	st.scan(len(s))
	if !strings.ContainsAny(s, `&<>'"`) {
		return s
	}
	st.alloc(5 * len(s))
	return htmlEscaper.Replace(s)
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;")
