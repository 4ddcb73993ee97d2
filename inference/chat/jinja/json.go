package jinja

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxData bounds how deeply the variables given to a template may nest.
const maxData = 500

// DecodeJSON reads one JSON value for a template: objects become *[Dict], with their keys in order, and numbers
// without a fraction or exponent become integers.
func DecodeJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("reading JSON: there is more than one value")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxData {
		return nil, errors.New("the value nests too deeply")
	}
	t, err := d.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	switch t {
	case json.Delim('['):
		items := []any{}
		for d.More() {
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			items = append(items, v)
		}
		_, err := d.Token()
		return items, err
	case json.Delim('{'):
		dict := NewDict()
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			dict.Set(k.(string), v)
		}
		_, err := d.Token()
		return dict, err
	}
	if n, ok := t.(json.Number); ok {
		return jsonNumber(string(n)), nil
	}
	return t, nil
}

func jsonNumber(s string) any {
	if !strings.ContainsAny(s, ".eE") {
		if v := parseInteger(s); v != nil {
			return v
		}
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range gives an infinity, as in Python
	return f
}

// converter makes a template's own values of the caller's.
type converter struct {
	size int // bytes seen
}

func (c *converter) value(v any, depth int) any {
	if depth > maxData {
		panic(&TemplateError{Kind: Type, Message: "the variables of the template nest too deeply"})
	}
	c.size += 16
	switch x := v.(type) {
	case nil, bool, int, float64, *big.Int:
		return x
	case string:
		c.size += len(x)
		return strings.ToValidUTF8(x, "\uFFFD")
	case json.Number:
		return jsonNumber(string(x))
	case int64:
		return int(x)
	case int32:
		return int(x)
	case float32:
		return float64(x)
	case []any:
		return c.list(len(x), func(i int) any { return x[i] }, depth)
	case []string:
		return c.list(len(x), func(i int) any { return x[i] }, depth)
	case []map[string]any:
		return c.list(len(x), func(i int) any { return x[i] }, depth)
	case []*Dict:
		return c.list(len(x), func(i int) any { return x[i] }, depth)
	case *Dict:
		if x == nil {
			return nil
		}
		d := NewDict()
		for i, k := range x.keys {
			s, _ := text(k)
			d.Set(c.value(s, depth+1).(string), c.value(x.values[i], depth+1))
		}
		return d
	case map[string]any:
		d := NewDict()
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			d.Set(c.value(k, depth+1).(string), c.value(x[k], depth+1))
		}
		return d
	}
	panic(&TemplateError{Kind: Type, Message: fmt.Sprintf("a variable of the template has the type %T, which templates don't know", v)})
}

func (c *converter) list(n int, at func(int) any, depth int) any {
	l := &list{items: make([]any, n)}
	for i := range l.items {
		l.items[i] = c.value(at(i), depth+1)
	}
	return l
}

// jsonWriter writes JSON as Python's json.dumps does.
type jsonWriter struct {
	builder
	ascii        bool
	indented     bool
	indent       string
	comma, colon string
	sortKeys     bool
}

// toJSON is the filter tojson with the parameters it has in Hugging Face's transformers.
func toJSON(st *state, v any, a *args) any {
	p := a.bind(st, "tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys")
	w := &jsonWriter{comma: ", ", colon: ": "}
	w.st = st
	w.ascii = p[0] != any(absent{}) && st.truth(p[0])
	w.sortKeys = p[3] != any(absent{}) && st.truth(p[3])
	if s, ok := text(p[1]); ok {
		w.indented, w.indent = true, s
	} else if n, ok := integer(p[1]); ok {
		st.alloc(max(n, 0))
		w.indented, w.indent = true, strings.Repeat(" ", max(n, 0))
	}
	if w.indented {
		w.comma = ","
	}
	if l, ok := p[2].(*list); ok {
		if len(l.items) != 2 {
			st.typeError("tojson: separators must be two strings")
		}
		var okComma, okColon bool
		w.comma, okComma = text(l.items[0])
		w.colon, okColon = text(l.items[1])
		if !okComma || !okColon {
			st.typeError("tojson: separators must be two strings")
		}
	}
	w.value(v, 0)
	return w.String()
}

func (w *jsonWriter) newline(depth int) {
	if w.indented {
		w.add("\n")
		for range depth {
			w.add(w.indent)
		}
	}
}

func (w *jsonWriter) value(v any, depth int) {
	w.st.enter()
	defer w.st.leave()
	switch x := v.(type) {
	case nil:
		w.add("null")
	case bool:
		w.add(strconv.FormatBool(x))
	case int:
		w.add(strconv.Itoa(x))
	case *big.Int:
		w.add(x.String())
	case float64:
		w.add(jsonFloat(x))
	case string:
		w.quote(x)
	case markup:
		w.quote(string(x))
	case *list:
		if len(x.items) == 0 {
			w.add("[]")
			return
		}
		w.add("[")
		for i, item := range x.items {
			if i > 0 {
				w.add(w.comma)
			}
			w.newline(depth + 1)
			w.value(item, depth+1)
		}
		w.newline(depth)
		w.add("]")
	case *Dict:
		w.dict(x, depth)
	default:
		w.st.typeError("Object of type %s is not JSON serializable", typeName(v))
	}
}

func jsonFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f != f:
		return "NaN"
	}
	return formatFloat(f)
}

func (w *jsonWriter) dict(d *Dict, depth int) {
	if d.Len() == 0 {
		w.add("{}")
		return
	}
	order := make([]int, d.Len())
	for i := range order {
		order[i] = i
	}
	if w.sortKeys {
		sort.SliceStable(order, func(i, j int) bool { return w.st.compare("<", d.keys[order[i]], d.keys[order[j]]) })
	}
	w.add("{")
	for n, i := range order {
		if n > 0 {
			w.add(w.comma)
		}
		w.newline(depth + 1)
		switch k := d.keys[i].(type) {
		case string:
			w.quote(k)
		case markup:
			w.quote(string(k))
		case nil:
			w.quote("null")
		case bool:
			w.quote(strconv.FormatBool(k))
		case int, *big.Int:
			w.quote(w.st.str(k))
		case float64:
			w.quote(jsonFloat(k))
		default:
			w.st.typeError("keys must be str, int, float, bool or None, not %s", typeName(k))
		}
		w.add(w.colon)
		w.value(d.values[i], depth+1)
	}
	w.newline(depth)
	w.add("}")
}

func (w *jsonWriter) quote(s string) {
	w.st.alloc(len(s) + 2)
	w.WriteByte('"')
	from := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r >= 0x20 && r != '"' && r != '\\' && (r < 0x7f || !w.ascii) {
			i += n
			continue
		}
		w.WriteString(s[from:i])
		i += n
		from = i
		switch r {
		case '"', '\\':
			w.WriteByte('\\')
			w.WriteRune(r)
		case '\n':
			w.WriteString(`\n`)
		case '\r':
			w.WriteString(`\r`)
		case '\t':
			w.WriteString(`\t`)
		case '\b':
			w.WriteString(`\b`)
		case '\f':
			w.WriteString(`\f`)
		default:
			if r >= 0x10000 {
				r -= 0x10000
				w.hex(`\u`, 0xD800+r>>10, 4)
				w.hex(`\u`, 0xDC00+r&0x3FF, 4)
			} else {
				w.hex(`\u`, r, 4)
			}
		}
	}
	w.WriteString(s[from:])
	w.WriteByte('"')
}
