package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// printf is Python's "format % values". named is the right operand where it may be a mapping, nil otherwise.
func (st *state) printf(format string, values []any, named any) string {
	b := builder{st: st}
	mapping, _ := named.(*Dict)
	next, usedNames := 0, false
	take := func() any {
		if next >= len(values) {
			st.typeError("not enough arguments for format string")
		}
		next++
		return values[next-1]
	}
	for i := 0; i < len(format); {
		at := strings.IndexByte(format[i:], '%')
		if at < 0 {
			b.add(format[i:])
			break
		}
		b.add(format[i : i+at])
		i += at + 1
		s := spec{precision: -1, fill: " ", align: '>'}
		var value any = absent{}
		if i < len(format) && format[i] == '(' {
			end := strings.IndexByte(format[i:], ')')
			if end < 0 || mapping == nil {
				st.typeError("format requires a mapping")
			}
			usedNames = true
			v, ok := mapping.Get(format[i+1 : i+end])
			if !ok {
				st.typeError("KeyError: '%s'", format[i+1:i+end])
			}
			value = v
			i += end + 1
		}
		for ; i < len(format) && strings.IndexByte("-+ 0#", format[i]) >= 0; i++ {
			switch format[i] {
			case '-':
				s.align = '<'
			case '+':
				s.sign = '+'
			case ' ':
				if s.sign == 0 {
					s.sign = ' '
				}
			case '0':
				s.zero = true
			case '#':
				s.alternate = true
			}
		}
		size := func() int {
			if i < len(format) && format[i] == '*' {
				i++
				return st.intArg(take(), 0)
			}
			n, digits := leadingInt(format[i:])
			i += digits
			return n
		}
		if s.width = size(); s.width < 0 {
			s.align, s.width = '<', -s.width
		}
		if i < len(format) && format[i] == '.' {
			i++
			s.precision = size()
		}
		if i >= len(format) {
			st.typeError("incomplete format")
		}
		s.kind = format[i]
		i++
		if s.kind == '%' {
			b.add("%")
			continue
		}
		if value == any(absent{}) {
			value = take()
		}
		b.add(st.printfValue(s, value))
	}
	if next < len(values) && !usedNames && mapping == nil {
		st.typeError("not all arguments converted during string formatting")
	}
	return b.String()
}

func (st *state) printfValue(s spec, v any) string {
	switch s.kind {
	case 's', 'r', 'a':
		t := ""
		if s.kind == 's' {
			t = st.str(v)
		} else {
			t = st.repr(v)
		}
		s.kind, s.zero = 's', false
		return st.pads(s, "", st.limited(t, s.precision))
	case 'c':
		if t, ok := text(v); ok && utf8.RuneCountInString(t) == 1 {
			return st.pads(s, "", t)
		}
		return st.pads(s, "", string(rune(st.intArg(v, 0))))
	case 'd', 'i', 'u':
		if f, ok := v.(float64); ok && math.Abs(f) < 1<<63 {
			v = int(f)
		}
		s.kind = 'd'
		fallthrough
	case 'x', 'X', 'o':
		precision := s.precision
		s.precision = -1
		if bigInt(v) == nil {
			st.defined(v)
			st.typeError("%%%c format: a number is required, not %s", s.kind, typeName(v))
		}
		if precision > 0 {
			s.digits = precision
		}
		return st.formatNumber(s, v)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		f, ok := number(v)
		if !ok {
			st.defined(v)
			st.typeError("must be real number, not %s", typeName(v))
		}
		return st.formatNumber(s, f)
	}
	st.typeError("unsupported format character '%c'", s.kind)
	return ""
}

func leadingInt(s string) (n, digits int) {
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		n = min(n*10+int(s[digits]-'0'), 1<<40)
		digits++
	}
	return n, digits
}

// limited is the first n code points of s, all where n is negative.
func (st *state) limited(s string, n int) string {
	if n < 0 || n >= len(s) {
		return s
	}
	st.scan(len(s))
	return cut(s, 0, min(n, utf8.RuneCountInString(s)))
}

// spec is a format specification as str.format and % have it.
type spec struct {
	fill      string
	align     byte // '<', '>', '^', '=' or 0 for the type's own
	sign      byte // '+', ' ' or 0
	alternate bool
	zero      bool
	width     int
	grouping  byte // ',', '_' or 0
	precision int  // -1 where it isn't given
	digits    int  // least digits of an integer (% only)
	kind      byte // 0 where it isn't given
}

