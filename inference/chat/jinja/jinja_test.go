package jinja

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

type sample struct{ Source, Want, Raises string }

// samples are snippets with what Python's Jinja2 makes of them.
func samples(t testing.TB) (vars map[string]any, cases []sample) {
	t.Helper()
	data, err := os.ReadFile("testdata/jinja2.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Vars  json.RawMessage
		Cases []sample
	}
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	v, err := DecodeJSON(f.Vars)
	if err != nil {
		t.Fatal(err)
	}
	vars = map[string]any{"messages": nil, "tools": nil, "documents": nil}
	d := v.(*Dict)
	for _, k := range d.Keys() {
		vars[k], _ = d.Get(k)
	}
	return vars, f.Cases
}

var now = time.Date(2026, 1, 15, 12, 34, 56, 0, time.UTC)

func render(src string, vars map[string]any) (string, error) {
	t, err := Parse(src)
	if err != nil {
		return "", err
	}
	return t.Render(vars, Options{Now: now})
}

func TestAsJinja2(t *testing.T) {
	vars, cases := samples(t)
	if len(cases) < 500 {
		t.Fatalf("only %d samples", len(cases))
	}
	for _, c := range cases {
		got, err := render(c.Source, vars)
		var te *TemplateError
		switch {
		case c.Raises == "" && err != nil:
			t.Errorf("%q: %v, want %q", c.Source, err, c.Want)
		case c.Raises == "" && got != c.Want:
			t.Errorf("%q:\n got %q\nwant %q", c.Source, got, c.Want)
		case c.Raises != "" && !errors.As(err, &te):
			t.Errorf("%q: got %q and error %v, want %s", c.Source, got, err, c.Raises)
		case c.Raises != "" && te.Kind == Internal:
			t.Errorf("%q: %v", c.Source, err)
		case c.Raises == "TemplateError" && te.Kind != Raised:
			t.Errorf("%q: %v isn't of kind Raised", c.Source, err)
		}
	}
}

// hostile templates must end soon, within the budgets.
var hostile = map[string]string{
	"string product":       `{{ 'a' * 10**9 * 10**9 }}`,
	"string product chain": `{% set s = 'aaaaaaaaaaaaaaaa' %}{% for i in range(60) %}{% set ns = s %}{% endfor %}{{ ('a'*1000000)*1000000 }}`,
	"doubling":             `{% set n = namespace(s='aaaaaaaa') %}{% for i in range(100) %}{% set n.s = n.s ~ n.s %}{% endfor %}`,
	"list doubling":        `{% set n = namespace(s=[1]) %}{% for i in range(100) %}{% set n.s = n.s + n.s %}{% endfor %}`,
	"list product":         `{{ [0] * 10**12 }}`,
	"nested loops":         `{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}`,
	"loops that write":     `{% for a in range(99999) %}{% for b in range(99999) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endfor %}`,
	"recursive macro":      `{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}`,
	"two recursive macros": `{% macro a(n) %}{{ a(n+1) }}{{ a(n+1) }}{% endmacro %}{{ a(0) }}`,
	"recursive default":    `{% macro m(a=m()) %}{% endmacro %}{{ m() }}`,
	"recursive caller":     `{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}`,
	"recursive loop":       `{% set l = [1] %}{% set _ = l.append(l) %}{% for x in l recursive %}{{ loop(l) }}{% endfor %}`,
	"list in itself":       `{% set l = [] %}{% set _ = l.append(l) %}{{ l }}`,
	"JSON of itself":       `{% set l = [] %}{% set _ = l.append(l) %}{{ l|tojson }}`,
	"equal to itself":      `{% set l = [] %}{% set m = [] %}{% set _ = l.append(m) %}{% set _ = m.append(l) %}{{ l == m }}`,
	"huge range":           `{{ range(10**18)|list }}`,
	"huge width":           `{{ '%1000000000000s' % 'a' }}`,
	"huge format":          `{{ '{:>1000000000000}'.format('a') }}`,
	"huge precision":       `{{ '%.1000000000f' % 1.5 }}`,
	"huge star":            `{{ '%*d' % (10**12, 5) }}`,
	"huge digits":          `{{ '%.999999999999d' % 5 }}`,
	"huge center":          `{{ 'a'.center(10**12) }}`,
	"huge zfill":           `{{ 'a'.zfill(10**12) }}`,
	"huge tabs":            `{{ '\t\t\t'.expandtabs(10**11) }}`,
	"huge indent":          `{{ 'a\nb\nc'|indent(10**12) }}`,
	"huge JSON indent":     `{{ [1,[2,[3]]]|tojson(indent=10**12) }}`,
	"huge batch":           `{{ [1]|batch(10**12, 0)|list }}`,
	"huge slice":           `{{ [1]|slice(10**12)|list }}`,
	"huge replacement":     `{% set a = 'a' * 1000000 %}{{ a|replace('a', a) }}`,
	"huge join":            `{% set a = 'a' * 1000000 %}{{ a.join(a) }}`,
	"huge power":           `{{ 10 ** (10 ** 10) }}`,
	"powers of powers":     `{% set n = namespace(x=3) %}{% for i in range(1000) %}{% set n.x = n.x * n.x %}{% endfor %}`,
	"scan a long text":     `{% set a = 'é' * 1000000 %}{% for i in range(99999) %}{% for j in range(99999) %}{{ a[5] }}{% endfor %}{% endfor %}`,
	"compare long texts":   `{% set a = 'a' * 1000000 %}{% set b = 'a' * 1000000 %}{% for i in range(99999) %}{% for j in range(99) %}{% if a == b %}{% endif %}{% endfor %}{% endfor %}`,
	"strip set":            `{% set a = 'a' * 1000000 %}{% set b = 'b' * 1000000 ~ 'a' %}{{ a.strip(b) }}`,
	"count nothing":        `{% set a = 'a' * 1000000 %}{% for i in range(99999) %}{% for j in range(99) %}{{ a.count('b') }}{% endfor %}{% endfor %}`,
	"sort and sort":        `{% for i in range(99999) %}{% set _ = range(99999)|list|sort(reverse=true) %}{% endfor %}`,
	"spread":               `{% macro m() %}{{ m(*varargs, **kwargs) }}{% endmacro %}{{ m(*range(99999)) }}`,
	"dictionary growth":    `{% set d = {} %}{% for i in range(99999) %}{% for j in range(99999) %}{% set _ = d.update({i ~ '-' ~ j: 1}) %}{% endfor %}{% endfor %}`,
	"pop from a long list": `{% set l = range(99999)|list %}{% for i in range(99999) %}{% set _ = l.pop(0) %}{% set _ = l.insert(0, 1) %}{% endfor %}`,
	"escape again":         `{% set n = namespace(s='&&&&') %}{% for i in range(1000) %}{% set n.s = n.s|forceescape ~ n.s %}{% endfor %}`,
	"repr again":           `{% set n = namespace(s="'\\") %}{% for i in range(1000) %}{% set n.s = [n.s]|string %}{% endfor %}`,
	"tuple keys":           `{% set n = namespace(t=(1,2)) %}{% for i in range(100) %}{% set n.t = (n.t, n.t) %}{% endfor %}{{ {n.t: 1} }}`,
	"deep parentheses":     "{{ " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000) + " }}",
	"deep lists":           "{{ " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + " }}",
	"deep not":             "{{ " + strings.Repeat("not ", 100_000) + "1 }}",
	"deep minus":           "{{ " + strings.Repeat("- ", 100_000) + "1 }}",
	"deep if":              strings.Repeat("{% if 1 %}", 100_000),
	"deep targets":         "{% set " + strings.Repeat("(", 100_000) + "a = 1 %}",
	"deep tests":           "{{ 1 " + strings.Repeat("is in [", 100_000),
	"deep subscripts":      "{{ a" + strings.Repeat("[a", 100_000),
	"long sum":             "{{ 1" + strings.Repeat(" + 1", 100_000) + " }}",
	"long chain":           "{{ a" + strings.Repeat(".a", 100_000) + " }}",
	"long filters":         "{{ 1" + strings.Repeat("|string", 100_000) + " }}",
	"file":                 `{% include "/etc/passwd" %}`,
	"import":               `{% import "os" as os %}`,
	"class":                `{{ ''.__class__.__mro__ }}`,
	"globals":              `{{ range.__globals__.x }}`,
}