// parseSpec reads [[fill]align][sign][#][0][width][grouping][.precision][type].
func (st *state) parseSpec(text string) spec {
	s := spec{fill: " ", precision: -1}
	rest := text
	if _, n := utf8.DecodeRuneInString(rest); n > 0 && len(rest) > n && strings.IndexByte("<>=^", rest[n]) >= 0 {
		s.fill, s.align, rest = rest[:n], rest[n], rest[n+1:]
	} else if rest != "" && strings.IndexByte("<>=^", rest[0]) >= 0 {
		s.align, rest = rest[0], rest[1:]
	}
	take := func(set string) byte {
		if rest != "" && strings.IndexByte(set, rest[0]) >= 0 {
			c := rest[0]
			rest = rest[1:]
			return c
		}
		return 0
	}
	s.sign = take("+- ")
	if s.sign == '-' {
		s.sign = 0
	}
	s.alternate = take("#") != 0
	s.zero = take("0") != 0
	var n int
	s.width, n = leadingInt(rest)
	rest = rest[n:]
	s.grouping = take(",_")
	if take(".") != 0 {
		s.precision, n = leadingInt(rest)
		if n == 0 {
			st.typeError("Format specifier missing precision")
		}
		rest = rest[n:]
	}
	s.kind = take("bcdeEfFgGnosxX%")
	if rest != "" {
		st.typeError("Invalid format specifier '%s'", text)
	}
	return s
}

// formatValue is Python's format(v, spec).
func (st *state) formatValue(v any, text string) string {
	if text == "" {
		return st.str(v)
	}
	s := st.parseSpec(text)
	switch v.(type) {
	case string, markup:
		if s.kind != 0 && s.kind != 's' || s.align == '=' {
			st.typeError("Unknown format code '%c' for object of type 'str'", s.kind)
		}
		if s.align == 0 {
			s.align = '<'
			if s.zero {
				s.fill = "0"
			}
		}
		s.zero = false
		return st.pads(s, "", st.limited(st.str(v), s.precision))
	case int, float64, bool, *big.Int:
		if s.align == 0 {
			s.align = '>'
		} else if s.zero {
			s.zero = false
		}
		return st.formatNumber(s, v)
	}
	st.defined(v)
	st.typeError("unsupported format string passed to %s.__format__", typeName(v))
	return ""
}

// formatNumber formats a number by a specification.
func (st *state) formatNumber(s spec, v any) string {
	if s.precision > 1000 {
		st.fail(Limit, "the precision of a format is too large")
	}
	b := bigInt(v)
	prefix, digits, fraction := "", "", ""
	negative := false
	switch {
	case b != nil && strings.IndexByte("bcdnoxX\x00", s.kind) >= 0:
		if s.kind == 'c' {
			return st.pads(s, "", string(rune(b.Int64())))
		}
		base := map[byte]int{'b': 2, 'o': 8, 'x': 16, 'X': 16}[s.kind]
		if base == 0 {
			base = 10
		}
		negative = b.Sign() < 0
		digits = new(big.Int).Abs(b).Text(base)
		if s.alternate && base != 10 {
			prefix = "0" + string(s.kind)
		}
		if s.kind == 'X' {
			digits = strings.ToUpper(digits)
		}
		if n := s.digits - len(digits); n > 0 {
			st.alloc(n)
			digits = strings.Repeat("0", n) + digits
		}
	default:
		f, _ := number(v)
		negative = math.Signbit(f)
		digits, fraction = formatReal(s, math.Abs(f))
	}
	if s.grouping != 0 {
		digits = group(digits, string(s.grouping))
	}
	sign := ""
	switch {
	case negative:
		sign = "-"
	case s.sign != 0:
		sign = string(s.sign)
	}
	return st.pads(s, sign+prefix, digits+fraction)
}

// formatReal gives the digits before the point and all that follows them.
func formatReal(s spec, f float64) (digits, rest string) {
	kind, precision, percent := s.kind, s.precision, ""
	if math.IsInf(f, 0) || f != f {
		t := "inf"
		if f != f {
			t = "nan"
		}
		if kind == 'E' || kind == 'F' || kind == 'G' {
			t = strings.ToUpper(t)
		}
		return t, ""
	}
	if precision < 0 {
		precision = 6
	}
	var t string
	switch kind {
	case '%':
		t, percent = strconv.FormatFloat(f*100, 'f', precision, 64), "%"
	case 'f', 'F':
		t = strconv.FormatFloat(f, 'f', precision, 64)
	case 'e', 'E':
		t = strconv.FormatFloat(f, kind, precision, 64)
	case 'g', 'G', 'n':
		t = general(f, max(precision, 1), s.alternate)
		if kind == 'G' {
			t = strings.ToUpper(t)
		}
	default:
		if s.precision < 0 {
			t = formatFloat(f)
		} else if t = general(f, max(precision, 1), false); !strings.ContainsAny(t, ".e") {
			t += ".0"
		}
	}
	n := strings.IndexAny(t, ".eE")
	if n < 0 {
		n = len(t)
	}
	return t[:n], t[n:] + percent
}