func TestHostile(t *testing.T) {
	for name, src := range hostile {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			out := ""
			tmpl, err := Parse(src)
			if err == nil {
				o := Options{Now: now, Steps: 2_000_000}
				if name == "nested loops" {
					o.Steps = 0 // once with the budget of real use
				}
				out, err = tmpl.Render(nil, o)
			}
			var te *TemplateError
			if !errors.As(err, &te) || te.Kind == Internal {
				t.Errorf("got %d bytes and error %v, want a refusal", len(out), err)
			}
			if d := time.Since(start); d > 30*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestInputIsNotChanged(t *testing.T) {
	inner := NewDict()
	inner.Set("a", []any{1})
	vars := map[string]any{"d": inner, "l": []any{"x"}, "m": map[string]any{"k": "v"}}
	if _, err := render(`{% set _ = d.update({'b': 1}) %}{% set _ = d.a.append(2) %}{% set _ = l.append(1) %}{% set _ = m.clear() %}`, vars); err != nil {
		t.Fatal(err)
	}
	a, _ := inner.Get("a")
	if inner.Len() != 1 || !reflect.DeepEqual(a, []any{1}) || len(vars["l"].([]any)) != 1 || len(vars["m"].(map[string]any)) != 1 {
		t.Errorf("the template changed its input: %v %v", inner.Keys(), vars)
	}
}

func TestBudgets(t *testing.T) {
	tmpl, err := Parse(`{% for i in range(1000) %}{{ i }} {% endfor %}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Steps: 1000}, {Bytes: 1000}} {
		var te *TemplateError
		if _, err := tmpl.Render(nil, o); !errors.As(err, &te) || te.Kind != Limit {
			t.Errorf("%+v: got %v, want an error of kind Limit", o, err)
		}
	}
	if out, err := tmpl.Render(nil, Options{}); err != nil || len(out) != 3890 {
		t.Errorf("got %d bytes, %v", len(out), err)
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	for src, line := range map[string]int{
		"a\nb\n{{ 1 + }}":                         3,
		"a\n\n{{ none + 1 }}":                     3,
		"{% if true %}\n\n{{ x.y.z }}{% endif %}": 3,
		"{% for a in b %}\n":                      1,
	} {
		var te *TemplateError
		if _, err := render(src, nil); !errors.As(err, &te) {
			t.Errorf("%q: no error", src)
		} else if te.Line != line {
			t.Errorf("%q: line %d, want %d", src, te.Line, line)
		}
	}
}

func TestFromJSON(t *testing.T) {
	out, err := render(`{% for k, v in ('{"b": [1, 2.0], "a": null}'|from_json).items() %}{{ k }}={{ v }};{% endfor %}`, nil)
	if want := "b=[1, 2.0];a=None;"; err != nil || out != want {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
	if out, err := render(`{{ '{"b'|from_json }}`, nil); err == nil {
		t.Errorf("got %q, want an error", out)
	}
}

func TestDecodeJSON(t *testing.T) {
	v, err := DecodeJSON([]byte(`{"z": 1, "a": [1.0, 1e2, 18446744073709551616, "x\u00e9", null, true], "z2": {}}`))
	if err != nil {
		t.Fatal(err)
	}
	out, err := render(`{{ v|tojson }}`, map[string]any{"v": v})
	if want := `{"z": 1, "a": [1.0, 100.0, 18446744073709551616, "xé", null, true], "z2": {}}`; err != nil || out != want {
		t.Errorf("got %s, %v, want %s", out, err, want)
	}
	for _, bad := range []string{``, `{`, `{"a"`, `[1,]`, `1 2`, strings.Repeat("[", 5000)} {
		if _, err := DecodeJSON([]byte(bad)); err == nil {
			t.Errorf("%.20q: no error", bad)
		}
	}
}

func FuzzRender(f *testing.F) {
	vars, cases := samples(f)
	for _, c := range cases {
		f.Add(c.Source)
	}
	for name, src := range hostile {
		if len(src) < 1000 && !strings.HasPrefix(name, "nested") {
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		tmpl, err := Parse(src)
		if err == nil {
			_, err = tmpl.Render(vars, Options{Now: now, Steps: 200_000, Bytes: 8 << 20})
		}
		var te *TemplateError
		if err != nil && (!errors.As(err, &te) || te.Kind == Internal) {
			t.Fatalf("%q: %v", src, err)
		}
	})
}