// general is C's %g: precision significant digits, with an exponent where that is shorter.
func general(f float64, precision int, keepZeros bool) string {
	e := strconv.FormatFloat(f, 'e', precision-1, 64)
	mantissa, exponent, _ := strings.Cut(e, "e")
	exp, _ := strconv.Atoi(exponent)
	if exp >= -4 && exp < precision {
		mantissa, exponent = strconv.FormatFloat(f, 'f', precision-1-exp, 64), ""
	}
	if !keepZeros && strings.Contains(mantissa, ".") {
		mantissa = strings.TrimSuffix(strings.TrimRight(mantissa, "0"), ".")
	}
	if exponent != "" {
		mantissa += "e" + exponent
	}
	return mantissa
}

// group puts a separator between groups of three digits.
func group(digits, sep string) string {
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(sep)
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}

// pads brings prefix and body to the width of the specification.
func (st *state) pads(s spec, prefix, body string) string {
	n := s.width - utf8.RuneCountInString(prefix) - utf8.RuneCountInString(body)
	if n <= 0 {
		st.alloc(len(prefix) + len(body))
		return prefix + body
	}
	st.pad(n, len(s.fill))
	st.alloc(len(prefix) + len(body))
	switch {
	case s.zero && s.align != '<':
		return prefix + strings.Repeat("0", n) + body
	case s.align == '=':
		return prefix + strings.Repeat(s.fill, n) + body
	case s.align == '<':
		return prefix + body + strings.Repeat(s.fill, n)
	case s.align == '^':
		return strings.Repeat(s.fill, n/2) + prefix + body + strings.Repeat(s.fill, n-n/2)
	}
	return strings.Repeat(s.fill, n) + prefix + body
}

// format is Python's str.format.
func (st *state) format(s string, a *args) string {
	b := builder{st: st}
	auto := 0
	b.fields(s, a, &auto, 0)
	return b.String()
}

func (b *builder) fields(s string, a *args, auto *int, depth int) {
	st := b.st
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			b.add(s)
			return
		}
		b.add(s[:i])
		c := s[i]
		s = s[i+1:]
		if s != "" && s[0] == c {
			b.add(s[:1])
			s = s[1:]
			continue
		}
		if c == '}' {
			st.typeError("Single '}' encountered in format string")
		}
		end, level := -1, 1
		for k := range len(s) {
			if s[k] == '{' {
				level++
			} else if s[k] == '}' {
				if level--; level == 0 {
					end = k
					break
				}
			}
		}
		if end < 0 || depth > 1 {
			st.typeError("expected '}' before end of string")
		}
		b.field(s[:end], a, auto, depth)
		s = s[end+1:]
	}
}

// field formats one replacement field: [name][!conversion][:spec].
func (b *builder) field(field string, a *args, auto *int, depth int) {
	st := b.st
	name, layout := field, ""
	if i := strings.IndexAny(field, ":!"); i >= 0 {
		name = field[:i]
	}
	rest := field[len(name):]
	conversion := byte(0)
	if len(rest) > 1 && rest[0] == '!' {
		conversion, rest = rest[1], rest[2:]
	}
	if rest != "" {
		if rest[0] != ':' {
			st.typeError("expected ':' after conversion specifier")
		}
		inner := builder{st: st}
		inner.fields(rest[1:], a, auto, depth+1)
		layout = inner.String()
	}
	v := st.lookup(name, a, auto)
	switch conversion {
	case 's':
		v = st.str(v)
	case 'r', 'a':
		v = st.repr(v)
	}
	b.add(st.formatValue(v, layout))
}

// lookup finds the value of a field name such as "0.attr[key]".
func (st *state) lookup(name string, a *args, auto *int) any {
	n := strings.IndexAny(name, ".[")
	if n < 0 {
		n = len(name)
	}
	first, path := name[:n], name[n:]
	var v any = absent{}
	if first == "" {
		first = strconv.Itoa(*auto)
		*auto++
	}
	if i, err := strconv.Atoi(first); err == nil {
		if i < 0 || i >= len(a.positional) {
			st.typeError("Replacement index %d out of range for positional args tuple", i)
		}
		v = a.positional[i]
	} else {
		for _, n := range a.named {
			if n.name == first {
				v = n.value
			}
		}
	}
	if v == any(absent{}) {
		st.typeError("KeyError: '%s'", first)
	}
	for path != "" {
		if path[0] == '[' {
			end := strings.IndexByte(path, ']')
			if end < 0 {
				st.typeError("Missing ']' in format string")
			}
			key := path[1:end]
			if i, err := strconv.Atoi(key); err == nil {
				v = st.item(v, i)
			} else {
				v = st.item(v, key)
			}
			path = path[end+1:]
			continue
		}
		path = path[1:]
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		v = st.attr(v, path[:end])
		path = path[end:]
	}
	return v
}
